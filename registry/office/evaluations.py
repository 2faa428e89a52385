"""The yearly evaluation (年度评估) of companies on the list, and who is idle (七（二）).

A company is due when it has been on the list for a year, and every year after; a company that
has held no assessment within the limit is idle, which is a ground to take it off the list. Held is
an assessment whose results were filed: a plan whose days have passed proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    CursorResult,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import Almanac
from registry.office.cases import CaseKind, CaseMoved, audit
from registry.office.companies import ON_THE_LIST, get_company
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role, require
from registry.office.kept import kept
from registry.office.scope import Scope, all_within, scope_of
from registry.office.supervising import (
    OF_EVALUATIONS,
    RESULT_WORDS,
    Kind,
    Result,
    Sight,
    Stage,
    Text,
    add_row,
    new_row,
    sight_of,
    visible,
    written,
)
from registry.office.supervision_lines import tell
from registry.rules.errors import NoRuleInForce
from registry.rules.terms import Term
from registry.store.among import among
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company
from registry.store.reading import Records
from registry.store.registers import Supervision

_DAY: Final = timedelta(days=1)
_OF_EVALUATION: Final = Supervision.kind == Kind.EVALUATION.value
_LAST: Final = Prepared(
    select(Supervision.company_id, func.max(Supervision.supervision_id))
    .where(_OF_EVALUATION)
    .group_by(Supervision.company_id)
)
_DONE: Final = Prepared(
    select(Supervision.company_id, func.max(Supervision.proposed_at))
    .where(_OF_EVALUATION)
    .group_by(Supervision.company_id)
)
_DONE_AT: Final = Prepared(
    select(func.max(Supervision.proposed_at)).where(
        _OF_EVALUATION, Supervision.company_id == bindparam("company")
    )
)
_HELD: Final = (
    select(func.max(Case.received_on))
    .where(
        Case.company_id == Company.company_id,
        Case.kind == CaseKind.BATCH.value,
        Case.state != "rejected",
    )
    .scalar_subquery()
)
# Results that may still be filed in time count for the company, until they can no more.
_IN_TIME: Final = exists(
    select(1).where(
        Case.company_id == Company.company_id,
        Case.due_on >= bindparam("today"),
        or_(
            and_(Case.kind == CaseKind.PLAN.value, Case.state == "held"),
            and_(
                Case.kind == CaseKind.BATCH.value,
                or_(Case.state == "draft", Case.state == "publicity"),
            ),
        ),
    )
)
_COMPANIES: Final = Prepared(
    select(
        Company.company_id, Company.name, Company.uscc, _HELD, case((_IN_TIME, 1), else_=0)
    ).where(among(Company.company_id, "companies"))
)


_Due: TypeAlias = tuple[date, int, date, date]
"""Since when an evaluation is due, of which company, by when, and the day of its listing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEvaluation:
    """A company whose evaluation is due: since when, and by when the next one would be.

    ``idle_since`` is the day of its last assessment, or of its listing, if it has been idle.
    """

    company_id: int
    company: str
    uscc: str
    since: date
    due_on: date
    idle_since: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One yearly evaluation that was recorded, its result also in words."""

    supervision_id: int
    reference: str
    on: date
    passed: bool
    word: str


def due_evaluations(
    session: Session, by: Identity, almanac: Almanac, *, today: date
) -> tuple[DueEvaluation, ...]:
    """Return the companies to evaluate now, the longest due first. Raises ``NotAllowed``."""
    return _told(session, _due(session, by, almanac, today), almanac, today)


def page_of_due(
    session: Session, by: Identity, almanac: Almanac, *, today: date, page: int = 1, limit: int
) -> tuple[tuple[DueEvaluation, ...], int]:
    """Return one page of the companies to evaluate now, and how many there are.

    Raises ``NotAllowed``.
    """
    found = _due(session, by, almanac, today)
    first = limit * (max(page, 1) - 1)
    return _told(session, found[first : first + limit], almanac, today), len(found)


def evaluation_year(company: Company, almanac: Almanac, *, today: date) -> tuple[date, date] | None:
    """Give the first day of the evaluation that is due, and its last; None before a full year.

    Day and next day are those on which the company has been listed for whole years.
    """
    return None if company.listed_on is None else _year(company.listed_on, almanac, today)


def idle_since(session: Session, company: Company, almanac: Almanac, *, today: date) -> date | None:
    """Give the day since which a listed company has held nothing, if that is over the limit."""
    if company.listed_on is None:
        return None
    row = _COMPANIES.one(session, companies=[company.company_id], today=today)
    return _idle(company.listed_on, _last_held(row, today), almanac, today)


def evaluate(
    session: Session,
    company_id: int,
    result: Result,
    reasons: str,
    *,
    by: Identity,
    context: Context,
    almanac: Almanac,
    today: date,
) -> int:
    """Record a due evaluation; return the row's id. Of two at once one wins.

    Raises ``NotAllowed``, ``Refused`` if none is due, ``FormFaults``, ``CaseMoved``.
    """
    require(by, Role.CLERK, Role.APPROVER)
    company = get_company(session, company_id, by)
    years = evaluation_year(company, almanac, today=today)
    (done,) = _DONE_AT.one(session, company=company_id)
    if company.state not in ON_THE_LIST or years is None or _covered(years, done):
        raise Refused("此企业现无到期的年度评估（备案未满一年，或者本年度已评估）")
    if result not in OF_EVALUATIONS:
        raise FormFaults([FieldFault(field="result", text="请选择评估结果")])
    words = written(reasons, "reasons", "请填写评估情况和理由")
    claim_company(session, company, company.state, company.barred_until)
    row = new_row(Kind.EVALUATION, Stage.RECORDED, company_id, by=by.account_id, context=context)
    row.result = result.value
    add_row(session, row, Text(reason=words), context)
    tell(session, row, row.kind, RESULT_WORDS[result], by=by, context=context)
    session.add(audit("evaluation", row.reference, by, context))
    return row.supervision_id


def evaluations_of(session: Session, company_id: int, by: Identity) -> tuple[Evaluation, ...]:
    """Return a company's evaluations that the person may see, the newest first."""
    sight, values = sight_of(by)
    return tuple(
        Evaluation(
            supervision_id=row.supervision_id,
            reference=row.reference,
            on=china_day(row.proposed_at),
            passed=row.result == Result.PASSED,
            word=RESULT_WORDS[Result(row.result)],
        )
        for row in _recorded(sight).all(session, **values, evaluated=company_id)
    )


def claim_company(
    session: Session, company: Company, state: str, barred_until: date | None
) -> None:
    """Take a company's next version with a state, or lose to whoever was first (``CaseMoved``)."""
    taken = session.execute(
        update(Company)
        .where(
            Company.company_id == company.company_id,
            Company.version == company.version,
            Company.state == company.state,
        )
        .values(version=Company.version + 1, state=state, barred_until=barred_until)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved("他人已先行办理此企业的事项，请刷新后再办理")
    session.refresh(company)


def _due(session: Session, by: Identity, almanac: Almanac, today: date) -> tuple[_Due, ...]:
    """Return the evaluations that are due, the longest due first. Raises ``NotAllowed``."""
    require(by, Role.CLERK, Role.APPROVER, Role.AUDITOR)
    scope, values = scope_of(by)
    listed = tuple(_listed(scope).all(session, **values))
    last = tuple(_LAST.all(session))

    def make() -> tuple[_Due, ...]:
        done, found = dict(_DONE.all(session)), []
        for company_id, word in listed:
            listed_on = date.fromisoformat(str(word))
            years = _year(listed_on, almanac, today)
            if years is not None and not _covered(years, done.get(company_id)):
                found.append((years[0], company_id, years[1], listed_on))
        return tuple(sorted(found))

    return kept(session, ("evaluations", listed, last, almanac, today), make)


def _told(
    session: Session,
    found: tuple[_Due, ...],
    almanac: Almanac,
    today: date,
) -> tuple[DueEvaluation, ...]:
    companies = [company_id for _, company_id, _, _ in found]
    rows = {row[0]: row for row in _COMPANIES.all(session, companies=companies, today=today)}
    return tuple(
        DueEvaluation(
            company_id=number,
            company=rows[number][1],
            uscc=rows[number][2],
            since=since,
            due_on=end,
            idle_since=_idle(listed_on, _last_held(rows[number], today), almanac, today),
        )
        for since, number, end, listed_on in found
    )


def _covered(years: tuple[date, date], done: datetime | None) -> bool:
    """Say whether the last evaluation is this year's."""
    return done is not None and china_day(done) >= years[0]


def _year(listed_on: date, almanac: Almanac, today: date) -> tuple[date, date] | None:
    start, end = None, _last_day(Term.YEARLY_EVALUATION, listed_on, almanac)
    while end <= today:
        start, end = end, _last_day(Term.YEARLY_EVALUATION, end, almanac)
    return None if start is None else (start, end - _DAY)


def _idle(listed_on: date, held: date | None, almanac: Almanac, today: date) -> date | None:
    since = max(listed_on, held or listed_on)
    return since if _last_day(Term.IDLE_LIMIT, since, almanac) < today else None


def _last_day(term: Term, start: date, almanac: Almanac) -> date:
    found = almanac.deadline(term, start)
    if found is None:
        raise NoRuleInForce(f"no rule for the term {term} is in force on {start}")
    return found.day


def _last_held(row: Any, today: date) -> date | None:
    _, _, _, filed, in_time = row
    return today if in_time else filed


@cache
def _recorded(sight: Sight) -> Records[Supervision]:
    own = _OF_EVALUATION, Supervision.company_id == bindparam("evaluated")
    newest = Supervision.supervision_id.desc()
    return Records(Supervision, visible(sight).where(*own).order_by(newest))


@cache
def _listed(scope: Scope) -> Prepared[int, Any]:
    """Select the companies on the list, and since when: as it is stored, to compare and to keep."""
    on_the_list = or_(*(Company.state == state for state in sorted(ON_THE_LIST)))
    query = select(Company.company_id, type_coerce(Company.listed_on, String))
    return Prepared(
        query.where(
            on_the_list, Company.listed_on.is_not(None), all_within(scope, Company.company_id)
        )
    )
