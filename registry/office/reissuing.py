"""Reissue (补发): the next edition of a certificate whose paper was lost or damaged.

Number and facts stay; edition, opening and QR token are new, so the lost paper no longer verifies
as valid and points on. One transaction with its ledger events, its upload row (更正: the centre's
table has no kind for a reissue, and must know the edition in force) and its audit line.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from keys.signer import Signer
from registry.office.certificates import current_edition, open_certificate
from registry.office.context import Context
from registry.office.editions import REISSUE, Cause, next_record, put_in_place
from registry.office.owing import owe
from registry.office.reasons import REISSUING, Reason, require_fitting
from registry.office.states import Revised, require_way
from registry.store.certificates import CertificateState
from registry.store.outbox import UploadKind


def reissue(
    session: Session, number: str, reason: Reason, *, signer: Signer, context: Context
) -> Revised:
    """Make the next edition of ``number`` with the same facts.

    Raises ``NotFound``, ``KeyNotActive``, or ``Refused`` if the current edition is not valid or
    the reason does not fit.
    """
    require_fitting(reason, REISSUING, "reissue")
    row = current_edition(session, number, lock=True)
    require_way(row, CertificateState.SUPERSEDED)
    record = next_record(open_certificate(row, context), {})
    cause = Cause(action=REISSUE, reason=reason)
    done = put_in_place(session, row, record, cause, signer=signer, context=context)
    owe(session, UploadKind.CORRECTION, status_index=done.status_index, batch_id=row.batch_id)
    return done
