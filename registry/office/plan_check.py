"""What stands between a plan and its being sent in (核对): the very check that submit runs.

Each fault names its part and field; what a roster's row lacks is a finding with row and column,
whose words are `registry.wording`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import GuardsFailed
from registry.office.context import Context
from registry.office.form_faults import FieldFault
from registry.office.kept import kept
from registry.office.plan_form import (
    PlanForm,
    check_times,
    check_training,
    day,
    lateness,
    times_of,
    training_of,
)
from registry.office.plans import (
    assessor_faults,
    assessor_tags,
    read_plan,
    roster_bounds,
    scheme_facts,
    scheme_of,
    standing_guards,
)
from registry.office.rosters import check_kept
from registry.rules.findings import Findings, Severity
from registry.rules.plan_roster import roster_digest
from registry.rules.workflow import GUARDS, Guard
from registry.store.procedure import Case, Company

NAMED_AT_MOST: Final = 20
"""Faults a refusal names one by one; the page of the plan shows all."""


class Part(StrEnum):
    """The parts of a plan, in the order of its task list."""

    TIMES = "times"
    ASSESSORS = "assessors"
    ROSTER = "roster"
    TRAINING = "training"
    STANDING = "standing"
    """What the plan rests on: the company's listing and the scheme."""
    IN_TIME = "in-time"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheck:
    """All that is wrong with a plan, by part, and the guards that hold."""

    faults: tuple[tuple[Part, FieldFault], ...]
    held: frozenset[Guard]

    @property
    def ready(self) -> bool:
        """Whether the plan may be sent in."""
        return not self.faults

    def of(self, part: Part) -> tuple[FieldFault, ...]:
        """Return the faults of one part."""
        return tuple(fault for where, fault in self.faults if where is part)


class PlanNotReady(GuardsFailed):
    """A plan cannot be sent in or recorded; ``check`` says all that is wrong with it."""

    code = "plan-not-ready"

    def __init__(self, check: PlanCheck, faults: tuple[tuple[Part, FieldFault], ...]) -> None:
        """Name the faults, the first ones in words."""
        words = [fault.text for _, fault in faults]
        more = len(words) - NAMED_AT_MOST
        rest = f"；另有 {more} 处" if more > 0 else ""
        super().__init__("不满足办理条件：" + "；".join(words[:NAMED_AT_MOST]) + rest)
        self.check = check


def check_plan(
    session: Session, case: Case, *, context: Context, almanac: Almanac, today: date
) -> PlanCheck:
    """Check a plan as a whole, on a day."""
    plan, scheme = read_plan(case, context), scheme_of(session, case)
    company = session.get_one(Company, case.company_id)
    offered = scheme_facts(scheme, context).levels
    held = set(standing_guards(session, company, scheme, context))
    found = [
        (Part.STANDING, FieldFault(field="standing", text=f"须{GUARDS[guard]}"))
        for guard in (Guard.COMPANY_LISTED, Guard.SCHEME_PUBLISHED)
        if guard not in held
    ]
    first = day(plan.first_day)
    late = lateness(first, today=today, almanac=almanac) if first else ""
    found += [
        (Part.IN_TIME if fault.text == late else Part.TIMES, fault)
        for fault in check_times(times_of(plan), offered=offered, today=today, almanac=almanac)
    ]
    if first is not None and not late:
        held.add(Guard.IN_TIME)
    unfit = assessor_faults(session, case, plan, context, almanac, today=today)
    found += [(Part.ASSESSORS, fault) for fault in unfit]
    wrong = _roster(session, case, plan, context=context, almanac=almanac, today=today)
    found += [(Part.ROSTER, fault) for fault in wrong]
    training = check_training(training_of(plan), first_day=first)
    found += [(Part.TRAINING, fault) for fault in training]
    held |= {
        guard
        for guard, faults in ((Guard.ASSESSORS_FIT, unfit), (Guard.ROSTER_SOUND, wrong))
        if not faults
    }
    return PlanCheck(faults=tuple(found), held=frozenset(held))


def _roster(
    session: Session,
    case: Case,
    plan: PlanForm,
    *,
    context: Context,
    almanac: Almanac,
    today: date,
) -> tuple[FieldFault, ...]:
    if not plan.people:
        return (FieldFault(field="roster", text="请上传评价员工名册"),)
    if not plan.first_day or not plan.levels:
        return ()  # the times have their own fault; a roster cannot be judged without them
    bounds = roster_bounds(session, case, plan, almanac, today=today)
    tags = assessor_tags(session, case, plan, context)

    def check() -> tuple[FieldFault, ...]:
        checked = check_kept(session, case, bounds, assessors=tags, context=context)
        if not checked.acceptable:
            return (FieldFault(field="roster", text=_rows_in_words(checked.findings)),)
        if roster_digest(checked.people) != plan.roster:
            # Rows changed behind the form's back: nothing is sent in that nobody uploaded.
            return (FieldFault(field="roster", text="名册与计划不一致，请重新上传名册"),)
        return ()

    return kept(session, ("roster-check", case.case_id, case.version, bounds, tags), check)


def _rows_in_words(findings: Findings) -> str:
    errors = [f for f in findings.listed if f.severity is Severity.ERROR and f.where.row]
    rows = list(dict.fromkeys(str(finding.where.row) for finding in errors))
    named = "、".join(rows[:NAMED_AT_MOST]) + ("等" if len(rows) > NAMED_AT_MOST else "")
    return f"名册有 {findings.errors} 处错误，在第 {named} 行：请在“名册”页逐行查看并改正"
