"""`centre.json`: who the provincial centre is, for the cities that report to it.

Name, address and receipt keys: canonical JSON in a DSSE envelope by one of the keys. A city takes
its first card by a way it trusts, as a verifier takes `log.policy`. A later one follows by itself
(`follow`): by number, by the signature of a key that signs by the card before and is not revoked in
the new one, and keeping every key. The centre is its keys; its name is only shown.

A key's `not_after` is the end of its term, or the moment of its retirement: what it signs with a
later day is nobody's. It may be brought forward when the key is retired, and never put off.

Cards written before there were numbers have no envelope. Such a card is number 0.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

import msgspec

from keys.dsse import pae
from keys.model import LATER, Algorithm, KeyId, KeyState, Purpose, verify_signature
from keys.signer import Signer
from keys.trust import TrustedKey
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.envelope import Envelope, from_json, sign_payload, to_json
from signing.errors import MalformedEntry, MalformedEnvelope, MalformedJson, SigningError
from signing.tlog.entry import Time, format_time, parse_time

CENTRE_FILE: Final = "centre.json"
MAX_CENTRE_BYTES: Final = 64 * 1024
"""Longest file read; a key takes 400 bytes in the envelope's base64."""

CARD_TYPE: Final = "application/vnd.certreg.centre-card.v1+json"

_URL = re.compile(r"https?://[a-z0-9.\-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~\-]{1,64}){0,8}")


class MalformedCentre(SigningError):
    """Not a centre's card; the message says which part."""

    code: ClassVar[str] = "malformed-centre"


class CardNotFollowed(SigningError):
    """A card that does not follow from the one that is held: a person has to look."""

    code: ClassVar[str] = "centre-card-refused"


class _Key(Canonical, frozen=True, kw_only=True):
    algorithm: Algorithm
    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    not_after: Time
    not_before: Time
    public: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    revoked_at: Annotated[str, msgspec.Meta(max_length=20)]
    state: KeyState


_Keys = Annotated[tuple[_Key, ...], msgspec.Meta(min_length=1, max_length=64)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Address = Annotated[str, msgspec.Meta(max_length=600)]
_One = Annotated[int, msgspec.Meta(ge=1, le=1)]


class _Card(Canonical, frozen=True, kw_only=True):
    keys: _Keys
    name: _Name
    number: Annotated[int, msgspec.Meta(ge=1, le=99_999_999)]
    url: _Address
    v: _One = 1


class _Unsigned(Canonical, frozen=True, kw_only=True):
    """A card of before there were numbers."""

    keys: _Keys
    name: _Name
    url: _Address
    v: _One = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A centre as its cities know it; `keys` have the purpose RECEIPT and verify its receipts.

    `keys` are in the order in which they came; the last one that is active signs. `url` has no
    final slash, and is "" where packages are only taken by hand. `number` counts the centre's
    cards, 1, 2, 3; 0 is a card that is not signed.
    """

    name: str
    url: str
    keys: tuple[TrustedKey, ...]
    number: int = 0

    @property
    def first_key(self) -> KeyId:
        """The first key, which every later card keeps: what tells one centre from another."""
        return self.keys[0].key_id

    @property
    def signing_key(self) -> KeyId | None:
        """The key that signs receipts and the next card; None if none is active."""
        active = [key.key_id for key in self.keys if key.state is KeyState.ACTIVE]
        return active[-1] if active else None


_DECODER = decoder_for(_Card)
_UNSIGNED = decoder_for(_Unsigned)


def sign_card(centre: Centre, signer: Signer) -> bytes:
    """Write the card. Raises MalformedCentre for what no reader would take."""
    card = _Card(
        keys=tuple(_write(key) for key in centre.keys),
        name=centre.name,
        number=centre.number,
        url=centre.url,
    )
    data = to_json(sign_payload(CARD_TYPE, encode(card), signer))
    if parse_centre(data) != centre:
        raise MalformedCentre("the centre's card does not read back the same")
    return data


def parse_centre(data: bytes) -> Centre:
    """Read a card strictly; trust in its keys is the caller's matter. Raises MalformedCentre.

    A signed one must be signed by a key that it lists and does not revoke: it is whole.
    """
    return _open(data)[0]


def follow(held: Centre, data: bytes) -> Centre:
    """Return the card `data` if it follows from the one that is held.

    Raises MalformedCentre, or CardNotFollowed where a person has to look.
    """
    found, signed_by = _open(data)
    if found.number <= held.number:
        raise CardNotFollowed("the card is not newer than the one in use")
    known = {key.key_id: key for key in held.keys}
    if signed_by not in known or known[signed_by].state is not KeyState.ACTIVE:
        # A key that the card in use ended signs for nobody any more, whoever has it.
        raise CardNotFollowed("no key that signs by the card in use has signed this one")
    if not keeps_keys(held, found):
        raise CardNotFollowed("the card leaves out or brings back keys of the one in use")
    return found


def keeps_keys(held: Centre, card: Centre) -> bool:
    """Say whether `card` lists the keys of the one held first, each in the same or a later state.

    A key that is ended there stays so, and one that is retired takes effect for no longer.
    """
    now = card.keys[: len(held.keys)]
    return len(now) == len(held.keys) and all(map(_goes_on, held.keys, now))


def revives(held: Centre, card: Centre) -> bool:
    """Say whether a key that the card held has ended is in an earlier state in `card`.

    Also where another key stands first: a thief of an ended key may write a whole centre.
    """
    now = {key.key_id: key for key in card.keys}
    return any(
        key.state is not KeyState.ACTIVE
        and key.key_id in now
        and not _goes_on(key, now[key.key_id])
        for key in held.keys
    )


def _open(data: bytes) -> tuple[Centre, KeyId | None]:
    try:
        centre, envelope = _decoded(data)
    except (MalformedJson, MalformedEntry, NoBase64, ValueError) as fault:
        raise MalformedCentre(f"the centre's card is damaged: {fault}") from None
    if not centre.name.isprintable() or centre.name != centre.name.strip():
        raise MalformedCentre("the centre's name holds what cannot be printed")
    if centre.url and not _URL.fullmatch(centre.url):
        raise MalformedCentre("the centre's address is an http(s) address without a final slash")
    _refuse_twice(key.key_id for key in centre.keys)
    if envelope is None:
        return centre, None
    by = next((key for key in centre.keys if key.key_id == envelope.key_id), None)
    if by is None or by.state is KeyState.REVOKED:
        raise MalformedCentre("the card is not signed by a key that it lists and does not revoke")
    message = pae(envelope.payload_type, envelope.payload)
    if not verify_signature(by.algorithm, by.public_key, message, envelope.signature):
        raise MalformedCentre("the card's signature does not hold")
    return centre, by.key_id


def _decoded(data: bytes) -> tuple[Centre, Envelope | None]:
    if not data.startswith(b'{"payload":'):
        old = decode(data, _UNSIGNED, limit=MAX_CENTRE_BYTES)
        return Centre(name=old.name, url=old.url, keys=tuple(map(_read, old.keys))), None
    try:
        envelope = from_json(data, limit=MAX_CENTRE_BYTES)
    except MalformedEnvelope:
        raise ValueError("no signed file in canonical form") from None
    if envelope.payload_type != CARD_TYPE:
        raise ValueError("the signed file is no card")
    card = decode(envelope.payload, _DECODER, limit=MAX_CENTRE_BYTES)
    keys = tuple(map(_read, card.keys))
    return Centre(name=card.name, url=card.url, keys=keys, number=card.number), envelope


def _goes_on(before: TrustedKey, after: TrustedKey) -> bool:
    """Say whether a key is the same, in no earlier state, and in force for no longer."""
    as_before = replace(
        after, state=before.state, revoked_at=before.revoked_at, not_after=before.not_after
    )
    if as_before != before or LATER[after.state] < LATER[before.state]:
        return False
    if before.state is KeyState.REVOKED or after.state is KeyState.ACTIVE:
        # What was revoked stays revoked since the same time.
        return after == before
    return after.not_after <= before.not_after


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
