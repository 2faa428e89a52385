"""What an import holds, in sums (补录统计): by year and level with its numbers, by occupation.

The sums of an open import are made from its rows; once it is carried out its rows are gone, and
the certificates say the same. None of it names a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry.rules.imported import ImportRow
from registry.store.certificates import Batch, Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSum:
    """Certificates of one year and level (its symbol), from the ``first`` number to the ``last``.

    There may be numbers between the two that the table does not have.
    """

    year: int
    level: str
    count: int
    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupationSum:
    """Certificates of one occupation, by its code."""

    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A table in sums, each in the order of its keys; empty where nothing was imported."""

    levels: tuple[LevelSum, ...] = ()
    occupations: tuple[OccupationSum, ...] = ()

    @property
    def first(self) -> str:
        """The lowest number, "" if there is none."""
        return min((one.first for one in self.levels), default="")

    @property
    def last(self) -> str:
        """The highest number, "" if there is none."""
        return max((one.last for one in self.levels), default="")


def sums_of_rows(rows: Iterable[ImportRow]) -> Sums:
    """Sum up the rows of an open import."""
    levels: dict[tuple[int, str], list[str]] = {}
    occupations: dict[str, int] = {}
    for row in rows:
        person = row.candidate
        levels.setdefault((person.issued.year, person.level), []).append(row.number)
        occupations[person.occupation_code] = occupations.get(person.occupation_code, 0) + 1
    return Sums(
        levels=tuple(
            LevelSum(year=year, level=level, count=len(some), first=min(some), last=max(some))
            for (year, level), some in sorted(levels.items())
        ),
        occupations=tuple(
            OccupationSum(code=code, count=count) for code, count in sorted(occupations.items())
        ),
    )


def sums_of_batch(session: Session, batch_id: str) -> Sums:
    """Sum up what an import became, by first editions; nothing for a batch that is not."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        return Sums()
    own = _within(batch)
    # Year and level stand in the number itself, at places 14 to 16.
    head = func.substr(Certificate.number, 14, 3)
    number = Certificate.number
    by_head = select(head, func.count(), func.min(number), func.max(number)).where(own)
    code = Certificate.occupation_code
    by_code = select(code, func.count()).where(own).group_by(code).order_by(code)
    return Sums(
        levels=tuple(
            LevelSum(year=2000 + int(key[:2]), level=key[2], count=count, first=first, last=last)
            for key, count, first, last in session.execute(by_head.group_by(head).order_by(head))
        ),
        occupations=tuple(
            OccupationSum(code=key, count=count) for key, count in session.execute(by_code)
        ),
    )


def _within(batch: Batch) -> ColumnElement[bool]:
    first = batch.first_status
    return Certificate.status_index.between(first, first + batch.count - 1)
