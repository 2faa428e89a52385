"""Room on the disk: a city leaves few packages there that have no receipt.

A key is enough to send packages that are never handed in, or wait for ever for one before them.
A package with a receipt is never touched, nor one that is handed in and not judged yet.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from registry.centre.intake import State
from registry.centre.packages import Packages
from registry.centre.store import StoredReceipt, Submission, note, read_unit, write_unit
from signing.tlog.entry import format_time

MAX_WAITING: Final = 16
"""Whole packages of a city without a receipt; beyond it the oldest is thrown away."""


def make_room(
    engine: Engine, packages: Packages, city: str, *, but: str, now: datetime
) -> list[str]:
    """Throw away what is too many, but not the package `but`; return what went."""
    with read_unit(engine) as session:
        if not _too_many(session, packages, city, but):
            return []
    with write_unit(engine) as session:
        # Anew, under the lock: none of these can be handed in before it is gone.
        gone = _too_many(session, packages, city, but)
        for package in gone:
            packages.drop(city, package)
        if gone:
            at, who = format_time(now), f"city:{city}"
            named = " ".join(package[:16] for package in gone)
            note(session, at=at, who=who, what="package-drop", subject=city, outcome=named)
    return gone


def drop_refused(engine: Engine, packages: Packages, city: str, package: str) -> None:
    """Throw a package away that is refused for good, unless it is handed in again by now."""
    # A lock alone: who hands it in puts that down first, and keeps the bytes afterwards.
    with write_unit(engine) as session:
        found = session.get(Submission, (city, package))
        if found is not None and found.state == State.REFUSED:
            packages.drop(city, package)


def _too_many(session: Session, packages: Packages, city: str, but: str) -> list[str]:
    receipts = set(session.scalars(select(StoredReceipt.package).where(StoredReceipt.city == city)))
    waiting = [one for one in packages.listed(city) if one not in receipts]
    over = len(waiting) - MAX_WAITING
    if over <= 0:
        return []
    query = select(Submission.package).where(
        Submission.city == city, Submission.state == State.SUBMITTED
    )
    spared = {but, *session.scalars(query)}
    return [one for one in waiting if one not in spared][:over]
