"""Timestamps by an authority (时间戳, RFC 3161): asked for, and checked.

A timestamp is somebody else's word for the time: it outlives the seal's key, and a seal stamped
before its key was stolen stays good. The token's form is held as tight as the seal's own, and for
the same reason: what it leaves unsigned is rebuilt and compared. So it is put into that form when
it is got, with the whole chain of its certificates up to the root, each of which holds the one
below. Authorities that sign by RSA (PKCS #1 v1.5) or ECDSA serve; which roots count, the trust
folder says, never the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from asn1crypto import algos, cms, core, tsp, x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import ExtendedKeyUsage, load_der_x509_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from signing.errors import MalformedPdf, StampFailed

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TOKEN_BYTES: Final = 32 * 1024
"""Longest token taken; one with three RSA certificates has about 6 KiB."""

NONCE_BYTES: Final = 8

CLOCK_SLACK: Final = timedelta(minutes=5)

_GRANTED: Final = {"granted", "granted_with_mods"}
_TAG_SEQUENCE, _TAG_SET, _TAG_OCTETS, _TAG_BITS, _CONTEXT_0 = 0x30, 0x31, 0x04, 0x03, 0xA0
_OID_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_OID_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
_VERSION_1: Final = bytes.fromhex("020101")
_VERSION_3: Final = bytes.fromhex("020103")
_DIGESTS: Final = ("sha256", "sha384", "sha512")
_SIGNATURES: Final = (
    "rsassa_pkcs1v15",
    *(f"{digest}_{kind}" for digest in _DIGESTS for kind in ("rsa", "ecdsa")),
)


class StampLevel(StrEnum):
    """How far a PDF is stamped (ETSI EN 319 142-1)."""

    SEAL = "B-T"
    """The seal bears a timestamp."""
    ARCHIVE = "B-LTA"
    """So it does, and the whole file, with the certificates needed to check it, bears another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamping:
    """An authority to ask, and how it is trusted.

    `ask` carries a request to it and brings the answer back (both DER); it raises StampFailed.
    `roots` are its root certificates, `crls` revocation lists to be kept in the file (DER).
    `random` gives that many random bytes.
    """

    ask: Callable[[bytes], bytes]
    roots: tuple[bytes, ...]
    level: StampLevel
    random: Callable[[int], bytes]
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A timestamp found whole: its time, and whether one of the given roots vouches for it.

    `certificates` are those it carries (DER).
    """

    at: datetime
    trusted: bool
    certificates: tuple[bytes, ...]


def ask_stamp(stamping: Stamping, message_digest: bytes, now: datetime) -> bytes:
    """Get a token over a SHA-256 (32 bytes), checked before it is used; returns its DER.

    Raises StampFailed: no answer, a refusal, or a token this office's readers could not trust.
    """
    nonce = int.from_bytes(stamping.random(NONCE_BYTES), "big")
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": message_digest}
    request = tsp.TimeStampReq(
        {"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True}
    )
    try:
        token = _in_form(_token_of(stamping.ask(request.dump()), nonce), stamping.roots)
        stamp = read_stamp(
            token, lambda name: message_digest if name == "sha256" else b"", stamping.roots
        )
    except MalformedPdf:
        raise StampFailed("the timestamp authority's token (时间戳) is not good") from None
    if not stamp.trusted:
        raise StampFailed(
            "the timestamp authority's certificate does not lead to the roots in `timestamps/`: "
            "put the authority's root certificate there"
        )
    if abs(stamp.at - now) > CLOCK_SLACK:
        raise StampFailed(
            "the timestamp authority's clock and this machine's differ by over 5 minutes: set "
            "this machine's clock"
        )
    return token


def _token_of(answer: bytes, nonce: int) -> bytes:
    try:
        response = _Response.load(answer, strict=True)
        status = response["status"]["status"].native
        token: bytes = response["time_stamp_token"].dump() if status in _GRANTED else b""
        told = _info(cms.ContentInfo.load(token, strict=True)) if token else None
        same = told is not None and told["nonce"].native == nonce
    except Exception:  # noqa: BLE001 -- damaged DER makes the parser raise anything
        raise StampFailed("the timestamp authority's answer cannot be read") from None
    if not token:
        raise StampFailed(f"the timestamp authority refused the request ({status})")
    if not same or len(token) > MAX_TOKEN_BYTES:
        raise StampFailed("the timestamp authority answered another request than ours")
    return token


class _Response(core.Sequence):  # type: ignore[misc]
    """TimeStampResp (RFC 3161 §2.4.2): a refusal comes without a token."""

    _fields: ClassVar = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


def _in_form(token: bytes, roots: tuple[bytes, ...]) -> bytes:
    """Put an authority's token into the one form, with the chain up to its root and no more."""
    try:
        signed = cms.ContentInfo.load(token, strict=True)["content"]
        carried = [choice.chosen for choice in signed["certificates"]]
        known = [x509.Certificate.load(root) for root in roots]
        return _assembled(signed, _chain(signed, [*carried, *known]))
    except Exception:  # noqa: BLE001 -- damaged DER makes the parsers raise anything
        raise MalformedPdf("the timestamp is damaged") from None


def read_stamp(token: bytes, imprint: Callable[[str], bytes], roots: tuple[bytes, ...]) -> Stamp:
    """Check a token (DER) over what has the digest `imprint(algorithm)`.

    Its certificates are judged at its own time: it outlives them. Revocation is not asked after.
    Raises MalformedPdf when it is damaged, is over something else, or is in any way out of form.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedPdf("the timestamp is too long")
    try:
        content = cms.ContentInfo.load(token, strict=True)
        signed, info = content["content"], _info(content)
        carried = [choice.chosen for choice in signed["certificates"]]
        chain = _chain(signed, carried)
        whole = _assembled(signed, chain) == token and all(map(_is_tight, chain))
        algorithm = info["message_imprint"]["hash_algorithm"]["algorithm"].native
        hashed: bytes = info["message_imprint"]["hashed_message"].native
        same = algorithm in _DIGESTS and hashed == imprint(algorithm)
        good = whole and same and _is_signed(signed, chain[0])
        at: datetime = info["gen_time"].native.astimezone(UTC)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 -- damaged DER makes the parsers raise anything
        raise MalformedPdf("the timestamp is damaged") from None
    if not good:
        raise MalformedPdf("the timestamp is damaged, or over another file")
    certificates = tuple(certificate.dump() for certificate in chain)
    return Stamp(at=at, trusted=_is_trusted(certificates, roots, at), certificates=certificates)


def certificates_of(token: bytes) -> tuple[bytes, ...]:
    """Give the certificates of a token that `ask_stamp` returned, in DER, its signer's first."""
    content = cms.ContentInfo.load(token)
    carried = [choice.chosen for choice in content["content"]["certificates"]]
    return tuple(certificate.dump() for certificate in _chain(content["content"], carried))


def _info(content: cms.ContentInfo) -> Any:
    info = content["content"]["encap_content_info"]["content"].parsed
    if not isinstance(info, tsp.TSTInfo):
        raise MalformedPdf("the timestamp states no time")
    return info


def _is_signed(signed: cms.SignedData, own: x509.Certificate) -> bool:
    """Whether the token's signer signed its contents, and named its own certificate in that."""
    (signer,) = signed["signer_infos"]
    digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native)
    digest.update(bytes(signed["encap_content_info"]["content"]))
    intact, valid = validate_sig_integrity(signer, own, "tst_info", digest.digest())
    return bool(intact and valid)


def _is_trusted(certificates: tuple[bytes, ...], roots: tuple[bytes, ...], at: datetime) -> bool:
    """Whether a root vouches, at that time, for a certificate that is for timestamps alone."""
    own, *above = map(load_der_x509_certificate, certificates)
    signers = ExtensionPolicy.permit_all().require_present(
        ExtendedKeyUsage, Criticality.CRITICAL, _for_stamps_only
    )
    try:
        # Its error for an empty store of roots is the same as for a chain to none of them.
        store = Store([load_der_x509_certificate(root) for root in roots])
        policies = (ExtensionPolicy.webpki_defaults_ca(), signers)
        builder = PolicyBuilder().store(store).time(at)
        policy = builder.extension_policies(ca_policy=policies[0], ee_policy=policies[1])
        policy.build_client_verifier().verify(own, above)
    except (VerificationError, ValueError):
        return False
    return True


def _for_stamps_only(_policy: object, _own: object, usage: ExtendedKeyUsage | None) -> None:
    # RFC 3161 §2.3: this one purpose, and no other.
    if usage is None or list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("the certificate is not for timestamps alone")


def _chain(signed: cms.SignedData, among: list[x509.Certificate]) -> list[x509.Certificate]:
    """Order certificates: the token's signer's first, each issued by the next, the root last.

    Raises StopIteration or InvalidSignature where the chain breaks off.
    """
    (signer,) = signed["signer_infos"]
    wanted = signer["sid"].chosen
    own = next(
        found
        for found in among
        if found.serial_number == wanted["serial_number"].native
        and found.issuer == wanted["issuer"]
    )
    chain = [own]
    while not _issued(chain[-1], chain[-1]):
        above = next(found for found in among if _issued(chain[-1], found))
        if above in chain:
            raise MalformedPdf("the timestamp's certificates go in a circle")
        chain.append(above)
    return chain


def _issued(below: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        load_der_x509_certificate(below.dump()).verify_directly_issued_by(
            load_der_x509_certificate(above.dump())
        )
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _is_tight(certificate: x509.Certificate) -> bool:
    """Whether a certificate is its signed part, that part's algorithm again, and the signature."""
    signed = certificate["tbs_certificate"]
    bits = _der(_TAG_BITS, b"\0" + certificate["signature_value"].native)
    whole = _der(_TAG_SEQUENCE, signed.dump(), signed["signature"].dump(), bits)
    return bool(whole == certificate.dump())


def _assembled(signed: cms.SignedData, chain: list[x509.Certificate]) -> bytes:
    """Put a token together from its signed parts; there is exactly one DER of them."""
    (signer,) = signed["signer_infos"]
    digest = _known(signer["digest_algorithm"], algos.DigestAlgorithm, _DIGESTS)
    signature = _known(signer["signature_algorithm"], algos.SignedDigestAlgorithm, _SIGNATURES)
    attributes: bytes = signer["signed_attrs"].dump()
    info: bytes = signed["encap_content_info"]["content"].contents
    own = chain[0]["tbs_certificate"]
    inside = _der(
        _TAG_SEQUENCE,
        _VERSION_1,
        _der(_TAG_SEQUENCE, own["issuer"].dump(), own["serial_number"].dump()),
        digest,
        attributes,
        signature,
        _der(_TAG_OCTETS, signer["signature"].native),
    )
    data = _der(
        _TAG_SEQUENCE,
        _VERSION_3,
        _der(_TAG_SET, digest),
        _der(_TAG_SEQUENCE, _oid(_OID_TST_INFO), _der(_CONTEXT_0, _der(_TAG_OCTETS, info))),
        _der(_CONTEXT_0, *sorted(certificate.dump() for certificate in chain)),
        _der(_TAG_SET, inside),
    )
    return _der(_TAG_SEQUENCE, _oid(_OID_SIGNED_DATA), _der(_CONTEXT_0, data))


def _known(found: Any, kind: Any, names: tuple[str, ...]) -> bytes:
    """Give an algorithm's DER if it is one of these, parameters absent or NULL as they may be."""
    name = found["algorithm"].native
    der: bytes = found.dump()
    plain = kind({"algorithm": name})["algorithm"].dump()
    forms = (_der(_TAG_SEQUENCE, plain), _der(_TAG_SEQUENCE, plain, core.Null().dump()))
    if name not in names or der not in forms:
        raise MalformedPdf("the timestamp is signed in a way this program does not know")
    return der


def _oid(dotted: str) -> bytes:
    der: bytes = core.ObjectIdentifier(dotted).dump()
    return der


def _der(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    if len(body) < 0x80:  # noqa: PLR2004 -- X.690 §8.1.3: the short form ends here
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body
