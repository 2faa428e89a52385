"""The centre's signed word that it takes nothing of a package (整批退回): no receipt will come.

A DSSE envelope by the centre's receipt key over canonical JSON. It names the package and the
city's log, so that it fits no other upload, and the time of the answer: a package that was refused
may be judged anew and taken, and an old refusal must not undo that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec

from keys.signer import Signer
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.envelope import Envelope, from_json, sign_payload, to_json
from signing.errors import MalformedEntry, MalformedEnvelope, MalformedJson
from signing.tlog.entry import Hex32, Time, format_time, parse_time
from signing.upload.errors import MalformedReceipt
from signing.upload.manifest import Origin

REFUSAL_TYPE: Final = "application/vnd.certreg.upload-refusal.v1+json"
MAX_REFUSAL_BYTES: Final = 4 * 1024


class _Refusal(Canonical, frozen=True, kw_only=True):
    at: Time
    city: Origin
    code: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,59}\Z")]
    package: Hex32
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is refused and why. `city` is the log's origin, `package` the SHA-256 in hex.

    `at` is the time of the answer (UTC), `code` the stable reason.
    """

    at: datetime
    city: str
    code: str
    package: str


_DECODER = decoder_for(_Refusal)


def sign_refusal(refusal: Refusal, signer: Signer) -> bytes:
    """Sign with the centre's receipt key; the JSON form. MalformedReceipt if nobody reads it."""
    payload = encode(
        _Refusal(
            at=format_time(refusal.at),
            city=refusal.city,
            code=refusal.code,
            package=refusal.package,
        )
    )
    _parse(payload)
    return to_json(sign_payload(REFUSAL_TYPE, payload, signer))


def open_refusal(data: bytes) -> tuple[Refusal, Envelope]:
    """Read strictly; verifies no signature. Raises MalformedReceipt."""
    try:
        envelope = from_json(data, limit=MAX_REFUSAL_BYTES)
    except MalformedEnvelope:
        raise MalformedReceipt("the refusal is no signed file in canonical form") from None
    if envelope.payload_type != REFUSAL_TYPE:
        raise MalformedReceipt("the signed file is no refusal")
    return _parse(envelope.payload), envelope


def _parse(payload: bytes) -> Refusal:
    try:
        found = decode(payload, _DECODER, limit=MAX_REFUSAL_BYTES)
        at = parse_time(found.at)
    except (MalformedJson, MalformedEntry):
        raise MalformedReceipt("the refusal is damaged") from None
    return Refusal(at=at, city=found.city, code=found.code, package=found.package)
