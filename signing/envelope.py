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


class _Json(Canonical, frozen=True, kw_only=True, rename="camel"):
    payload: bytes
    payload_type: str
    signatures: tuple[_Signature]


_DECODER = decoder_for(_Json)


def sign_record(record_bytes: bytes, signer: Signer) -> Envelope:
    """Sign canonical record bytes with the issuer's record key (评价机构签发)."""
    return Envelope(
        payload_type=RECORD_TYPE,
        payload=record_bytes,
        key_id=signer.info.key_id,
        signature=signer.sign(pae(RECORD_TYPE, record_bytes)),
    )


def to_json(envelope: Envelope) -> bytes:
    """DSSE's JSON form, canonical: payload and signature in standard base64."""
    return encode(
        _Json(
            payload=envelope.payload,
            payload_type=envelope.payload_type,
            signatures=(_Signature(keyid=envelope.key_id, sig=envelope.signature),),
        )
    )


def from_json(data: bytes) -> Envelope:
    """Parse `to_json`'s bytes strictly; raises MalformedEnvelope. Verifies nothing."""
    try:
        parsed = decode(data, _DECODER, limit=MAX_ENVELOPE_BYTES)
    except MalformedJson as error:
        raise MalformedEnvelope(f"the signed record is damaged: {error}") from None
    (signature,) = parsed.signatures
    return Envelope(
        payload_type=parsed.payload_type,
        payload=parsed.payload,
        key_id=KeyId(signature.keyid),
        signature=signature.sig,
    )
