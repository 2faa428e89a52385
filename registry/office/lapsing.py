"""What ends with a company's place on the list (七（二）): its plans, and results not yet filed.

A company off the list holds no assessment and files no results, so no case of it waits for what
can never come. What the office has in hand it decides itself, with a reason and four eyes: a
submitted batch is refused, and its plan ends with it. Filings stay open, for when the bar is over.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import CaseKind, machine_of, system_step
from registry.office.context import Context
from registry.office.due import set_due
from registry.office.visits import void_visits
from registry.rules.workflow import Actor
from registry.store.procedure import Case, Company

LAPSE: Final = "lapse"


def lapse_all(
    session: Session, company: Company, context: Context, almanac: Almanac, *, today: date
) -> None:
    """End what ends when a company is taken off the list, in the transaction that does so."""
    query = (
        select(Case)
        .where(
            Case.company_id == company.company_id,
            Case.kind.in_([CaseKind.PLAN.value, CaseKind.BATCH.value]),
        )
        .order_by(Case.case_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    cases = session.scalars(query).all()
    for case in cases:
        if case.kind == CaseKind.BATCH.value:
            lapse(session, case, context, almanac, today=today)
    # The office still has these in hand; their plans end with them.
    waiting = {
        case.parent_id
        for case in cases
        if case.kind == CaseKind.BATCH.value and case.state not in machine_of(case).final
    }
    for case in cases:
        if case.kind == CaseKind.PLAN.value and case.case_id not in waiting:
            lapse(session, case, context, almanac, today=today)


def lapse(session: Session, case: Case, context: Context, almanac: Almanac, *, today: date) -> None:
    """End one case by the machine's table, if its state is one that lapses."""
    table = machine_of(case).open_to(case.state, Actor.SYSTEM)
    if LAPSE not in {step.event for step in table}:
        return
    system_step(session, case, LAPSE, context=context)
    set_due(case, almanac, today=today)
    if case.kind == CaseKind.PLAN.value:
        void_visits(session, case, context)
