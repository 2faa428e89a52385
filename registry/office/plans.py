"""Plans (实施计划): opened on a published scheme, filled in part by part (notice 六（三）1).

Each part is one use case: it checks its values, keeps them in the sealed form and counts the term
again. Sending in, recording and what follows are in `registry.office.plan_steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.almanac import Almanac, read_almanac
from registry.office.assessors import assessors_of, unfit
from registry.office.cases import CaseKind, Doing, GuardsFailed, fill_in, open_case, read_form
from registry.office.checking import warn_of_holders
from registry.office.companies import ON_THE_LIST
from registry.office.context import Context
from registry.office.due import set_due
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity
from registry.office.plan_form import (
    PlanForm,
    Times,
    Training,
    assessors_needed,
    check_times,
    check_training,
    day,
    form_bytes,
    months_dispatched,
    parse_form,
    with_times,
    with_training,
)
from registry.office.published import PUBLISHED, stands
from registry.office.rosters import CheckedPlanRoster, check_rows, keep_people
from registry.office.scheme_form import parse_scheme
from registry.rules.findings import Findings
from registry.rules.levels import BY_SYMBOL
from registry.rules.plan_roster import RosterBounds, roster_digest
from registry.rules.text import Cell
from registry.rules.workflow import GUARDS, Guard
from registry.store.procedure import Case, Company

PlanCase: TypeAlias = Case
"""A case of kind plan, as the desks pass it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeFacts:
    """What a plan takes from the scheme it rests on; ``levels`` are level symbols, 5 first."""

    case_id: int
    reference: str
    occupation: str
    occupation_code: str
    direction: str
    levels: tuple[str, ...]


def scheme_facts(case: Case, context: Context) -> SchemeFacts:
    """Read a scheme's form as far as a plan needs it. Raises ``Refused`` if it does not say."""
    form = parse_scheme(read_form(case, context))
    levels = tuple(item.level for item in form.levels)
    if not form.occupation_code or not levels:
        raise Refused(f"评价方案 {case.reference} 未写明职业或者等级，不能据以制定计划")
    return SchemeFacts(
        case_id=case.case_id,
        reference=case.reference,
        occupation=form.occupation,
        occupation_code=form.occupation_code,
        direction=form.direction,
        levels=levels,
    )


def own_schemes(session: Session, by: Identity, context: Context) -> tuple[SchemeFacts, ...]:
    """Return the schemes of a person's own company on which a plan may rest."""
    query = select(Case).where(
        Case.kind == CaseKind.SCHEME.value,
        Case.state == PUBLISHED,
        Case.company_id == by.company_id,
    )
    company = session.get(Company, by.company_id) if by.company_id is not None else None
    if company is None:
        return ()
    return tuple(
        scheme_facts(case, context)
        for case in session.scalars(query.order_by(Case.case_id))
        if stands(session, company, case, context)
    )


def open_plan(
    session: Session, scheme_id: int, *, by: Identity, context: Context, today: date
) -> Case:
    """Open a plan on a published scheme of one's own listed company.

    Raises ``NotFound``, ``NotAllowed``, ``GuardsFailed``.
    """
    scheme = session.get(Case, scheme_id)
    known = scheme is not None and scheme.kind == CaseKind.SCHEME.value
    if scheme is None or not known or scheme.company_id != by.company_id:
        raise NotFound("没有此评价方案，或者您无权查看")
    company = session.get_one(Company, scheme.company_id)
    held = standing_guards(session, company, scheme, context)
    missing = [g for g in (Guard.COMPANY_LISTED, Guard.SCHEME_PUBLISHED) if g not in held]
    if missing:
        raise GuardsFailed("不满足办理条件：" + "；".join(GUARDS[guard] for guard in missing))
    facts = scheme_facts(scheme, context)
    form = PlanForm(
        occupation=facts.occupation,
        occupation_code=facts.occupation_code,
        direction=facts.direction,
        levels=facts.levels if len(facts.levels) == 1 else (),
    )
    case = open_case(
        session,
        CaseKind.PLAN,
        company,
        title=_title(form),
        form=form_bytes(form),
        by=by,
        context=context,
        parent=scheme,
    )
    set_due(case, read_almanac(session), today=today)
    return case


def standing_guards(
    session: Session, company: Company, scheme: Case, context: Context
) -> frozenset[Guard]:
    """Return which of the two standing conditions of a plan hold."""
    held = set()
    if company.state in ON_THE_LIST:
        held.add(Guard.COMPANY_LISTED)
    if stands(session, company, scheme, context):
        held.add(Guard.SCHEME_PUBLISHED)
    return frozenset(held)


def read_plan(case: Case, context: Context) -> PlanForm:
    """Return a plan's form. Raises ``NotFound`` for a case of another kind."""
    if case.kind != CaseKind.PLAN.value:
        raise NotFound("没有此实施计划，或者您无权查看")
    return parse_form(read_form(case, context))


def scheme_of(session: Session, case: Case) -> Case:
    """Return the scheme a plan rests on."""
    scheme = session.get(Case, case.parent_id) if case.parent_id else None
    if scheme is None:
        raise NotFound("没有此实施计划所依据的评价方案")
    return scheme


def set_times(
    session: Session, case: Case, times: Times, *, doing: Doing, context: Context, today: date
) -> None:
    """Keep days, levels and sites. Raises ``FormFaults``, ``CaseMoved``, ``Refused``."""
    form, almanac = read_plan(case, context), read_almanac(session)
    offered = scheme_facts(scheme_of(session, case), context).levels
    _reject(check_times(times, offered=offered, today=today, almanac=almanac))
    case.first_day = times.first_day
    _save(session, case, with_times(form, times), doing=doing, context=context)
    set_due(case, almanac, today=today)


def set_training(
    session: Session, case: Case, training: Training, *, doing: Doing, context: Context
) -> None:
    """Keep the training held before the assessment. Raises as `set_times`."""
    form = read_plan(case, context)
    _reject(check_training(training, first_day=day(form.first_day)))
    _save(session, case, with_training(form, training), doing=doing, context=context)


def set_assessors(
    session: Session,
    case: Case,
    chosen: Iterable[int],
    *,
    doing: Doing,
    context: Context,
    today: date,
) -> None:
    """Keep the assessors chosen. Raises as `set_times`."""
    ids = tuple(sorted(set(chosen)))
    form = msgspec.structs.replace(read_plan(case, context), assessors=ids)
    almanac = read_almanac(session)
    _reject(assessor_faults(session, case, form, context, almanac, today=today))
    _save(session, case, form, doing=doing, context=context)


def assessor_faults(
    session: Session, case: Case, form: PlanForm, context: Context, almanac: Almanac, *, today: date
) -> tuple[FieldFault, ...]:
    """Say what is wrong with a plan's assessors: too few, or one who may not assess in it."""
    known = {view.assessor_id: view for view in assessors_of(session, case.company_id, context)}
    last = day(form.last_day) or today
    found = []
    fit = 0
    for number in form.assessors:
        view = known.get(number)
        if view is None:
            found.append("所选考评人员不是本企业登记的，请重新选择")
            continue
        why = unfit(view, code=form.occupation_code, last_day=last)
        fit += not why
        if why:
            found.append(f"考评人员 {view.masked_name}（{view.masked_id}）：{why}")
    needed = assessors_needed(day(form.first_day) or today, almanac)
    if len(form.assessors) < needed:
        found.append(f"每个职业（工种）不少于 {needed} 名考评人员，现选 {len(form.assessors)} 名")
    elif fit < needed:
        found.append(f"每个职业（工种）不少于 {needed} 名考评人员，符合条件的只有 {fit} 名")
    return tuple(FieldFault(field="assessors", text=text) for text in found)


def put_roster(
    session: Session,
    case: Case,
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    *,
    form: Findings,
    doing: Doing,
    context: Context,
    today: date,
) -> CheckedPlanRoster:
    """Check a roster and, if it has no error, keep it in the place of the one before.

    ``form`` are the findings on the file itself. Raises ``Refused`` while days or levels are
    not filled in: they decide who may stand on it.
    """
    plan = read_plan(case, context)
    bounds = roster_bounds(session, case, plan, read_almanac(session), today=today)
    tags = assessor_tags(session, case, plan, context)
    checked = check_rows(rows, bounds, assessors=tags, form=form, context=context)
    if not checked.acceptable:
        return checked
    # Before the training and the days: whoever passes gets no second certificate of the kind.
    warn_of_holders(session, checked.people, plan.occupation_code, checked.findings, context)
    digest = roster_digest(checked.people)
    plan = msgspec.structs.replace(plan, people=len(checked.people), roster=digest)
    # The form first: of two who upload at once, the later one loses before a person is replaced.
    _save(session, case, plan, doing=doing, context=context)
    keep_people(session, case, checked.people, context)
    return checked


def roster_bounds(
    session: Session, case: Case, plan: PlanForm, almanac: Almanac, *, today: date
) -> RosterBounds:
    """Return what the plan's roster is held against. Raises ``Refused`` without days or levels."""
    first = day(plan.first_day)
    if first is None or not plan.levels:
        raise Refused("请先填写“时间地点”：名册按评价第一天和等级核对")
    return RosterBounds(
        company=session.get_one(Company, case.company_id).name,
        levels=frozenset(plan.levels),
        first_day=first,
        dispatched_months=months_dispatched(first, almanac),
        today=today,
    )


def assessor_tags(
    session: Session, case: Case, plan: PlanForm, context: Context
) -> frozenset[bytes]:
    """Return the ID tags of the plan's assessors."""
    chosen = frozenset(plan.assessors)
    views = assessors_of(session, case.company_id, context)
    return frozenset(view.id_tag for view in views if view.assessor_id in chosen)


def _save(session: Session, case: Case, form: PlanForm, *, doing: Doing, context: Context) -> None:
    fill_in(session, case, form_bytes(form), title=_title(form), doing=doing, context=context)


def _title(form: PlanForm) -> str:
    name = f"{form.occupation}（{form.direction}）" if form.direction else form.occupation
    levels = "、".join(BY_SYMBOL[symbol].printed for symbol in form.levels)
    return " ".join(part for part in (name, levels, form.first_day) if part)[:160]


def _reject(faults: tuple[FieldFault, ...]) -> None:
    if faults:
        raise FormFaults(faults)
