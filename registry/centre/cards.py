"""The centre's card and its receipt keys (回执密钥): listed, changed, revoked.

The newest card in the database says which key signs; the ring only holds the private halves. So a
key that a crash left unlisted signs nothing, and the next change takes it up.

    change    ring: the new key; database: card, audit line, one transaction; ring: the old key ends
    revoke    the same, and every receipt that the key had signed is signed anew, payload unchanged

A card is signed by the key that signed by the card before, unless that key is revoked in it. Then
no city can follow by itself, for the thief could write just such a card: it is brought by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from keys.model import LATER, OFFICE, Algorithm, KeyId, KeyInfo, KeyState, Purpose
from keys.ring import KeyRing
from keys.signer import Signer
from keys.strict import whole_second
from keys.trust import TrustedKey
from registry.centre.errors import CentreNotReady, ReceiptKeyRefused
from registry.centre.home import Settings
from registry.centre.store import Card, StoredReceipt, note, read_unit, write_unit
from signing.envelope import from_json, sign_payload, to_json
from signing.tlog.entry import format_time, parse_time
from signing.upload.centre_card import (
    CardNotFollowed,
    Centre,
    follow,
    parse_centre,
    sign_card,
)
from signing.upload.receipt import MAX_RECEIPT_BYTES

LAST_DAY: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""A receipt key is in force until its centre replaces it."""


def make_receipt_key(ring: KeyRing, now: datetime) -> None:
    """Make the first receipt key, in force from `now` on, unless there is one."""
    if not _held(ring):
        _generate(ring, now)


def newest_card(session: Session) -> Card:
    """Return the newest card; CentreNotReady before the centre was opened the first time."""
    found = _newest(session)
    if found is None:
        raise CentreNotReady("the centre has no card yet: run `certreg centre check`")
    return found


def _newest(session: Session) -> Card | None:
    return session.scalars(select(Card).order_by(Card.number.desc()).limit(1)).one_or_none()


def _fits(card: Card | None, settings: Settings) -> bool:
    if card is None:
        return False
    found = parse_centre(card.data)
    return (found.name, found.url) == (settings.name, settings.url)


def cards_after(session: Session, number: int) -> bytes:
    """Return the cards after `number`, one a line, oldest first; empty at the end."""
    query = select(Card.data).where(Card.number > number).order_by(Card.number)
    return b"".join(data + b"\n" for data in session.scalars(query))


def ensure_card(engine: Engine, settings: Settings, ring: KeyRing, now: datetime) -> None:
    """Write the first card, or a newer one where the settings have another name or address."""
    with read_unit(engine) as session:
        # As a rule there is nothing to do, and no writer is waited for.
        if _fits(_newest(session), settings):
            return
    with write_unit(engine) as session:
        last = _newest(session)
        if _fits(last, settings):
            return
        if last is None:
            active = [key for key in _held(ring) if key.state is KeyState.ACTIVE]
            before = Centre(name="", url="", keys=tuple(map(_trusted, active)))
        else:
            before = parse_centre(last.data)
        _add(session, settings, before, _signer(ring, before.signing_key), now, who="settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What the keys are changed with: the centre's database, settings and ring; who acts."""

    engine: Engine
    settings: Settings
    ring: KeyRing
    who: str


def rotate_key(office: Office, now: datetime) -> Centre:
    """Sign by a new key from now on (更换). The old one is retired: its receipts stay good.

    The card ends its term now, so that whoever has it makes no receipt of a later day.
    """
    with write_unit(office.engine) as session:
        before = parse_centre(newest_card(session).data)
        signer = _own_signer(office.ring, before)
        # Within the turn: two commands at once must not list the same key that a crash left.
        new = _unlisted(office.ring, before)
        end = _end(session, now)
        keys = tuple(_retired(key, end) for key in before.keys)
        after = replace(before, keys=(*keys, _trusted(new)))
        found = _add(session, office.settings, after, signer, now, who=office.who)
    _settle_ring(office.ring, found)
    return found


def revoke_key(office: Office, key_id: str, now: datetime) -> Centre:
    """Revoke a key that others may have (吊销): nothing it signed is taken from now on.

    If it is the one that signs, a new one does. Raises ReceiptKeyRefused for a key that is not
    listed; one that is revoked already stays so.
    """
    with write_unit(office.engine) as session:
        card = parse_centre(newest_card(session).data)
        state = next((key.state for key in card.keys if key.key_id == key_id), None)
        if state is None:
            raise ReceiptKeyRefused(
                "没有这个回执密钥，见 `certreg centre key list` (no such receipt key)"
            )
        if state is not KeyState.REVOKED:
            card = _revoke(session, office, card, KeyId(key_id), now)
    _settle_ring(office.ring, card)
    return card


def _revoke(
    session: Session, office: Office, before: Centre, key_id: KeyId, now: datetime
) -> Centre:
    keys = tuple(
        replace(key, state=KeyState.REVOKED, revoked_at=whole_second(now))
        if key.key_id == key_id
        else key
        for key in before.keys
    )
    if before.signing_key == key_id:
        keys += (_trusted(_unlisted(office.ring, before)),)
    after = replace(before, keys=keys)
    signer = _own_signer(office.ring, after)
    found = _add(session, office.settings, after, signer, now, who=office.who)
    _sign_anew(session, key_id, signer)
    return found


def goes_by_hand(session: Session, key_id: str) -> bool:
    """Say whether no city can follow, by itself, the card that revoked this key.

    A city that had the card before asks for just that: it is asked here in the same way.
    """
    cards = list(session.scalars(select(Card).order_by(Card.number)))
    for before, after in pairwise(cards):
        card = parse_centre(after.data)
        if any(key.key_id == key_id and key.state is KeyState.REVOKED for key in card.keys):
            try:
                follow(parse_centre(before.data), after.data)
            except CardNotFollowed:
                return True
            return False
    return False


class CardSigner:
    """Gives the signer that the newest card names; opens the ring again when another is named.

    A server goes on for months, and the key is changed by a command beside it.
    """

    def __init__(self, ring: KeyRing, reopen: Callable[[], KeyRing]) -> None:
        self._ring, self._reopen = ring, reopen

    def __call__(self, session: Session) -> Signer:
        """Return the signer, as of this transaction. Raises CentreNotReady, the ring's errors."""
        wanted = parse_centre(newest_card(session).data).signing_key
        if wanted not in {key.key_id for key in _held(self._ring)}:
            self._ring = self._reopen()
        return _signer(self._ring, wanted)


def _add(
    session: Session,
    settings: Settings,
    centre: Centre,
    signer: Signer,
    now: datetime,
    *,
    who: str,
) -> Centre:
    card = replace(centre, name=settings.name, url=settings.url, number=centre.number + 1)
    data = sign_card(card, signer)
    at = format_time(now)
    session.add(Card(number=card.number, at=at, data=data))
    ended = [key for key in card.keys if key.state is not KeyState.ACTIVE]
    outcome = f"signs {card.signing_key}, ended {len(ended)}"
    note(session, at=at, who=who, what="card", subject=f"card {card.number}", outcome=outcome)
    return card


def _sign_anew(session: Session, key_id: KeyId, signer: Signer) -> None:
    """Sign the standing receipts of a revoked key by the one that signs now.

    A city that has one keeps it; one that is still to get it, and `check`, could not believe it.
    """
    for number in session.scalars(select(StoredReceipt.number)).all():
        stored = session.get_one(StoredReceipt, number)
        envelope = from_json(stored.envelope, limit=MAX_RECEIPT_BYTES)
        if envelope.key_id == key_id:
            anew = sign_payload(envelope.payload_type, envelope.payload, signer)
            stored.envelope = to_json(anew)
            session.flush()
        # One at a time in memory: a receipt may have megabytes.
        session.expunge(stored)


def _held(ring: KeyRing) -> list[KeyInfo]:
    keys = ring.keys()
    return [key for key in keys if key.purpose is Purpose.RECEIPT]


def _unlisted(ring: KeyRing, card: Centre) -> KeyInfo:
    """Return a key that is on no card: one that a crash left, or a new one."""
    listed = {key.key_id for key in card.keys}
    left = [key for key in _held(ring) if key.key_id not in listed]
    # In force as long as the first: it may have to sign standing receipts anew.
    return left[0] if left else _generate(ring, card.keys[0].not_before)


def _generate(ring: KeyRing, since: datetime) -> KeyInfo:
    return ring.generate(
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECEIPT,
        issuer=OFFICE,
        not_before=since,
        not_after=LAST_DAY,
    )


def _signer(ring: KeyRing, key_id: KeyId | None) -> Signer:
    # In force without end: any time within will do.
    key = next((one for one in _held(ring) if one.key_id == key_id), None)
    if key_id is None or key is None:
        raise CentreNotReady("the key that signs receipts is missing: restore keys/ from a backup")
    # The ring knows issuers and the office; here the office is the centre's own.
    return ring.signer(Purpose.RECEIPT, OFFICE, key.not_before, only=key_id)


def _own_signer(ring: KeyRing, card: Centre) -> Signer:
    """Return the signer that a card names, of a ring that was opened before the transaction."""
    if card.signing_key not in {key.key_id for key in _held(ring)}:
        raise CentreNotReady(
            "回执密钥刚被另一命令更换，或者 keys/ 中缺少现用密钥：请再运行一次；"
            "仍不行的，请从备份恢复 keys/ "
            "(another command changed the key: run this again; else restore keys/)"
        )
    return _signer(ring, card.signing_key)


def _settle_ring(ring: KeyRing, card: Centre) -> None:
    """End in the ring what the card has ended; a crash before it only leaves a state behind."""
    states = {key.key_id: key.state for key in _held(ring)}
    for key in card.keys:
        known = states.get(key.key_id)
        if known is not None and LATER[known] < LATER[key.state]:
            ring.set_state(key.key_id, key.state)


def _end(session: Session, now: datetime) -> datetime:
    """Return the first second of which nothing is signed by the key that is retired now.

    A server may have judged on after `now` was read, and its clock may be ahead: later than every
    receipt that there is, for all that come after this transaction are the new key's.
    """
    newest = session.scalar(select(func.max(StoredReceipt.received)))
    last = max(whole_second(now), parse_time(newest)) if newest else whole_second(now)
    return last + timedelta(seconds=1)


def _retired(key: TrustedKey, end: datetime) -> TrustedKey:
    """Retire a key that signs nothing from `end` on; of an older program's, the end is set late."""
    if key.state is KeyState.REVOKED:
        return key
    # A clock that was set back must not end a key before it began.
    end = max(end, key.not_before + timedelta(seconds=1))
    return replace(key, state=KeyState.RETIRED, not_after=min(key.not_after, end))


def _trusted(key: KeyInfo) -> TrustedKey:
    return TrustedKey(
        key_id=key.key_id,
        algorithm=key.algorithm,
        purpose=key.purpose,
        public_key=key.public_key,
        not_before=key.not_before,
        not_after=key.not_after,
        state=KeyState.ACTIVE,
    )
