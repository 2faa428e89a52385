"""Direct filing (直接登记): results lists issued from a file, where no procedure is carried here.

"No certificate but from an approved batch of a plan of a scheme of a listed company" holds in every
home. An office that keeps the procedure elsewhere opens its home for direct filing, on the record;
the first case of a company shuts that way for good.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.context import Context
from registry.store.audit import AuditLine
from registry.store.procedure import Case

OPENED: Final = "direct-filing-open"
"""The audit line's action."""


class DirectFilingShut(Refused):
    """Certificates come from an approved batch here, and from no file."""

    code = "direct-filing-shut"


def open_direct_filing(session: Session, context: Context) -> None:
    """Put on the record that this home issues from files. Raises ``DirectFilingShut``."""
    _demand_no_case(session)
    opened = select(AuditLine.line_id).where(AuditLine.action == OPENED).limit(1)
    if session.scalars(opened).first() is None:
        session.add(
            AuditLine(
                at=context.clock.now(), actor=context.actor, action=OPENED, subject="", detail=""
            )
        )


def demand_direct_filing(session: Session, *, opened: bool) -> None:
    """Raise ``DirectFilingShut`` unless this home was ``opened`` for it and holds no case."""
    if not opened:
        raise DirectFilingShut(
            "this registry issues from approved batches only: `certreg issue --case REF`, or the "
            "desk; a file is issued only in a home made by `certreg init --direct`"
        )
    _demand_no_case(session)


class ChangeNeedsApproval(Refused):
    """Certificates are changed by requests that another person approved here."""

    code = "change-needs-approval"


def demand_direct_change(session: Session, *, opened: bool) -> None:
    """Raise ``ChangeNeedsApproval`` unless this home was ``opened`` for direct filing, caseless.

    Elsewhere one person at the machine changes no certificate: four eyes have to have seen it.
    """
    if not opened or _has_case(session):
        raise ChangeNeedsApproval(
            "certificates are changed here by an approved request: make it at the desk "
            "(/requests), have it approved, and name it with `--approved R-000012`"
        )


def _has_case(session: Session) -> bool:
    return session.scalars(select(Case.case_id).limit(1)).first() is not None


def _demand_no_case(session: Session) -> None:
    if _has_case(session):
        raise DirectFilingShut(
            "companies' cases are handled here, so certificates come from approved batches only: "
            "`certreg issue --case REF`, or the desk"
        )
