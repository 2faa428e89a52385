"""The persons of a results batch as the office keeps them: sealed, with marks, found by their tag.

A row is bound to its place (case and row of the scores table). What the office finds wrong with it
when it returns the batch stands with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.sealed_rows import NewRow, SealedRows, rows_of
from registry.rules.levels import BY_SYMBOL
from registry.rules.scheme import PartKind, Scheme
from registry.rules.scores import Outcome
from registry.rules.scores_sheet import ScoredPerson
from registry.rules.text import mask_id, mask_name
from registry.store.procedure import Case
from signing.canonical import Canonical


class _Mark(Canonical, frozen=True, kw_only=True):
    part: PartKind
    tenths: int


class _Kept(Canonical, frozen=True, kw_only=True):
    admission: str
    finding: str
    id_number: str
    id_type: str
    level: str
    marks: tuple[_Mark, ...]
    name: str
    unsafe: bool
    withheld: str | msgspec.UnsetType = msgspec.UNSET


_ROWS: Final = SealedRows(_Kept, lambda row: row.finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """One person's result as lists show it: masked; ``finding`` is the office's, "" if none.

    ``withheld`` is why somebody who passed gets no certificate, "" for everybody else.
    """

    row: int
    name: str
    id_number: str
    admission: str
    level: str
    marks: Mapping[PartKind, int]
    parts: tuple[PartKind, ...]
    unsafe: bool
    outcome: Outcome
    finding: str
    withheld: str


def keep_results(
    session: Session,
    case: Case,
    people: Iterable[ScoredPerson],
    schemes: Mapping[str, Scheme],
    context: Context,
) -> None:
    """Put these persons in the place of those kept before."""
    rows = (
        NewRow(
            number=person.row,
            id_number=person.id_number,
            held=_kept(person),
            passed=person.outcome(schemes[person.level]).passed,
        )
        for person in people
    )
    _ROWS.keep(session, case, rows, context)


def results_of(session: Session, case: Case, context: Context) -> tuple[ScoredPerson, ...]:
    """Return all persons of a batch in clear, for the checks and for issuing."""
    return tuple(_person(*row) for row in _ROWS.all(session, case, context))


def marked_passed(session: Session, case: Case) -> frozenset[int]:
    """Return the rows that the store marks as passed."""
    return frozenset(row.row for row in rows_of(session, case) if row.passed)


def result_lines(
    session: Session, case: Case, schemes: Mapping[str, Scheme], context: Context
) -> tuple[ResultLine, ...]:
    """Return every person's result, masked."""
    return tuple(_line(*row, schemes) for row in _ROWS.all(session, case, context))


def result_page(
    session: Session,
    case: Case,
    schemes: Mapping[str, Scheme],
    context: Context,
    *,
    page: int,
    size: int,
) -> tuple[ResultLine, ...]:
    """Return one page of the results, masked."""
    rows = _ROWS.page(session, case, context, page=page, size=size)
    return tuple(_line(*row, schemes) for row in rows)


def found_lines(
    session: Session, case: Case, schemes: Mapping[str, Scheme], context: Context
) -> tuple[ResultLine, ...]:
    """Return the rows with which the office found something wrong, masked."""
    return tuple(_line(*row, schemes) for row in _ROWS.with_findings(session, case, context))


def keep_findings(
    session: Session, case: Case, findings: Mapping[int, str], context: Context
) -> None:
    """Put the office's findings beside their rows, and take away those of an earlier return."""
    _ROWS.keep_findings(session, case, findings, context)


def keep_withheld(
    session: Session, case: Case, reasons: Mapping[int, str], context: Context
) -> None:
    """Put beside their rows why these get no certificate; every other row gets one if it passed."""

    def withheld(number: int, row: _Kept) -> _Kept:
        return msgspec.structs.replace(row, withheld=reasons.get(number) or msgspec.UNSET)

    _ROWS.change(session, case, withheld, context)


def withheld_reasons(session: Session, case: Case, context: Context) -> dict[int, str]:
    """Return the rows that get no certificate though they passed, with the reasons."""
    rows = _ROWS.all(session, case, context)
    return {number: row.withheld for number, row in rows if row.withheld}


def withheld_rows(session: Session, case: Case, context: Context) -> frozenset[int]:
    """Return the rows that get no certificate though they passed."""
    return frozenset(n for n, row in _ROWS.all(session, case, context) if row.withheld)


def _kept(person: ScoredPerson) -> _Kept:
    return _Kept(
        admission=person.admission,
        finding="",
        id_number=person.id_number,
        id_type=person.id_type,
        level=person.level,
        marks=tuple(_Mark(part=part, tenths=tenths) for part, tenths in person.marks.items()),
        name=person.name,
        unsafe=person.unsafe,
    )


def _person(row: int, kept: _Kept) -> ScoredPerson:
    return ScoredPerson(
        row=row,
        name=kept.name,
        id_type=kept.id_type,
        id_number=kept.id_number,
        admission=kept.admission,
        level=kept.level,
        marks={mark.part: mark.tenths for mark in kept.marks},
        unsafe=kept.unsafe,
    )


def _line(row: int, kept: _Kept, schemes: Mapping[str, Scheme]) -> ResultLine:
    person, scheme = _person(row, kept), schemes[kept.level]
    return ResultLine(
        row=row,
        name=mask_name(person.name),
        id_number=mask_id(person.id_number),
        admission=person.admission,
        level=BY_SYMBOL[person.level].printed,
        marks=person.marks,
        parts=tuple(part.kind for part in scheme.parts),
        unsafe=person.unsafe,
        outcome=person.outcome(scheme),
        finding=kept.finding,
        withheld=kept.withheld or "",
    )
