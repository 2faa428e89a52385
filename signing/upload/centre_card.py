"""`centre.json`: who the provincial centre is, for the cities that report to it.

Name, address and receipt keys in canonical JSON. Nobody signs it: a city takes it from the centre
by a way it trusts, as a verifier takes `log.policy`, and believes receipts by its keys alone.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import msgspec

from keys.model import Algorithm, KeyId, KeyState, Purpose
from keys.trust import TrustedKey
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedEntry, MalformedJson, SigningError
from signing.tlog.entry import Time, format_time, parse_time

CENTRE_FILE: Final = "centre.json"
MAX_CENTRE_BYTES: Final = 64 * 1024
"""Longest file read; a key takes 300 bytes."""

_URL = re.compile(r"https?://[a-z0-9.\-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~\-]{1,64}){0,8}")


class MalformedCentre(SigningError):
    """Not a centre's card; the message says which part."""

    code: ClassVar[str] = "malformed-centre"


class _Key(Canonical, frozen=True, kw_only=True):
    algorithm: Algorithm
    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    not_after: Time
    not_before: Time
    public: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    revoked_at: Annotated[str, msgspec.Meta(max_length=20)]
    state: KeyState


class _Card(Canonical, frozen=True, kw_only=True):
    keys: Annotated[tuple[_Key, ...], msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    url: Annotated[str, msgspec.Meta(max_length=600)]
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A centre as its cities know it; `keys` have the purpose RECEIPT and verify its receipts.

    `url` has no final slash, and is "" where packages are only taken by hand.
    """

    name: str
    url: str
    keys: tuple[TrustedKey, ...]


_DECODER = decoder_for(_Card)


def centre_json(centre: Centre) -> bytes:
    """Write the card. Raises MalformedCentre for what no reader would take."""
    data = encode(
        _Card(keys=tuple(_write(key) for key in centre.keys), name=centre.name, url=centre.url)
    )
    if parse_centre(data) != centre:
        raise MalformedCentre("the centre's card does not read back the same")
    return data


def parse_centre(data: bytes) -> Centre:
    """Read a card strictly. Raises MalformedCentre."""
    try:
        card = decode(data, _DECODER, limit=MAX_CENTRE_BYTES)
        keys = tuple(map(_read, card.keys))
    except (MalformedJson, MalformedEntry, NoBase64, ValueError) as fault:
        raise MalformedCentre(f"the centre's card is damaged: {fault}") from None
    if not card.name.isprintable() or card.name != card.name.strip():
        raise MalformedCentre("the centre's name holds what cannot be printed")
    if card.url and not _URL.fullmatch(card.url):
        raise MalformedCentre("the centre's address is an http(s) address without a final slash")
    _refuse_twice(key.key_id for key in keys)
    return Centre(name=card.name, url=card.url, keys=keys)


def _refuse_twice(ids: Iterable[KeyId]) -> None:
    listed = list(ids)
    if len(set(listed)) != len(listed):
        raise MalformedCentre("the same key stands in the centre's card twice")


def _write(key: TrustedKey) -> _Key:
    if key.purpose is not Purpose.RECEIPT:
        raise MalformedCentre("a centre's card lists receipt keys and no others")
    return _Key(
        algorithm=key.algorithm,
        id=key.key_id,
        not_after=format_time(key.not_after),
        not_before=format_time(key.not_before),
        public=b64encode(key.public_key).decode(),
        revoked_at=format_time(key.revoked_at) if key.revoked_at else "",
        state=key.state,
    )


def _read(key: _Key) -> TrustedKey:
    return TrustedKey(
        key_id=KeyId(key.id),
        algorithm=key.algorithm,
        purpose=Purpose.RECEIPT,
        public_key=b64decode(key.public, validate=True),
        not_before=parse_time(key.not_before),
        not_after=parse_time(key.not_after),
        state=key.state,
        revoked_at=parse_time(key.revoked_at) if key.revoked_at else None,
    )
