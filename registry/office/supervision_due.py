"""What supervision waits for, and whom (监督待办): visits, findings, answers, proposals.

A visit is due by the last day of the assessment it looks into (六（三）4: 在评价过程中). An answer
and its check are due when a rule made at the desk says so; else they are listed without a day.
Days are counted when the list is shown, so a change of calendar needs no other counting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum, auto
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.case_list import SOON
from registry.office.cases import FORM, CaseKind
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.identity import COMPANY_ROLES, Identity, Role
from registry.office.kept import kept_all
from registry.office.plan_form import day, parse_form
from registry.office.supervising import (
    KIND_WORDS,
    WAITING,
    Kind,
    Result,
    Sight,
    Stage,
    open_text,
    rows_of,
    seen,
    sight_of,
)
from registry.rules.calendar import Deadline
from registry.rules.terms import Term
from registry.store.among import among
from registry.store.fields import FieldCipher, FieldDamaged
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company
from registry.store.registers import Expert, Supervision

PAGE: Final = 50
"""Rows of one side's list."""


class Task(StrEnum):
    """What is to be done."""

    VISIT = "visit"
    TIE = "tie"
    ANSWER = "answer"
    BE_HEARD = "be-heard"
    CHECK = "check"
    DECIDE = "decide"


TASK_WORDS: Final = {
    Task.VISIT: "实施督导",
    Task.TIE: "绑定督导员账号",
    Task.ANSWER: "答复督导意见",
    Task.BE_HEARD: "陈述、申辩（可以不提出）",
    Task.CHECK: "核实办结",
    Task.DECIDE: "审批处理提议",
}


class DueMatter(msgspec.Struct, frozen=True, kw_only=True):
    """One matter of a list. ``working_days`` until its day, negative when it is past."""

    supervision_id: int
    reference: str
    kind: Kind
    task: Task
    company: str
    due_on: date | None
    due_provisional: bool
    working_days: int | None

    @property
    def kind_word(self) -> str:
        """The kind in words."""
        return KIND_WORDS[self.kind]

    @property
    def task_word(self) -> str:
        """What is to be done, in words."""
        return TASK_WORDS[self.task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matters:
    """What waits for a person, and what waits for others, the earliest day first.

    ``late`` and ``soon`` count those of ``mine`` that are past, or near. The lists stop at `PAGE`;
    ``total`` and ``waiting`` count them all.
    """

    mine: tuple[DueMatter, ...]
    others: tuple[DueMatter, ...]
    total: int
    waiting: int
    late: int
    soon: int


class _Hand(Enum):
    """Whose list it is: which rows wait for the one who asks."""

    COMPANY = auto()
    SUPERVISOR = auto()
    CLERK = auto()
    APPROVER = auto()
    NOBODY = auto()


_Version: TypeAlias = tuple[int, int]
"""A plan and its version."""

_TERMS: Final = {Task.ANSWER: Term.SUPERVISION_ANSWER, Task.CHECK: Term.SUPERVISION_CHECK}
_HANDS: Final = {
    Role.SUPERVISOR: _Hand.SUPERVISOR,
    Role.CLERK: _Hand.CLERK,
    Role.APPROVER: _Hand.APPROVER,
}
_VISIT: Final = Supervision.kind == Kind.VISIT.value
_SOUND: Final = Supervision.result == Result.SOUND.value
_UNTIED: Final = Supervision.expert_id.in_(
    select(Expert.expert_id).where(Expert.account_id.is_(None))
)


def _at(stage: Stage) -> ColumnElement[bool]:
    return Supervision.state == stage.value


_TO_CHECK: Final = and_(_VISIT, or_(_at(Stage.ANSWERED), and_(_at(Stage.REPORTED), _SOUND)))
_TO_ANSWER: Final = and_(_VISIT, _at(Stage.REPORTED), ~_SOUND)
_TO_VISIT: Final = and_(_VISIT, _at(Stage.ASSIGNED))
_PROPOSED: Final = _at(Stage.PROPOSED)
_WAITS: Final = or_(*(_at(stage) for stage in sorted(WAITING)))
"""All of these, said so that the index of states serves it."""
_FORMS: Final = Prepared(
    select(Case.case_id, Case.form).where(
        Case.kind == CaseKind.PLAN.value, among(Case.case_id, "cases")
    )
)


def matters(
    session: Session,
    by: Identity,
    context: Context,
    almanac: Almanac,
    *,
    today: date,
    others: int = PAGE,
) -> Matters:
    """Return what waits. Raises ``NotAllowed`` for an account that sees no cases."""
    sight, values = sight_of(by)
    hand = _Hand.COMPANY if by.role in COMPANY_ROLES else _HANDS.get(by.role, _Hand.NOBODY)
    values |= {"account": by.account_id}
    total, waiting = _counted(sight, hand).one(session, **values)
    first = _rows(sight, hand, mine=True).named(session, **values, limit=PAGE) if total else []
    rest = _rows(sight, hand, mine=False).named(session, **values, limit=others) if waiting else []
    mine = [(row, _task(row, hand, mine=True)) for row in first]
    theirs = []
    for row in rest:
        # A company may be heard before a decision, once; from then on it waits for the office.
        proposed = hand is _Hand.COMPANY and row.state == Stage.PROPOSED.value
        if proposed and not open_text(row.supervision_id, row.text, context).answer:
            mine.append((row, Task.BE_HEARD))
        else:
            theirs.append((row, _task(row, hand, mine=False)))
    moved = len(rest) - len(theirs)
    last_days = _last_days(session, [row for row, _ in (*mine, *theirs)], context)
    own = _listed(mine, last_days, almanac, today)
    return Matters(
        mine=own,
        others=_listed(theirs, last_days, almanac, today),
        total=total + moved,
        waiting=waiting - moved,
        late=sum(1 for one in own if one.due_on is not None and one.due_on < today),
        soon=sum(1 for one in own if one.working_days in range(SOON + 1)),
    )


def _wait_for(hand: _Hand) -> ColumnElement[bool]:
    match hand:
        case _Hand.COMPANY:
            return _TO_ANSWER
        case _Hand.SUPERVISOR:
            return _TO_VISIT
        case _Hand.CLERK:
            return or_(_TO_CHECK, and_(_TO_VISIT, _UNTIED))
        case _Hand.APPROVER:
            return and_(_PROPOSED, Supervision.proposed_by != bindparam("account"))
        case _Hand.NOBODY:
            return false()


@cache
def _rows(sight: Sight, hand: _Hand, *, mine: bool) -> Prepared[*tuple[Any, ...]]:
    """Select the rows that have been in their state for longest."""
    query = (
        select(
            Supervision.supervision_id,
            Supervision.reference,
            Supervision.kind,
            Supervision.state,
            Supervision.result,
            Supervision.entered_at,
            Company.name.label("company"),
            Supervision.case_id,
            Case.version,
            *([Supervision.text] if hand is _Hand.COMPANY else []),
        )
        .join(Company, Company.company_id == Supervision.company_id)
        .outerjoin(Case, Case.case_id == Supervision.case_id)
        .where(*seen(sight), _wait_for(hand) if mine else and_(_WAITS, ~_wait_for(hand)))
        .order_by(Supervision.entered_at, Supervision.supervision_id)
    )
    return Prepared(query.limit(bindparam("limit")))


@cache
def _counted(sight: Sight, hand: _Hand) -> Prepared[int, int]:
    mine = _wait_for(hand)
    query = select(func.count().filter(mine), func.count().filter(~mine))
    return Prepared(query.select_from(rows_of(sight)).where(*seen(sight), _WAITS))


def _task(row: Any, hand: _Hand, *, mine: bool) -> Task:
    match Stage(row.state):
        case Stage.ASSIGNED:
            return Task.TIE if mine and hand is _Hand.CLERK else Task.VISIT
        case Stage.PROPOSED:
            return Task.DECIDE
        case Stage.REPORTED if row.result != Result.SOUND.value:
            return Task.ANSWER
        case _:
            return Task.CHECK


def _listed(
    found: Iterable[tuple[Any, Task]],
    last_days: Mapping[_Version, date | None],
    almanac: Almanac,
    today: date,
) -> tuple[DueMatter, ...]:
    shown = []
    for row, task in found:
        if task in (Task.VISIT, Task.TIE):
            last = last_days.get((row.case_id, row.version))
            due = Deadline(day=last, provisional=False) if last else None
        else:
            term = _TERMS.get(task)
            due = almanac.deadline(term, china_day(row.entered_at)) if term else None
        shown.append(
            DueMatter(
                supervision_id=row.supervision_id,
                reference=row.reference,
                kind=Kind(row.kind),
                task=task,
                company=row.company,
                due_on=due.day if due else None,
                due_provisional=due.provisional if due else False,
                working_days=almanac.days.between(today, due.day) if due else None,
            )
        )
    return tuple(sorted(shown, key=lambda one: one.due_on or date.max))


def _last_days(
    session: Session, rows: Iterable[Any], context: Context
) -> dict[_Version, date | None]:
    """Read the last day of each plan to be visited out of its sealed form, once a version."""
    assigned = Stage.ASSIGNED.value
    plans = {(row.case_id, row.version) for row in rows if row.state == assigned and row.case_id}

    def make(missing: list[_Version]) -> dict[_Version, date | None]:
        forms = dict(_FORMS.all(session, cases=[case_id for case_id, _ in missing]))
        return {one: _last_day(one[0], forms.get(one[0], b""), context) for one in missing}

    return kept_all(session, "last-day", sorted(plans), make) if plans else {}


def _last_day(case_id: int, form: bytes, context: Context) -> date | None:
    try:
        return day(parse_form(FieldCipher(context.field_key, FORM).open(case_id, form)).last_day)
    except FieldDamaged:
        # One plan that cannot be read does not take the whole list away.
        return None
