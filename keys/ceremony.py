"""The office's seal root and the issuers' seal certificates (X.509, RFC 5280).

The seal root (电子印章根证书) certifies, for each company that issues, the P-256 key which seals
its PDFs (评价机构电子印章). The private keys live in the key ring, purpose `pdf`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keys.errors import KeyRefused
from keys.signer import PrivateKey, PublicKey
from keys.strict import whole_second

ROOT_YEARS: Final = 20
SEAL_YEARS: Final = 5

_MAX_COMMON_NAME: Final = 64
"""In bytes of UTF-8: what X.509 libraries take, stricter than X.520's 64 characters."""


def make_seal_root(private_key: PrivateKey, office_name: str, now: datetime) -> bytes:
    """Make the office's self-signed root (DER): CA of path length 0, good for 20 years.

    Raises KeyRefused unless the key is on P-256 and the name is not empty.
    """
    key = _p256(private_key)
    subject = _name(office_name)
    start = whole_second(now)
    authority = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(subject, subject, key.public_key(), start, _years_after(start, ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(authority, critical=False)
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )


def make_seal_certificate(
    root_private_key: PrivateKey,
    root_der: bytes,
    public_key: PublicKey,
    *,
    company: str,
    uscc: str,
    now: datetime,
) -> bytes:
    """Certify a company's seal key (DER): good for 5 years, but never longer than the root.

    The subject's `serialNumber` is the unified social credit code (统一社会信用代码). Raises
    KeyRefused if the root's key and certificate differ, or the root is not in force at `now`.
    """
    root_key = _p256(root_private_key)
    try:
        root = x509.load_der_x509_certificate(root_der)
    except ValueError:
        raise KeyRefused("the seal root's certificate cannot be read") from None
    if root.public_key() != root_key.public_key():
        raise KeyRefused("the seal root's private key is not that of its certificate")
    if not isinstance(public_key, EllipticCurvePublicKey) or not isinstance(
        public_key.curve, SECP256R1
    ):
        raise KeyRefused("a seal needs a P-256 key: PDF readers know no other of ours")
    start = whole_second(now)
    if not root.not_valid_before_utc <= start < root.not_valid_after_utc:
        raise KeyRefused("the seal root is not in force at this time: make a new one")
    end = min(_years_after(start, SEAL_YEARS), root.not_valid_after_utc)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    subject = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return (
        _builder(_name(company, uscc), root.subject, public_key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key_cert_sign=False), critical=True)
        .add_extension(subject, critical=False)
        .add_extension(authority, critical=False)
        .sign(root_key, SHA256())
        .public_bytes(Encoding.DER)
    )


def _p256(private_key: PrivateKey) -> EllipticCurvePrivateKey:
    if isinstance(private_key, EllipticCurvePrivateKey) and isinstance(
        private_key.curve, SECP256R1
    ):
        return private_key
    raise KeyRefused("a seal root needs a P-256 key: PDF readers know no other of ours")


def _name(organisation: str, uscc: str = "") -> x509.Name:
    """Name a subject; the whole name stands in O, as much of it as fits in CN."""
    if not organisation.strip():
        raise KeyRefused("a seal certificate needs the organisation's name")
    # Cut between characters: half a Chinese one would be no text at all.
    common = organisation.encode()[:_MAX_COMMON_NAME].decode(errors="ignore")
    facts = [(NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, organisation)]
    if uscc:
        facts.append((NameOID.SERIAL_NUMBER, uscc))
    facts.append((NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in facts])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: EllipticCurvePublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )


def _usage(*, key_cert_sign: bool) -> x509.KeyUsage:
    """Either certifies (the root) or signs documents (a seal), never both."""
    return x509.KeyUsage(
        digital_signature=not key_cert_sign,
        content_commitment=not key_cert_sign,  # nonRepudiation's name since X.509 of 2000
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _years_after(start: datetime, years: int) -> datetime:
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February
        return start.replace(year=start.year + years, day=28)
