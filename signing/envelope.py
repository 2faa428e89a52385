"""The signed record: a DSSE v1 envelope (secure-systems-lab/dsse) with one signature.

The signature covers the pre-authentication encoding of type and payload, so a record's
signature can never be taken for one over a checkpoint, a key list or anything else.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from keys.dsse import pae
from keys.model import KeyId
from keys.signer import Signer
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedEnvelope, MalformedJson
from signing.record import MAX_RECORD_BYTES

RECORD_TYPE: Final = "application/vnd.certreg.record.v1+json"

MAX_SIGNATURE_BYTES: Final = 2560
"""Ed25519 takes 64 bytes; room for ML-DSA-44 (2,420), should the suite change."""

MAX_ENVELOPE_BYTES: Final = (MAX_RECORD_BYTES + MAX_SIGNATURE_BYTES) * 4 // 3 + 512


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A payload and its issuer's signature over `pae(payload_type, payload)`."""

    payload_type: str
    payload: bytes
    key_id: KeyId
    """16 lower-case hex digits; a hint which key to try, not covered by the signature."""
    signature: bytes
    """64 bytes for Ed25519."""


class _Signature(Canonical, frozen=True, kw_only=True):
    keyid: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    sig: Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_SIGNATURE_BYTES)]


class EnvelopeJson(Canonical, frozen=True, kw_only=True, rename="camel"):
    """DSSE's JSON object as it stands in a file, or within another canonical object."""

    payload: bytes
    payload_type: str
    signatures: tuple[_Signature]


_DECODER = decoder_for(EnvelopeJson)


def sign_record(record_bytes: bytes, signer: Signer) -> Envelope:
    """Sign canonical record bytes with the issuer's record key (评价机构签发)."""
    return sign_payload(RECORD_TYPE, record_bytes, signer)


def sign_payload(payload_type: str, payload: bytes, signer: Signer) -> Envelope:
    """Sign a payload of any type of ours; the type is a part of what is signed."""
    return Envelope(
        payload_type=payload_type,
        payload=payload,
        key_id=signer.info.key_id,
        signature=signer.sign(pae(payload_type, payload)),
    )


def to_object(envelope: Envelope) -> EnvelopeJson:
    """Return the JSON object of an envelope, to be put into another one."""
    return EnvelopeJson(
        payload=envelope.payload,
        payload_type=envelope.payload_type,
        signatures=(_Signature(keyid=envelope.key_id, sig=envelope.signature),),
    )


def to_json(envelope: Envelope) -> bytes:
    """DSSE's JSON form, canonical: payload and signature in standard base64."""
    return encode(to_object(envelope))


def from_json(data: bytes, *, limit: int = MAX_ENVELOPE_BYTES) -> Envelope:
    """Parse `to_json`'s bytes (at most `limit`) strictly; verifies nothing.

    Raises MalformedEnvelope.
    """
    try:
        parsed = decode(data, _DECODER, limit=limit)
    except MalformedJson as error:
        raise MalformedEnvelope(f"the signed record is damaged: {error}") from None
    return from_object(parsed)


def from_object(parsed: EnvelopeJson) -> Envelope:
    """Return the envelope of a parsed JSON object; verifies nothing."""
    (signature,) = parsed.signatures
    return Envelope(
        payload_type=parsed.payload_type,
        payload=parsed.payload,
        key_id=KeyId(signature.keyid),
        signature=signature.sig,
    )
