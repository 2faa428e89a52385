"""Lines on a case's timeline that are no step of its machine: what happened to it from outside.

A deadline counted again, a visit and what came of it, certificates revoked: the case's state and
version stay as they are. Such a line is written in the transaction of what it tells of.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from registry.office.cases import LONGEST_NOTE, NOTE
from registry.office.context import Context
from registry.office.identity import AccountId
from registry.rules.workflow import Actor
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.procedure import Case, CaseEvent

UNFIT: Final = "assessors-unfit"
"""The line of a held plan whose assessors lost their standing after it was recorded."""


def add_line(
    session: Session,
    case: Case,
    event: str,
    note: str,
    *,
    actor: Actor,
    at: datetime,
    context: Context,
    account: AccountId | None = None,
) -> None:
    """Write a line; ``note`` is sealed, since people write names, and cut at its longest."""
    line = CaseEvent(
        case_id=case.case_id,
        at=at,
        account_id=account,
        actor=actor.value,
        event=event,
        from_state=case.state,
        to_state=case.state,
    )
    session.add(line)
    # The seal is bound to the row's number, which the database gives.
    session.flush()
    if note:
        cipher = FieldCipher(context.field_key, NOTE)
        plain = note[:LONGEST_NOTE].encode()
        line.note = cipher.seal(line.event_id, context.random(NONCE_LENGTH), plain)
