"""Whether the centre has the same last receipt as this city: compared once for each, by its digest.

A thief of the receipt key may have brought a receipt that the centre never gave. Each later one
would then wait for ever for the one before it, and nothing else would say why. So the place of the
last receipt held is asked for once, and again when the centre's card is another; where they differ
the due list says so until they agree. Nothing else is changed by it: somebody in between could
have written the answer.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.counters import peek, raise_to
from registry.store.standing import Mark, settle, stand, standing
from registry.store.uploads import UploadReceipt
from registry.upload.asking import Denied, Later
from registry.upload.problems import Problem
from registry.upload.receipt_chain import chain_of
from registry.upload.sending import Sender
from signing.upload.centre_card import Centre
from signing.upload.errors import MalformedReceipt
from signing.upload.receipt import open_receipt


def compare_last(sender: Sender) -> str:
    """Compare the last receipt held with the centre's; return what is wrong, "" if nothing is.

    Raises ``Unreachable`` or ``NotAnAnswer``.
    """
    centre = sender.reception.centre
    with read_unit(sender.engine) as session:
        chain = chain_of(session, centre)
        agreed = peek(session, _scope(centre), start=0)
    if agreed >= len(chain):
        return ""
    found = sender.client.receipts(len(chain) - 1)
    if isinstance(found, Later | Denied):
        return found.code
    try:
        theirs = open_receipt(found[0]).digest if found else ""
    except MalformedReceipt:
        return Problem.RECEIPT_DAMAGED.value
    with write_unit(sender.engine) as session:
        if theirs == chain[-1]:
            raise_to(session, _scope(centre), len(chain))
            _settle(session, sender)
            return ""
        mine = session.get_one(UploadReceipt, chain[-1])
        stand(
            session,
            Mark.RECEIPTS_DIFFER,
            subject=mine.upload_id,
            detail=f"held {mine.digest}, the centre's {theirs or 'missing'}",
            actor=sender.actor,
            now=sender.now(),
        )
    return Problem.RECEIPT_CHAIN.value


def differs(session: Session, upload_id: str) -> bool:
    """Say whether the centre has another receipt in the place of this upload's."""
    line = standing(session, Mark.RECEIPTS_DIFFER)
    return line is not None and line.subject == upload_id


def _settle(session: Session, sender: Sender) -> None:
    line = standing(session, Mark.RECEIPTS_DIFFER)
    if line is None:
        return
    settle(session, Mark.RECEIPTS_DIFFER)
    session.add(
        AuditLine(
            at=sender.now(),
            actor=sender.actor,
            action="upload-receipts-agree",
            subject=line.subject,
            detail="",
        )
    )


def _scope(centre: Centre) -> str:
    return f"agreed:{centre.first_key}:{centre.number}"
