"""Correction (信息修改) and revocation (撤销): new leaves linked to the old, nothing rewritten.

A correction keeps the number and makes the next edition; the old edition becomes 已更正 and points
on. A revoked number is never used again. Each is one transaction with its ledger events, its
upload row for the provincial centre and its audit line.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace
from sqlalchemy.orm import Session

from keys.signer import Signer
from registry.errors import Refused
from registry.office.certificates import current_edition, open_certificate
from registry.office.context import Context
from registry.office.editions import CORRECT, Cause, next_record, put_in_place
from registry.office.owing import owe
from registry.office.reasons import CORRECTING, REVOKING, Reason, require_fitting
from registry.office.states import Revised, change_state, require_way
from registry.store.certificates import CertificateState
from registry.store.outbox import UploadKind

__all__ = ["CORRECTABLE", "CORRECTING", "REVOKING", "Reason", "Revised", "correct", "revoke"]

CORRECTABLE = ("name", "id_type", "id_number", "admission", "occupation", "direction")
"""What a correction may change. Another level, date or occupation code is another certificate."""


def revoke(session: Session, number: str, reason: Reason, *, context: Context) -> Revised:
    """Revoke the current edition of ``number``, be it valid or suspended.

    Raises ``NotFound``, or ``Refused`` if it is already revoked or the reason does not fit.
    """
    require_fitting(reason, REVOKING, "revoke")
    row = current_edition(session, number, lock=True)
    done = change_state(
        session, row, CertificateState.REVOKED, reason, action="revoke", context=context
    )
    owe(session, UploadKind.WITHDRAWAL, status_index=row.status_index, batch_id=row.batch_id)
    return done


def correct(
    session: Session,
    number: str,
    reason: Reason,
    changes: Mapping[str, str],
    *,
    signer: Signer,
    context: Context,
) -> Revised:
    """Make the next edition of ``number`` with ``changes`` (field -> new value) in its record.

    The values must have passed the row checks. Raises ``NotFound``, ``KeyNotActive``, ``Refused``,
    ``AlreadyHeld``.
    """
    require_fitting(reason, CORRECTING, "correct")
    row = current_edition(session, number, lock=True)
    require_way(row, CertificateState.SUPERSEDED)
    old = open_certificate(row, context)
    if not changes or set(changes) - set(CORRECTABLE):
        msg = f"a correction names one or more of {', '.join(CORRECTABLE)} and nothing else"
        raise Refused(msg)
    record = next_record(old, changes)
    if record == replace(old.record, edition=record.edition, previous=record.previous):
        msg = "the correction changes nothing: give the values as they shall stand"
        raise Refused(msg)
    cause = Cause(action=CORRECT, reason=reason, remark=", ".join(sorted(changes)))
    done = put_in_place(session, row, record, cause, signer=signer, context=context)
    owe(session, UploadKind.CORRECTION, status_index=done.status_index, batch_id=row.batch_id)
    return done
