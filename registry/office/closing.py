"""The end of a results batch without certificates, and of its plan (六（三）3、六（四）).

A batch in which nobody passed is filed like any other, and then closed: nothing is signed and no
number is taken. A plan ends with its batch. What was approved and can no longer be issued (a
company off the list, a person who holds the certificate already) goes back to review by an
approver, with the reason.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.batches import HELD, BatchNotReady, basis_of, read_batch, results_whole
from registry.office.case_locks import lock_case
from registry.office.cases import CaseKind, Doing, step_of, system_step, take_step
from registry.office.context import Context
from registry.office.due import set_due
from registry.office.form_faults import FieldFault
from registry.office.steps import Taking, register
from registry.office.unit import Desk
from registry.office.withholding import to_issue
from registry.rules.workflow import Guard
from registry.store.procedure import Case

NOBODY: Final = "本批次无合格人员，不核发证书"
"""The remark of the closing step."""


def close_batch(session: Session, case: Case, doing: Doing, desk: Desk) -> None:
    """Close an approved batch in which nobody passed, and its plan.

    Raises ``BatchNotReady`` if the results are not those that were filed, ``GuardsFailed`` if
    somebody passed, and what the engine raises.
    """
    context = desk.context(doing.by)
    lock_case(session, case)
    step_of(session, case, "close", doing)
    basis, form = basis_of(session, case, context), read_batch(case, context)
    # Company and scheme may have lost their standing since: that keeps nobody from an end that
    # gives nothing. The results must be the filed ones, or marks taken away would end a batch.
    if not results_whole(session, case, form, basis, context):
        raise BatchNotReady([FieldFault(field="scores", text="成绩与登记的不一致，不能办结")])
    held = () if to_issue(session, case, basis, context) else (Guard.NOBODY_PASSED,)
    words = Doing(by=doing.by, version=doing.version, note=NOBODY)
    take_step(session, case, "close", held=held, doing=words, context=context)
    set_due(case, read_almanac(session), today=desk.today())
    close_plan(session, basis.plan, desk, context)


def close_plan(session: Session, plan: Case, desk: Desk, context: Context) -> None:
    """End the plan of a batch that has ended; an ended one stays as it is."""
    if plan.state == HELD:
        system_step(session, plan, "close", context=context)
        set_due(plan, read_almanac(session), today=desk.today())


@register(CaseKind.BATCH, "withdraw-approval")
def _withdraw(taking: Taking) -> None:
    context = taking.desk.context(taking.doing.by)
    take_step(taking.session, taking.case, taking.event, doing=taking.doing, context=context)
