"""Packages that were handed in and wait for a person of the centre, and what each of them lacks.

One that is not the next of its city, or lacks a proof of its log's history, comes in by itself once
the missing one is there or the city mends it; else a person lets it pass. What another package of
the same place has replaced waits no more, nor one whose gap has closed: the city sends it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby

from sqlalchemy import and_, not_, or_, select
from sqlalchemy.orm import Session

from registry.centre.store import City, Submission


class Place(StrEnum):
    """Why a manifest is not the next one of its city."""

    GAP = "sequence-gap"
    TAKEN = "sequence-taken"
    OTHER_PREVIOUS = "previous-differs"


def first_waiting(session: Session, city: City) -> Submission | None:
    """Return the package that the city stands still at; of two for one place, the last sent."""
    for one in _waiting(session):
        if one.city == city.name:
            return one
    return None


def waiting_matters(session: Session) -> Iterator[str]:
    """Yield what stands still, a line for each city: what its first package lacks."""
    for city, of_city in groupby(_waiting(session), key=lambda one: one.city):
        one, *behind = of_city
        lacks = []
        if one.wants_place:
            lacks.append("前面的上报批未收到，或者所接的上一批与省中心所存的不同")
        if one.wants_history:
            lacks.append("缺与省中心所存检查点一致的证明")
        more = f"，另有 {len(behind)} 个上报包等候" if behind else ""
        yield (
            f"{city}：上报包 {one.package[:16]}（顺序号 {one.sequence}）未接收："
            f"{'；'.join(lacks)}{more}。请向该市查明，确不能补的可用 "
            f"`certreg centre city pass {city}` 放行一次 (not taken: {_short(one)})"
        )


def _waiting(session: Session) -> Iterator[Submission]:
    closed = and_(Submission.code == Place.GAP, Submission.sequence == City.sequence + 1)
    query = (
        select(Submission)
        .join(City, City.name == Submission.city)
        .where(or_(Submission.wants_place, Submission.wants_history))
        .where(Submission.sequence > City.sequence, City.ended_at.is_(None), not_(closed))
        .order_by(Submission.city, Submission.sequence, Submission.submitted_at.desc())
    )
    yield from session.scalars(query)


def _short(one: Submission) -> str:
    lacks = {"a gap": one.wants_place, "no proof": one.wants_history}
    return ", ".join(name for name, lacking in lacks.items() if lacking)
