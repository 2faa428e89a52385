"""The numbers that the centre holds, read and written for a whole package at once.

Row by row this would take three quarters of the time of a large package, under the write lock
that every other city waits for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from registry.centre.judging import Clash, Held
from registry.centre.store import Certificate, Conflict, StoredReceipt

_AT_ONCE: Final = 500
"""Numbers in one query; SQLite takes some thousand values."""


def held_of(session: Session, numbers: Collection[str]) -> dict[str, Held]:
    """Look all these numbers up; those that nobody has are left out."""
    wanted = sorted(set(numbers))
    columns = (Certificate.number, Certificate.city, Certificate.edition, Certificate.record)
    found = {}
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(*columns, Certificate.withdrawn).where(
            Certificate.number.in_(wanted[at : at + _AT_ONCE])
        )
        for number, city, edition, record, withdrawn in session.execute(query):
            found[number] = Held(city=city, edition=edition, record=record, withdrawn=withdrawn)
    return found


def keep(session: Session, changed: Mapping[str, Held], receipt: StoredReceipt) -> None:
    """Store what a receipt changed; a number's city never changes."""
    if not changed:
        return
    statement = insert(Certificate)
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["number"],
            set_={
                "edition": new.edition,
                "record": new.record,
                "withdrawn": new.withdrawn,
                "received": new.received,
                "receipt": new.receipt,
            },
        ),
        [
            {
                "number": number,
                "city": held.city,
                "edition": held.edition,
                "record": held.record,
                "withdrawn": held.withdrawn,
                "received": receipt.received,
                "receipt": receipt.number,
            }
            for number, held in changed.items()
        ],
    )


def list_clashes(
    session: Session, clashes: Collection[Clash], city: str, receipt: StoredReceipt
) -> None:
    """Put numbers that two cities claim down for a person, once for each number and city."""
    claimed = {clash.number: clash for clash in reversed(list(clashes))}
    for number in _listed(session, claimed, city):
        del claimed[number]
    session.add_all(
        Conflict(
            number=clash.number,
            first_city=clash.first,
            second_city=city,
            upload=receipt.upload,
            row=clash.row,
            at=receipt.received,
        )
        for clash in sorted(claimed.values(), key=lambda clash: clash.row)
    )


def _listed(session: Session, numbers: Collection[str], city: str) -> set[str]:
    wanted = sorted(numbers)
    found: set[str] = set()
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(Conflict.number).where(
            Conflict.second_city == city, Conflict.number.in_(wanted[at : at + _AT_ONCE])
        )
        found.update(session.scalars(query))
    return found
