"""The yearly evaluation (年度评估) of companies on the list, and who is idle (七（二）).

A company is due when it has been on the list for a year, and every year after; a company that
has held no assessment within the limit is idle, which is a ground to take it off the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import Almanac
from registry.office.cases import CaseKind, CaseMoved, audit
from registry.office.companies import ON_THE_LIST, get_company
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role, require
from registry.office.supervising import (
    OF_EVALUATIONS,
    Kind,
    Result,
    Stage,
    Text,
    add_row,
    new_row,
    written,
)
from registry.rules.terms import Term, deadline
from registry.store.procedure import Case, CaseEvent, Company
from registry.store.registers import Supervision

_DAY: Final = timedelta(days=1)


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


def due_evaluations(
    session: Session, by: Identity, almanac: Almanac, *, today: date
) -> tuple[DueEvaluation, ...]:
    """Return the companies to evaluate now, the longest due first. Raises ``NotAllowed``."""
    require(by, Role.CLERK, Role.APPROVER, Role.AUDITOR)
    query = select(Company).where(
        Company.state.in_(sorted(ON_THE_LIST)), Company.listed_on.is_not(None)
    )
    if by.district:
        query = query.where(Company.district == by.district)
    last_held, last_done = _last_held(session), _last_evaluated(session)
    found = []
    for company in session.scalars(query):
        years = evaluation_year(company, almanac, today=today)
        done = last_done.get(company.company_id)
        if years is None or (done is not None and done >= years[0]):
            continue
        found.append(
            DueEvaluation(
                company_id=company.company_id,
                company=company.name,
                uscc=company.uscc,
                since=years[0],
                due_on=years[1],
                idle_since=_idle(company, last_held, almanac, today),
            )
        )
    return tuple(sorted(found, key=lambda item: (item.since, item.company_id)))


def evaluation_year(company: Company, almanac: Almanac, *, today: date) -> tuple[date, date] | None:
    """Give the first day of the evaluation that is due, and its last; None before a full year.

    Day and next day are those on which the company has been listed for whole years.
    """
    if company.listed_on is None:
        return None
    start, end = None, _full_year(company.listed_on, almanac)
    while end <= today:
        start, end = end, _full_year(end, almanac)
    return None if start is None else (start, end - _DAY)


def idle_since(session: Session, company: Company, almanac: Almanac, *, today: date) -> date | None:
    """Give the day since which a listed company has held nothing, if that is over the limit."""
    return _idle(company, _last_held(session), almanac, today)


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
    if all(
        due.company_id != company_id for due in due_evaluations(session, by, almanac, today=today)
    ):
        raise Refused("此企业现无到期的年度评估（备案未满一年，或者本年度已评估）")
    if result not in OF_EVALUATIONS:
        raise FormFaults([FieldFault(field="result", text="请选择评估结果")])
    words = written(reasons, "reasons", "请填写评估情况和理由")
    claim_company(session, company, company.state, company.barred_until)
    row = new_row(Kind.EVALUATION, Stage.RECORDED, company_id, by=by.account_id, context=context)
    row.result = result.value
    add_row(session, row, Text(reason=words), context)
    session.add(audit("evaluation", row.reference, by, context))
    return row.supervision_id


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


def _full_year(start: date, almanac: Almanac) -> date:
    rule = almanac.rules.term(Term.YEARLY_EVALUATION, start)
    return deadline(rule, start, almanac.days).day


def _idle(
    company: Company, last_held: dict[int, date], almanac: Almanac, today: date
) -> date | None:
    if company.listed_on is None:
        return None
    since = max(company.listed_on, last_held.get(company.company_id, company.listed_on))
    rule = almanac.rules.term(Term.IDLE_LIMIT, since)
    return since if deadline(rule, since, almanac.days).day < today else None


def _last_held(session: Session) -> dict[int, date]:
    # The day on which a plan was marked held is the first after its last day: to the company's
    # advantage, and it needs no sealed form to be opened.
    rows = session.execute(
        select(Case.company_id, func.max(CaseEvent.at))
        .join(CaseEvent, CaseEvent.case_id == Case.case_id)
        .where(Case.kind == CaseKind.PLAN.value, CaseEvent.event == "hold")
        .group_by(Case.company_id)
    )
    return {company_id: china_day(at) for company_id, at in rows}


def _last_evaluated(session: Session) -> dict[int, date]:
    rows = session.execute(
        select(Supervision.company_id, func.max(Supervision.proposed_at))
        .where(Supervision.kind == Kind.EVALUATION.value)
        .group_by(Supervision.company_id)
    )
    return {company_id: china_day(at) for company_id, at in rows}
