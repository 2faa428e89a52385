"""The seal root and the seal certificates, checked with an independent chain verifier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keys.ceremony import make_seal_certificate, make_seal_root
from keys.errors import KeyRefused
from keys.keyfile import new_private_key
from keys.model import Algorithm, Purpose
from keys.ring import KeyRing
from keys.signer import PrivateKey

USCC = "91440300MA5TEST00X"
COMPANY = "演示精密制造有限公司"


@pytest.fixture(scope="module")
def root_key() -> PrivateKey:
    return new_private_key(Algorithm.ECDSA_P256)


@pytest.fixture(scope="module")
def root(root_key: PrivateKey, now: datetime) -> bytes:
    return make_seal_root(root_key, "演示市职业技能鉴定办公室", now)


def certify(
    root_key: PrivateKey, root: bytes, now: datetime, company: str = COMPANY
) -> x509.Certificate:
    key = new_private_key(Algorithm.ECDSA_P256)
    der = make_seal_certificate(
        root_key, root, key.public_key(), company=company, uscc=USCC, now=now
    )
    return x509.load_der_x509_certificate(der)


def name(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(part.value) for part in certificate.subject.get_attributes_for_oid(oid)]


def test_the_root_certifies_and_does_nothing_else(root: bytes, now: datetime) -> None:
    found = x509.load_der_x509_certificate(root)
    assert found.subject == found.issuer
    found.verify_directly_issued_by(found)
    assert isinstance(found.public_key(), ec.EllipticCurvePublicKey)
    basic = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)
    usage = found.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.digital_signature) == (True, False)
    assert found.not_valid_before_utc == now
    assert found.not_valid_after_utc == now.replace(year=2046)


def test_a_seal_names_the_company_and_chains_to_the_root(
    root_key: PrivateKey, root: bytes, now: datetime
) -> None:
    found, parent = certify(root_key, root, now), x509.load_der_x509_certificate(root)
    found.verify_directly_issued_by(parent)
    assert name(found, NameOID.COMMON_NAME) == [COMPANY]
    assert name(found, NameOID.ORGANIZATION_NAME) == [COMPANY]
    assert name(found, NameOID.COUNTRY_NAME) == ["CN"]
    assert name(found, NameOID.SERIAL_NUMBER) == [USCC]
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment) == (True, True)
    assert not usage.key_cert_sign
    assert found.not_valid_after_utc == now.replace(year=2031)
    issuer = found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = parent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer.key_identifier == subject.digest


def test_a_long_name_stands_whole_in_o_and_cut_between_characters_in_cn(
    root_key: PrivateKey, root: bytes, now: datetime
) -> None:
    company = "长" * 40
    found = certify(root_key, root, now, company)
    assert name(found, NameOID.ORGANIZATION_NAME) == [company]
    assert name(found, NameOID.COMMON_NAME) == ["长" * 21]


def test_a_seal_never_outlives_the_root(root_key: PrivateKey, root: bytes, now: datetime) -> None:
    end = now.replace(year=2046)
    assert certify(root_key, root, end - timedelta(days=1)).not_valid_after_utc == end
    for outside in (end, now - timedelta(seconds=1)):
        with pytest.raises(KeyRefused, match="not in force"):
            certify(root_key, root, outside)


def test_a_leap_day_ends_on_the_28th(root_key: PrivateKey) -> None:
    leap = datetime(2028, 2, 29, tzinfo=UTC)
    found = certify(root_key, make_seal_root(root_key, "x", leap), leap)
    assert found.not_valid_after_utc == datetime(2033, 2, 28, tzinfo=UTC)


def test_keys_and_names_that_do_not_fit_are_refused(
    root_key: PrivateKey, root: bytes, now: datetime
) -> None:
    ed25519 = new_private_key(Algorithm.ED25519)
    with pytest.raises(KeyRefused):
        make_seal_root(ed25519, "x", now)
    with pytest.raises(KeyRefused):
        make_seal_root(root_key, " ", now)
    with pytest.raises(KeyRefused, match="not that of"):
        certify(new_private_key(Algorithm.ECDSA_P256), root, now)
    with pytest.raises(KeyRefused, match="P-256"):
        make_seal_certificate(
            root_key, root, ed25519.public_key(), company=COMPANY, uscc=USCC, now=now
        )
    with pytest.raises(KeyRefused, match="cannot be read"):
        certify(root_key, b"no certificate", now)


def test_the_ring_keeps_root_and_seal_with_their_certificates(ring: KeyRing, now: datetime) -> None:
    root = ring.generate(
        algorithm=Algorithm.ECDSA_P256,
        purpose=Purpose.PDF,
        issuer="office",
        not_before=now,
        not_after=now.replace(year=2046),
        certificate=lambda key: make_seal_root(key, "演示市职业技能鉴定办公室", now),
    )
    root_key = ring.signer(Purpose.PDF, "office", now).private_key
    der = root.certificate or b""
    seal = ring.generate(
        algorithm=Algorithm.ECDSA_P256,
        purpose=Purpose.PDF,
        issuer="Y000044999001",
        not_before=now,
        not_after=now.replace(year=2031),
        certificate=lambda key: make_seal_certificate(
            root_key, der, key.public_key(), company=COMPANY, uscc=USCC, now=now
        ),
    )
    assert ring.signer(Purpose.PDF, "Y000044999001", now).info == seal
    x509.load_der_x509_certificate(seal.certificate or b"").verify_directly_issued_by(
        x509.load_der_x509_certificate(der)
    )
    for wrong in (der, b"no certificate"):
        with pytest.raises(KeyRefused, match="nothing was written"):
            ring.generate(
                algorithm=Algorithm.ECDSA_P256,
                purpose=Purpose.PDF,
                issuer="Y000044999001",
                not_before=now,
                not_after=now.replace(year=2031),
                certificate=lambda _, wrong=wrong: wrong,  # type: ignore[misc]
            )
    assert ring.keys() == tuple(sorted((root, seal), key=lambda key: key.key_id))
