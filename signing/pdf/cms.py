"""The one form a seal's CMS (RFC 5652) may have here, built and checked by the same function.

PAdES B-B or B-T (ETSI EN 319 142-1 §6): detached, SHA-256, ECDSA P-256, signed attributes
content-type, message-digest and signing-certificate-v2, the signer's certificate and the office's
seal root; unsigned, a timestamp over the signature or nothing. CMS leaves much unsigned (versions,
algorithm parameters, extra certificates, unsigned attributes, BER spellings). Whoever changes one
byte of that would go unnoticed by a validator that asks only for the signature; rebuilding the
whole from its signed parts and comparing bytes notices.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asn1crypto import cms, x509
from cryptography.x509 import load_der_x509_certificate

from signing.errors import MalformedPdf

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST: Final = "sha256"

_OID_SHA256: Final = bytes.fromhex("0609608648016503040201")
_OID_ECDSA_SHA256: Final = bytes.fromhex("06082a8648ce3d040302")
_OID_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_OID_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_OID_CONTENT_TYPE: Final = bytes.fromhex("06092a864886f70d010903")
_OID_MESSAGE_DIGEST: Final = bytes.fromhex("06092a864886f70d010904")
_OID_SIGNING_CERTIFICATE_V2: Final = bytes.fromhex("060b2a864886f70d010910022f")
_OID_TIMESTAMP: Final = bytes.fromhex("060b2a864886f70d010910020e")
"""Object identifiers in DER: RFC 5754 §2.2, RFC 5758 §3.2, RFC 5652 §§4, 5, 11, RFC 5035 §3,
RFC 3161 appendix A."""

_VERSION_1: Final = bytes.fromhex("020101")
_BITS, _OCTETS, _SEQUENCE, _SET, _CONTEXT_0, _CONTEXT_1 = 0x03, 0x04, 0x30, 0x31, 0xA0, 0xA1
_SHORT_LENGTH: Final = 0x80

_LONGEST_SIGNATURE: Final = 72
"""Bytes of an ECDSA P-256 signature in DER: two integers of at most 33 bytes, and 6 of framing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCms:
    """The parts of a seal's CMS.

    DER of the signed attributes (as SET OF), the ECDSA signature in DER, DER of the signer's
    certificate and of the root that came with it, and of the timestamp's token, if there is one.
    """

    signed_attributes: bytes
    signature: bytes
    certificate: bytes
    root: bytes
    timestamp: bytes | None = None


def make_cms(
    document_digest: bytes,
    *,
    certificate: bytes,
    root: bytes,
    sign: Callable[[bytes], bytes],
    stamp: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Build the CMS over a document's SHA-256 (32 bytes), in DER.

    `sign` returns the DER ECDSA signature (SHA-256) over the bytes it is given, `stamp` a
    timestamp's token over the SHA-256 it is given (that of the signature).
    """
    attributes = _attributes(document_digest, certificate)
    signature = sign(attributes)
    return assemble(
        SealCms(
            signed_attributes=attributes,
            signature=signature,
            certificate=certificate,
            root=root,
            timestamp=None if stamp is None else stamp(hashlib.sha256(signature).digest()),
        )
    )


def cms_size(certificate: bytes, root: bytes) -> int:
    """Tell the most bytes the CMS with these certificates can take."""
    longest = bytes(_LONGEST_SIGNATURE)
    return len(make_cms(bytes(32), certificate=certificate, root=root, sign=lambda _: longest))


def assemble(parts: SealCms) -> bytes:
    """Put the parts together; there is exactly one DER of them."""
    certificate = x509.Certificate.load(parts.certificate)["tbs_certificate"]
    sha256 = _der(_SEQUENCE, _OID_SHA256)
    unsigned = () if parts.timestamp is None else (_stamp_attribute(parts.timestamp),)
    signer = _der(
        _SEQUENCE,
        _VERSION_1,
        _der(_SEQUENCE, certificate["issuer"].dump(), certificate["serial_number"].dump()),
        sha256,
        # Inside, the attributes carry the tag [0]; what is signed carries that of a SET.
        bytes((_CONTEXT_0,)) + parts.signed_attributes[1:],
        _der(_SEQUENCE, _OID_ECDSA_SHA256),
        _der(_OCTETS, parts.signature),
        *unsigned,
    )
    signed = _der(
        _SEQUENCE,
        _VERSION_1,
        _der(_SET, sha256),
        _der(_SEQUENCE, _OID_DATA),
        _der(_CONTEXT_0, *sorted((parts.certificate, parts.root))),
        _der(_SET, signer),
    )
    return _der(_SEQUENCE, _OID_SIGNED_DATA, _der(_CONTEXT_0, signed))


def parse_cms(der: bytes) -> SealCms:
    """Take a seal's CMS apart; MalformedPdf unless it is byte for byte the form above."""
    try:
        parts = _parts(der)
        rebuilt = assemble(parts)
    except Exception:  # noqa: BLE001 -- damaged DER makes the parser raise anything
        raise MalformedPdf("the seal inside the PDF is damaged") from None
    if rebuilt != der or not _signs_itself(parts.root):
        raise MalformedPdf("the seal inside the PDF is damaged or not of this registry's form")
    return parts


def _attributes(document_digest: bytes, certificate: bytes) -> bytes:
    # ESSCertIDv2 with its default algorithm (SHA-256), which DER leaves out.
    reference = _der(_SEQUENCE, _der(_OCTETS, hashlib.sha256(certificate).digest()))
    attributes = (
        _der(_SEQUENCE, _OID_CONTENT_TYPE, _der(_SET, _OID_DATA)),
        _der(_SEQUENCE, _OID_MESSAGE_DIGEST, _der(_SET, _der(_OCTETS, document_digest))),
        _der(
            _SEQUENCE,
            _OID_SIGNING_CERTIFICATE_V2,
            _der(_SET, _der(_SEQUENCE, _der(_SEQUENCE, reference))),
        ),
    )
    return _der(_SET, *sorted(attributes))


def _stamp_attribute(token: bytes) -> bytes:
    return _der(_CONTEXT_1, _der(_SEQUENCE, _OID_TIMESTAMP, _der(_SET, token)))


def _parts(der: bytes) -> SealCms:
    signed = cms.ContentInfo.load(der, strict=True)["content"]
    (signer,) = signed["signer_infos"]
    serial = signer["sid"].chosen["serial_number"].native
    first, second = (choice.chosen for choice in signed["certificates"])
    own, root = (first, second) if first.serial_number == serial else (second, first)
    attributes: bytes = signer["signed_attrs"].dump()
    # What else an unsigned attribute may be, the comparison with the rebuilt bytes will tell.
    tokens = [attribute["values"][0].dump() for attribute in signer["unsigned_attrs"]]
    return SealCms(
        signed_attributes=bytes((_SET,)) + attributes[1:],
        signature=signer["signature"].native,
        certificate=own.dump(),
        root=root.dump(),
        timestamp=tokens[0] if tokens else None,
    )


def _der(tag: int, *contents: bytes) -> bytes:
    """Encode one tag, length and value (X.690 §8.1, definite and shortest form)."""
    body = b"".join(contents)
    if len(body) < _SHORT_LENGTH:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT_LENGTH | len(length))) + length + body


def _signs_itself(der: bytes) -> bool:
    # The root is in no signed part of the CMS: its own signature holds what it says together,
    # and rebuilding it holds together the few bytes of framing around that.
    try:
        root = load_der_x509_certificate(der)
        root.verify_directly_issued_by(root)
    except Exception:  # noqa: BLE001 -- damaged DER makes the parser raise anything
        return False
    signature = _der(_BITS, b"\0" + root.signature)
    algorithm = _der(_SEQUENCE, _OID_ECDSA_SHA256)
    return der == _der(_SEQUENCE, root.tbs_certificate_bytes, algorithm, signature)
