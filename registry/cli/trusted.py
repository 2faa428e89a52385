"""What the trust folder says of issuers: the database's facts, with the ring set right first.

The database says which keys there are, their state, and where in the log they began and ended;
the ring adds their validity, and learns of ends that it missed: a crash after the ledger's event,
or a ring put back from a backup.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from keys.model import LATER, Algorithm, KeyId, KeyInfo, KeyState, Purpose
from keys.ring import KeyRing
from keys.trust import TrustedIssuer, TrustedKey
from registry.cli.key_terms import FIRST_DAY, LIFETIME, SKEW
from registry.office.issuers import all_issuers
from registry.office.key_places import PlacedKey, placed_keys
from registry.office.office_keys import PlacedOfficeKey, placed_office_keys


def trusted_issuers(
    session: Session, origin: str, ring: KeyRing, *, now: datetime
) -> list[TrustedIssuer]:
    """Return all issuers with their keys as the ledger has them; ends keys of the ring with it."""
    placed = placed_keys(session, origin)
    held = _mended(ring, placed)
    keys: defaultdict[str, list[TrustedKey]] = defaultdict(list)
    for key in placed:
        keys[key.row.prefix].append(_trusted(key, held.get(KeyId(key.row.key_id)), now))
    return [
        TrustedIssuer(
            prefix=issuer.prefix,
            name=issuer.name,
            uscc=issuer.uscc,
            keys=tuple(keys[issuer.prefix]),
        )
        for issuer in all_issuers(session)
    ]


def _mended(ring: KeyRing, placed: Iterable[PlacedKey]) -> dict[KeyId, KeyInfo]:
    """End in the ring what the ledger has ended; return the ring's keys."""
    known = ring.keys()
    held = {key.key_id: key for key in known}
    for key in placed:
        key_id, state = KeyId(key.row.key_id), KeyState(key.row.state)
        if key_id in held and LATER[held[key_id].state] < LATER[state]:
            held[key_id] = ring.set_state(key_id, state)
    return held


def _trusted(key: PlacedKey, held: KeyInfo | None, now: datetime) -> TrustedKey:
    row, state = key.row, KeyState(key.row.state)
    purpose = Purpose(row.purpose)
    revoked_at = row.ended_at if state is KeyState.REVOKED else None
    if held is not None and LATER[held.state] > LATER[state]:
        # Ended in the ring alone, by hand or by a newer program than this database's. The ledger
        # does not say when: nothing it signed is vouched for until its end is recorded.
        state, revoked_at = held.state, now if held.state is KeyState.REVOKED else None
    if held is not None:
        begins, ends = held.not_before, held.not_after
    else:
        # The ring lost it: what it signed stays good, by the terms that it was made with.
        begins = FIRST_DAY if purpose is Purpose.RECORD else row.added_at - SKEW
        ends = row.added_at + LIFETIME
    return TrustedKey(
        key_id=KeyId(row.key_id),
        algorithm=Algorithm(row.algorithm),
        purpose=purpose,
        public_key=row.public_key,
        not_before=begins,
        not_after=ends,
        state=state,
        revoked_at=revoked_at,
        added_leaf=key.added,
        ended_leaf=key.ended,
    )


def trusted_office_keys(session: Session, ring: KeyRing) -> list[TrustedKey]:
    """Return the office's announced keys as the ledger has them; ends those of the ring with it.

    An end that is not in the log yet has no place: the reader goes by the time of revocation.
    """
    known = ring.keys()
    held = {key.key_id: key for key in known}
    found = []
    for key in placed_office_keys(session):
        row, state = key.row, KeyState(key.row.state)
        key_id = KeyId(row.key_id)
        if key_id in held and LATER[held[key_id].state] < LATER[state]:
            ring.set_state(key_id, state)
        found.append(_trusted_office(key, state))
    return found


def _trusted_office(key: PlacedOfficeKey, state: KeyState) -> TrustedKey:
    row = key.row
    revoked_at: datetime | None = row.ended_at if state is KeyState.REVOKED else None
    return TrustedKey(
        key_id=KeyId(row.key_id),
        algorithm=Algorithm(row.algorithm),
        purpose=Purpose(row.purpose),
        public_key=row.public_key,
        not_before=row.not_before,
        not_after=row.not_after,
        state=state,
        revoked_at=revoked_at,
        added_leaf=key.added,
        ended_leaf=key.ended,
    )
