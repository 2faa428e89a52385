"""Suspension (暂停) and reinstatement (恢复): a certificate that proves nothing for a while.

Each is one transaction with its linked leaf and its audit line. The provincial centre's table
has no kind for either (新增, 更正, 补录), so no upload row is owed; where a suspension ends in a
revocation, that one is. A suspended certificate still counts as held: nobody gets a second one.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry.office.certificates import current_edition
from registry.office.context import Context
from registry.office.reasons import REINSTATING, SUSPENDING, Reason, require_fitting
from registry.office.states import Revised, change_state
from registry.store.certificates import CertificateState


def suspend(session: Session, number: str, reason: Reason, *, context: Context) -> Revised:
    """Suspend the current edition of ``number``.

    Raises ``NotFound``, or ``Refused`` if it is not valid or the reason does not fit.
    """
    require_fitting(reason, SUSPENDING, "suspend")
    row = current_edition(session, number, lock=True)
    return change_state(
        session, row, CertificateState.SUSPENDED, reason, action="suspend", context=context
    )


def reinstate(session: Session, number: str, reason: Reason, *, context: Context) -> Revised:
    """Make the suspended current edition of ``number`` valid again.

    Raises ``NotFound``, or ``Refused`` if it is not suspended or the reason does not fit.
    """
    require_fitting(reason, REINSTATING, "reinstate")
    row = current_edition(session, number, lock=True)
    return change_state(
        session, row, CertificateState.VALID, reason, action="reinstate", context=context
    )
