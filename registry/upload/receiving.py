"""Taking a receipt (回执) in, from a file or from the centre's API: one transaction, or nothing.

A receipt counts only if a key of the trusted centre's card signed it (the name in it is only
shown), it answers this city's upload by manifest, snapshot and batch number, it answers exactly our
rows, and it follows the receipt that came before it (`previous`). One whose predecessor is still to
come is kept, and judged anew when it takes effect. The same receipt twice is nothing new; a second,
other one for the same upload is never taken.

A receipt in force stays what it was when its key is revoked: it is chained, and a milestone of the
log dates it. Of a revoked key nothing more is taken, of a retired one no receipt of a later day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from keys.model import KeyState, Purpose
from registry.store.certificates import Certificate
from registry.store.outbox import RowState, UploadRow
from registry.store.uploads import SentWay, Upload, UploadReceipt, UploadState
from registry.upload.chain_changes import upload_changed
from registry.upload.outbox import Doing, note
from registry.upload.problems import Problem, ReceiptRefused
from registry.upload.receipt_chain import chain_of
from signing.report import Answer, Reason
from signing.tlog.entry import parse_time
from signing.upload.centre_card import Centre
from signing.upload.errors import MalformedReceipt
from signing.upload.keycheck import judge_signer
from signing.upload.manifest import Manifest, open_manifest
from signing.upload.receipt import MAX_RECEIPT_BYTES, Receipt, SignedReceipt, open_receipt

LONGEST: Final = MAX_RECEIPT_BYTES
"""Bytes of a receipt that are read."""

_ROWS: Final = UploadRow.metadata.tables["upload_rows"]
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_HANDED: Final = frozenset(
    {UploadState.FROZEN, UploadState.SENDING, UploadState.SENT, UploadState.DEAD}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What a receipt is judged by: the trusted centre, and the ledger's milestone.

    ``milestone(session, upload, digest, day)`` puts the receipt's SHA-256 (hex) into the ledger,
    within the transaction.
    """

    centre: Centre
    city: str
    milestone: Callable[[Session, str, str, date], None]


class Taken(StrEnum):
    """What came of a receipt."""

    IMPORTED = "imported"
    KNOWN = "known"
    WAITS = "waits"
    """Kept until the receipt before it has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A receipt that was taken in, with its sums."""

    taken: Taken
    upload_id: str
    accepted: int
    refused: int
    digest: str


def import_receipt(
    session: Session, data: bytes, reception: Reception, doing: Doing, *, upload_id: str = ""
) -> Imported:
    """Take the receipt ``data`` in. Raises ``ReceiptRefused``, and then nothing is changed.

    ``upload_id`` is the upload it must answer, "" for any of the city's.
    """
    signed = _open(data)
    if upload_id and signed.receipt.upload != upload_id:
        raise ReceiptRefused(Problem.RECEIPT_OTHER_UPLOAD)
    # First the lock, then the look: of two who bring the same receipt the second finds it known.
    session.get(Upload, signed.receipt.upload, with_for_update=True)
    known = session.get(UploadReceipt, signed.digest, populate_existing=True)
    if known is not None and known.imported_at is not None and known.envelope == data:
        # Whatever became of its key since.
        return _done(Taken.KNOWN, signed)
    _check_signer(signed, reception, doing.now)
    if known is None:
        known = _keep(session, signed, data, reception, doing.now)
    elif known.imported_at is not None:
        return _done(Taken.KNOWN, signed)
    else:
        # The centre signs anew what a revoked key had signed: the payload is the same.
        known.envelope = data
    if not _follows(session, known):
        upload = session.get_one(Upload, known.upload_id, with_for_update=True)
        if upload.last_problem != Problem.RECEIPT_WAITS:
            upload.last_problem = Problem.RECEIPT_WAITS.value
            note(session, upload, "receipt-kept", doing, f"receipt {signed.digest}")
        return _done(Taken.WAITS, signed)
    _take_effect(session, known, signed.receipt, reception, doing)
    for later in _waiting_for(session, known):
        if not _sound(later, reception, doing.now):
            break
        _take_effect(session, later, open_receipt(later.envelope).receipt, reception, doing)
    return _done(Taken.IMPORTED, signed)


def receipts_of(session: Session, upload_id: str) -> list[UploadReceipt]:
    """Return an upload's receipts: the one that counts, and one that still waits."""
    query = select(UploadReceipt).where(UploadReceipt.upload_id == upload_id)
    return list(session.scalars(query.order_by(UploadReceipt.received_at)))


def _done(taken: Taken, signed: SignedReceipt) -> Imported:
    receipt = signed.receipt
    return Imported(
        taken=taken,
        upload_id=receipt.upload,
        accepted=receipt.accepted,
        refused=receipt.refused,
        digest=signed.digest,
    )


def _open(data: bytes) -> SignedReceipt:
    try:
        return open_receipt(data)
    except MalformedReceipt:
        raise ReceiptRefused(Problem.RECEIPT_DAMAGED) from None


def _check_signer(signed: SignedReceipt, reception: Reception, now: datetime) -> None:
    answer, reason = judge_signer(
        signed.envelope,
        reception.centre.keys,
        purpose=Purpose.RECEIPT,
        signed_at=parse_time(signed.receipt.received),
        now=now,
    )
    if answer is Answer.VALID:
        return
    match reason:
        case Reason.SIGNATURE_UNKNOWN_KEY:
            raise ReceiptRefused(Problem.RECEIPT_UNKNOWN_KEY)
        case Reason.RECORD_IN_FUTURE:
            raise ReceiptRefused(Problem.RECEIPT_NOT_YET)
        case Reason.SIGNATURE_KEY_REVOKED | Reason.SIGNATURE_NO_PLACE:
            raise ReceiptRefused(Problem.RECEIPT_KEY_REVOKED)
        case Reason.SIGNATURE_KEY_NOT_IN_FORCE:
            raise ReceiptRefused(_out_of_term(signed, reception.centre))
        case _:
            raise ReceiptRefused(Problem.RECEIPT_SIGNATURE)


def _out_of_term(signed: SignedReceipt, centre: Centre) -> Problem:
    """Say why a receipt that its key signed before or after its term is not taken."""
    key = next(one for one in centre.keys if one.key_id == signed.envelope.key_id)
    match key.state:
        case KeyState.ACTIVE:
            return Problem.RECEIPT_SIGNATURE
        case KeyState.RETIRED:
            return Problem.RECEIPT_KEY_RETIRED
        case KeyState.REVOKED:
            return Problem.RECEIPT_KEY_REVOKED


def _sound(kept: UploadReceipt, reception: Reception, now: datetime) -> bool:
    """Say whether a receipt that waits would still be taken: its key may be revoked by now."""
    try:
        _check_signer(open_receipt(kept.envelope), reception, now)
    except ReceiptRefused:
        return False
    return True


def _keep(
    session: Session, signed: SignedReceipt, data: bytes, reception: Reception, now: datetime
) -> UploadReceipt:
    """Check what the receipt answers, and store it as one that waits."""
    receipt = signed.receipt
    upload = session.get(Upload, receipt.upload, with_for_update=True)
    if upload is None or upload.manifest is None:
        own = receipt.city == reception.city
        unknown = Problem.RECEIPT_UNKNOWN_UPLOAD if own else Problem.RECEIPT_OTHER_CITY
        raise ReceiptRefused(unknown)
    _check_answers(receipt, upload, open_manifest(upload.manifest).manifest)
    handed = upload.state in _HANDED or _given_back(upload)
    if not handed:
        raise ReceiptRefused(Problem.RECEIPT_SECOND)
    if not _given_back(upload):
        _check_rows(session, receipt)
    _make_way(session, receipt, reception, now)
    kept = UploadReceipt(
        digest=signed.digest,
        upload_id=upload.upload_id,
        centre=receipt.centre,
        previous=receipt.previous,
        received_at=parse_time(receipt.received),
        envelope=data,
    )
    session.add(kept)
    session.flush()
    return kept


def _make_way(session: Session, receipt: Receipt, reception: Reception, now: datetime) -> None:
    """Refuse a receipt in whose place another stands; one that waits unsound gives way."""
    if receipt.previous:
        after = UploadReceipt.previous == receipt.previous
    else:
        # Each centre has a first receipt: only this centre's own is in the way of another.
        after = UploadReceipt.digest.in_(chain_of(session, reception.centre)[:1])
    query = select(UploadReceipt).where(or_(UploadReceipt.upload_id == receipt.upload, after))
    for other in session.scalars(query).all():
        if other.imported_at is None and not _sound(other, reception, now):
            session.delete(other)
        elif other.upload_id == receipt.upload:
            raise ReceiptRefused(Problem.RECEIPT_SECOND)
        else:
            # Two receipts after the same one: the centre's books have parted, and neither is
            # taken blindly.
            raise ReceiptRefused(Problem.RECEIPT_CHAIN)


def _check_answers(receipt: Receipt, upload: Upload, manifest: Manifest) -> None:
    # The manifest's city: an upload may have been frozen under an earlier log.
    if receipt.city != manifest.city:
        raise ReceiptRefused(Problem.RECEIPT_OTHER_CITY)
    same = (receipt.manifest, receipt.snapshot) == (upload.manifest_digest, upload.snapshot)
    if not same or (manifest.batch and receipt.batch != manifest.batch):
        raise ReceiptRefused(Problem.RECEIPT_OTHER_BATCH)


def _given_back(upload: Upload) -> bool:
    """Say whether an upload without a receipt in force has none of its rows any more."""
    return upload.state == UploadState.REFUSED


def _check_rows(session: Session, receipt: Receipt) -> None:
    query = (
        select(UploadRow.row, Certificate.number, Certificate.edition, UploadRow.kind)
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .where(UploadRow.upload_id == receipt.upload)
        .order_by(UploadRow.row)
    )
    ours = [tuple(row) for row in session.execute(query)]
    theirs = [(row.row, row.number, row.edition, row.kind.value) for row in receipt.rows]
    if ours != theirs:
        raise ReceiptRefused(Problem.RECEIPT_OTHER_ROWS)


def _follows(session: Session, kept: UploadReceipt) -> bool:
    if not kept.previous:
        return True
    before = session.get(UploadReceipt, kept.previous)
    return before is not None and before.imported_at is not None


def _waiting_for(session: Session, first: UploadReceipt) -> Iterator[UploadReceipt]:
    current: UploadReceipt | None = first
    while current is not None:
        query = select(UploadReceipt).where(
            UploadReceipt.previous == current.digest,
            UploadReceipt.imported_at.is_(None),
        )
        current = session.scalars(query).one_or_none()
        if current is not None:
            yield current


def _take_effect(
    session: Session, kept: UploadReceipt, receipt: Receipt, reception: Reception, doing: Doing
) -> None:
    upload = session.get_one(Upload, kept.upload_id, with_for_update=True, populate_existing=True)
    day = min(kept.received_at, doing.now).astimezone(_CHINA).date()
    told = f"accepted {receipt.accepted}, refused {receipt.refused}; receipt {kept.digest}"
    if _given_back(upload):
        # Its rows are answered by the upload they are in now; the receipts' chain goes on.
        told += "; its rows were given back"
    else:
        _answer_rows(session, receipt, day)
        taken = UploadState.ACKNOWLEDGED if receipt.accepted else UploadState.REFUSED
        upload.state = taken.value
    upload.authority_batch = receipt.batch or upload.authority_batch
    if upload.sent_at is None:
        # Whoever carried it forgot to say so: the centre had it by then.
        upload.sent_at = min(kept.received_at, doing.now)
        upload.sent_way = upload.sent_way or SentWay.HAND.value
    upload.last_problem, upload.next_try_at = "", None
    kept.imported_at = doing.now
    upload_changed(session, upload.upload_id)
    note(session, upload, "receipt", doing, told)
    session.flush()
    reception.milestone(session, upload.upload_id, kept.digest, day)


def _answer_rows(session: Session, receipt: Receipt, day: date) -> None:
    connection = session.connection()
    connection.execute(
        update(_ROWS)
        .where(_ROWS.c.upload_id == receipt.upload)
        .values(state=RowState.ACCEPTED.value, reason="", answered_on=day)
    )
    why = {row.row: row.reason for row in receipt.rows if not row.accepted}
    if not why:
        return
    query = select(UploadRow.row, UploadRow.status_index, UploadRow.kind)
    found = session.execute(query.where(UploadRow.upload_id == receipt.upload)).all()
    # By the primary key: another way would look through the whole upload for each row.
    connection.execute(
        update(_ROWS)
        .where(_ROWS.c.status_index == bindparam("at"), _ROWS.c.kind == bindparam("of"))
        .values(state=RowState.REFUSED.value, reason=bindparam("why")),
        [
            {"at": row.status_index, "of": row.kind, "why": why[row.row or 0]}
            for row in found
            if row.row in why
        ],
    )
