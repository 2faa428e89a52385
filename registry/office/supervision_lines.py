"""What supervision leaves on a case's timeline (办理过程): of a plan, a batch, a company's filing.

A visit is told on the plan it looks into, a revocation on the batch it takes back, a delisting
and an evaluation on the filing by which the company came onto the list. The words themselves stay
in the matter's own sealed text.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.case_lines import add_line
from registry.office.cases import CaseKind
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, Role
from registry.office.supervising import Kind
from registry.rules.workflow import Actor
from registry.store.procedure import Case
from registry.store.registers import Supervision

ASSIGNED: Final = "visit-assigned"
VOIDED: Final = "visit-void"

LINE_WORDS: Final = {
    ASSIGNED: "抽中质量督导",
    VOIDED: "计划未实施，不再督导",
    "visit-report": "提交督导意见",
    "visit-answer": "企业答复督导意见",
    "visit-ask-again": "要求补充答复督导意见",
    "visit-close": "督导意见核实办结",
    "yearly-evaluation": "年度评估",
    "delisting-propose": "提议移出备案名单",
    "delisting-uphold": "决定移出备案名单",
    "delisting-drop": "决定不移出备案名单",
    "revocation-propose": "提议撤销批次证书",
    "revocation-uphold": "决定撤销批次证书",
    "revocation-drop": "决定不撤销批次证书",
}
"""The words of these lines."""

_UNANNOUNCED: Final = frozenset({ASSIGNED, VOIDED})
_ACTORS: Final = {
    Role.COMPANY_EDITOR: Actor.COMPANY,
    Role.COMPANY_HEAD: Actor.COMPANY_HEAD,
    Role.CLERK: Actor.CLERK,
    Role.APPROVER: Actor.APPROVER,
    Role.SUPERVISOR: Actor.SUPERVISOR,
}


def tell(
    session: Session,
    row: Supervision,
    event: str,
    note: str = "",
    *,
    by: Identity | None,
    context: Context,
    batch: str = "",
) -> None:
    """Write a line on the case that a row is about, if there is one; ``by`` None is the system.

    ``batch`` is the issued batch of a revocation: that it is in the row's sealed text alone.
    """
    case = _case_of(session, row, batch)
    if case is None:
        return
    words = f"{row.reference}：{note}" if note else row.reference
    add_line(
        session,
        case,
        event,
        words,
        actor=_ACTORS[by.role] if by else Actor.SYSTEM,
        at=context.clock.now(),
        context=context,
        account=by.account_id if by else None,
    )


def is_told(event: str, by: Identity) -> bool:
    """Say whether a person is shown a line: a company is not told of visits to come."""
    return event not in _UNANNOUNCED or by.role not in COMPANY_ROLES


def _case_of(session: Session, row: Supervision, batch: str) -> Case | None:
    if row.kind == Kind.VISIT.value:
        return session.get(Case, row.case_id)
    company = select(Case).where(Case.company_id == row.company_id)
    if row.kind == Kind.REVOCATION.value:
        # A batch issued by a list from outside the procedure has no case.
        wanted = company.where(Case.kind == CaseKind.BATCH.value, Case.outcome == batch)
    elif row.kind in {Kind.DELISTING.value, Kind.EVALUATION.value}:
        wanted = company.where(Case.kind == CaseKind.FILING.value, Case.state == "approved")
    else:
        return None
    return session.scalars(wanted.order_by(Case.case_id.desc()).limit(1)).first()
