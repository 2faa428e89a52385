"""Which proven rows the centre accepts, one after the other in the log's order: pure.

    新增, 补录   the number is nobody's yet
    更正         the edition right before it was accepted, by the digest that the record names
    撤销         the edition that stands is the one withdrawn

An organisation of another city gets no new number here; after 移交 its old ones are still
corrected and withdrawn by the city that has them.
The first city whose row for a number was accepted has the number. Another city's row is refused,
and if nothing else is wrong with it, both are put down for a person: two cities cannot both be
right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from registry.centre.examine import ProvenRow, RowReason
from signing.upload.rows import RowKind


class Refusal(StrEnum):
    """Reasons of refused rows that lie in what the centre holds already."""

    ALREADY_ACCEPTED = "already-accepted"
    NUMBER_OTHER_CITY = "number-other-city"
    PREFIX_OTHER_CITY = "prefix-other-city"
    CERTIFICATE_MISSING = "certificate-missing"
    CERTIFICATE_WITHDRAWN = "certificate-withdrawn"
    EDITION_MISSING = "edition-missing"
    EDITION_OLD = "edition-old"
    EDITION_OTHER_PREVIOUS = "edition-other-previous"
    NUMBER_DIFFERS = "number-differs"
    """The same number and edition stand here with other facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A number as the centre holds it. `record` is the SHA-256 of the newest edition's record."""

    city: str
    edition: int
    record: str
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """A row and its answer: accepted exactly if `reason` is ""."""

    row: ProvenRow
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether the row was taken."""
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A number of `first` that another city's row claims."""

    number: str
    first: str
    row: int


# Mutable: what earlier rows of the package did counts for the later ones.
@dataclass(slots=True, kw_only=True)
class Judge:
    """Judges the rows of one package of `city`.

    `held` looks a number up; `foreign` says that the package's prefix is another city's.
    """

    city: str
    held: Callable[[str], Held | None]
    foreign: bool
    changed: dict[str, Held] = field(default_factory=dict)
    """What to store for each number that a row was accepted for."""
    clashes: list[Clash] = field(default_factory=list)

    def judge(self, rows: Iterable[ProvenRow]) -> list[RowVerdict]:
        """Answer every row in order."""
        return [RowVerdict(row=row, reason=self._answer(row)) for row in rows]

    def _answer(self, row: ProvenRow) -> str:
        found = self.changed.get(row.number) or self.held(row.number)
        # Before all else, for whoever proves a row of his own log can claim any number. A row that
        # is false claims nothing, and would cost its sender nothing but a person's time here.
        if found is not None and found.city != self.city and not _false(row):
            self.clashes.append(Clash(number=row.number, first=found.city, row=row.row))
            return Refusal.NUMBER_OTHER_CITY
        # What was accepted before the organisation moved stays this city's to correct.
        if self.foreign and found is None and not _false(row):
            return Refusal.PREFIX_OTHER_CITY
        refused = row.reason or _order(row, found)
        if not refused:
            self.changed[row.number] = self._after(row, found)
        return refused

    def _after(self, row: ProvenRow, found: Held | None) -> Held:
        if row.kind is RowKind.WITHDRAWAL and found is not None:
            return replace(found, withdrawn=True)
        return Held(city=self.city, edition=row.edition, record=row.record, withdrawn=False)


def _false(row: ProvenRow) -> bool:
    """Whether the row itself is wrong, whoever sends it."""
    return row.reason not in {"", RowReason.PREFIX_UNKNOWN}


def _order(row: ProvenRow, found: Held | None) -> str:
    match row.kind:
        case RowKind.NEW | RowKind.SUPPLEMENT:
            return "" if found is None else _again(row, found)
        case RowKind.CORRECTION:
            return _correction(row, found)
        case RowKind.WITHDRAWAL:
            return _withdrawal(row, found)


def _again(row: ProvenRow, found: Held) -> str:
    same = (row.edition, row.record) == (found.edition, found.record)
    other = row.edition == found.edition and not same
    return Refusal.NUMBER_DIFFERS if other else Refusal.ALREADY_ACCEPTED


def _correction(row: ProvenRow, found: Held | None) -> str:
    if found is None:
        return Refusal.CERTIFICATE_MISSING
    if found.withdrawn:
        return Refusal.CERTIFICATE_WITHDRAWN
    if row.edition == found.edition:
        return _again(row, found)
    if row.edition < found.edition:
        return Refusal.EDITION_OLD
    if row.edition > found.edition + 1:
        return Refusal.EDITION_MISSING
    return "" if row.previous == found.record else Refusal.EDITION_OTHER_PREVIOUS


def _withdrawal(row: ProvenRow, found: Held | None) -> str:
    if found is None:
        return Refusal.CERTIFICATE_MISSING
    if found.withdrawn:
        return Refusal.CERTIFICATE_WITHDRAWN
    if row.edition < found.edition:
        return Refusal.EDITION_OLD
    if row.edition > found.edition:
        return Refusal.EDITION_MISSING
    return "" if row.record == found.record else Refusal.NUMBER_DIFFERS
