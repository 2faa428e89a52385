"""The roster of a plan (评价员工名册) as the office keeps it: sealed persons, found by their tag.

Each person's row is sealed as JSON and bound to its place (case and row); the tag finds the same
person among assessors, other plans and results. What the office finds wrong with a row when it
returns the plan stands with the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.sealed_rows import NewRow, SealedRows, count_rows, rows_of
from registry.rules.findings import Findings
from registry.rules.levels import BY_SYMBOL
from registry.rules.plan_roster import (
    EMPLOYMENT_NAMES,
    Employment,
    PlannedPerson,
    PlanRosterChecker,
    RosterBounds,
    assessor_fault,
    cells_of,
)
from registry.rules.text import Cell, mask_id, mask_name, tidy
from registry.store.fields import blind_index
from registry.store.procedure import Case
from signing.canonical import Canonical

LONGEST_FINDING: Final = 200
FINDINGS_AT_MOST: Final = 200
_LINE: Final = re.compile(r"第?\s*([0-9]{1,6})\s*行?\s*[:：,，、\s]\s*(.+)", re.ASCII)


class _Kept(Canonical, frozen=True, kw_only=True):
    dispatched_since: str
    employer: str
    employment: Employment
    finding: str
    id_number: str
    id_type: str
    level: str
    name: str
    remark: str


_ROWS: Final = SealedRows(_Kept, lambda row: row.finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPlanRoster:
    """A roster after all checks: its faultless rows, and what is wrong with the others."""

    people: tuple[PlannedPerson, ...]
    findings: Findings

    @property
    def acceptable(self) -> bool:
        """Whether there is no error (warnings are for the clerk to weigh)."""
        return self.findings.errors == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLine:
    """One person as lists show them: masked; ``finding`` is the office's, "" if none."""

    row: int
    name: str
    id_number: str
    employment: str
    employer: str
    dispatched_since: date | None
    level: str
    remark: str
    finding: str


def check_rows(
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    bounds: RosterBounds,
    *,
    assessors: frozenset[bytes],
    form: Findings | None = None,
    context: Context,
) -> CheckedPlanRoster:
    """Check rows, by the rules and against the tags of the plan's assessors.

    ``form`` are the findings on the file itself.
    """
    checker = PlanRosterChecker(bounds)
    people = []
    for number, cells in rows:
        person = checker.row(number, cells)
        if person is None:
            continue
        if blind_index(context.index_key, person.id_number) in assessors:
            fault = assessor_fault(person.id_number)
            checker.findings.add(fault, row=number, column="id_number")
            continue
        people.append(person)
    findings = Findings()
    if form is not None:
        findings.extend(form)
    findings.extend(checker.finish())
    return CheckedPlanRoster(people=tuple(people), findings=findings)


def check_kept(
    session: Session,
    case: Case,
    bounds: RosterBounds,
    *,
    assessors: frozenset[bytes],
    context: Context,
) -> CheckedPlanRoster:
    """Check the kept roster again, by the very rules of the upload."""
    rows = ((person.row, cells_of(person)) for person in people_of(session, case, context))
    return check_rows(rows, bounds, assessors=assessors, context=context)


def keep_people(
    session: Session, case: Case, people: Iterable[PlannedPerson], context: Context
) -> None:
    """Put these persons in the place of those kept before."""
    rows = (
        NewRow(number=person.row, id_number=person.id_number, held=_kept(person))
        for person in people
    )
    _ROWS.keep(session, case, rows, context)


def people_of(session: Session, case: Case, context: Context) -> tuple[PlannedPerson, ...]:
    """Return all persons of a plan in clear, for what is made of them next (results)."""
    return tuple(_person(*row) for row in _ROWS.all(session, case, context))


def roster_lines(
    session: Session, case: Case, context: Context, *, page: int, size: int
) -> tuple[tuple[RosterLine, ...], int]:
    """Return one page of the roster, masked, and how many persons it has."""
    rows = _ROWS.page(session, case, context, page=page, size=size)
    return tuple(_line(*row) for row in rows), count_rows(session, case)


def found_lines(session: Session, case: Case, context: Context) -> tuple[RosterLine, ...]:
    """Return the rows with which the office found something wrong, masked."""
    return tuple(_line(*row) for row in _ROWS.with_findings(session, case, context))


def read_row_findings(session: Session, case: Case, text: str) -> dict[int, str]:
    """Read the office's findings, one on a line: row number, then what is wrong with it.

    Raises ``FormFaults`` for a line without a row of the roster.
    """
    known = {row.row for row in rows_of(session, case)}
    found: dict[int, str] = {}
    faults = []
    for number, line in enumerate(filter(None, map(tidy, text.splitlines())), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            faults.append(f"第 {number} 条意见请写成“行号 意见”，如“12 派遣协议未满一年”")
        elif int(match[1]) not in known:
            faults.append(f"第 {number} 条意见：名册中没有第 {int(match[1])} 行")
        elif len(match[2]) > LONGEST_FINDING:
            faults.append(f"第 {number} 条意见超过 {LONGEST_FINDING} 字，请缩短")
        else:
            found[int(match[1])] = match[2]
    if len(found) > FINDINGS_AT_MOST:
        faults.append(f"逐行意见最多 {FINDINGS_AT_MOST} 条，请在退回理由中概括")
    if faults:
        raise FormFaults(tuple(FieldFault(field="rows", text=text) for text in faults))
    return found


def keep_findings(
    session: Session, case: Case, findings: Mapping[int, str], context: Context
) -> None:
    """Put the office's findings beside their rows, and take away those of an earlier return."""
    _ROWS.keep_findings(session, case, findings, context)


def _kept(person: PlannedPerson) -> _Kept:
    since = person.dispatched_since
    return _Kept(
        dispatched_since=since.isoformat() if since else "",
        employer=person.employer,
        employment=person.employment,
        finding="",
        id_number=person.id_number,
        id_type=person.id_type,
        level=person.level,
        name=person.name,
        remark=person.remark,
    )


def _person(row: int, kept: _Kept) -> PlannedPerson:
    since = kept.dispatched_since
    return PlannedPerson(
        row=row,
        name=kept.name,
        id_type=kept.id_type,
        id_number=kept.id_number,
        employment=kept.employment,
        employer=kept.employer,
        dispatched_since=date.fromisoformat(since) if since else None,
        level=kept.level,
        remark=kept.remark,
    )


def _line(row: int, kept: _Kept) -> RosterLine:
    person = _person(row, kept)
    return RosterLine(
        row=row,
        name=mask_name(person.name),
        id_number=mask_id(person.id_number),
        employment=EMPLOYMENT_NAMES[person.employment],
        employer=person.employer,
        dispatched_since=person.dispatched_since,
        level=BY_SYMBOL[person.level].printed,
        remark=person.remark,
        finding=kept.finding,
    )
