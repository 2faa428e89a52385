"""What whoever decides on results must weigh beside the results themselves (六（三）4、七（三）).

That assessors were struck off after their plan was recorded, and what a quality supervisor found
while the plan was carried out, changes no mark. It is told to the clerk and to the approver; with a
serious finding the approver says why the results stand all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.plan_form import day
from registry.office.plans import assessor_faults, read_plan
from registry.office.supervising import RESULT_WORDS, Kind, Result
from registry.rules.standing import VISIT
from registry.store.prepared import Prepared
from registry.store.procedure import Case
from registry.store.registers import Supervision

_VISITS: Final = Prepared(
    select(Supervision.supervision_id, Supervision.reference, Supervision.state, Supervision.result)
    .where(
        Supervision.kind == Kind.VISIT.value,
        Supervision.case_id == bindparam("plan"),
        Supervision.state != "voided",
    )
    .order_by(Supervision.supervision_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """One visit to the plan: ``result`` is "" until it was reported."""

    supervision_id: int
    reference: str
    state: str
    result: str
    serious: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What is to be weighed; ``assessors`` says of the plan's assessors who may assess no more."""

    assessors: tuple[str, ...]
    visits: tuple[Visited, ...]

    @property
    def serious(self) -> bool:
        """Whether a visit found something serious."""
        return any(visit.serious for visit in self.visits)


def weigh(session: Session, batch: Case, context: Context) -> Weighed:
    """Return what is to be weighed of a batch; nothing if it rests on no plan."""
    plan = session.get(Case, batch.parent_id) if batch.parent_id else None
    if plan is None:
        return Weighed(assessors=(), visits=())
    return Weighed(
        assessors=unfit_assessors(session, plan, context), visits=visits_to(session, plan)
    )


def visits_to(session: Session, plan: Case) -> tuple[Visited, ...]:
    """Return the visits to a plan, those that came to nothing left out."""
    return tuple(
        Visited(
            supervision_id=row.supervision_id,
            reference=row.reference,
            state=VISIT.words[row.state],
            result=RESULT_WORDS[Result(row.result)] if row.result else "",
            serious=row.result == Result.SERIOUS.value,
        )
        for row in _VISITS.named(session, plan=plan.case_id)
    )


def unfit_assessors(session: Session, plan: Case, context: Context) -> tuple[str, ...]:
    """Say which of a plan's assessors may not assess in it by what is known now, masked."""
    form = read_plan(plan, context)
    last = day(form.last_day) or china_day(plan.opened_at)
    almanac = read_almanac(session)
    found = assessor_faults(session, plan, form, context, almanac, today=last)
    return tuple(fault.text for fault in found)
