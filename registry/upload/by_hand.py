"""What a person does about an upload (人工办理): carry it, send it again, take its rows back.

A refused row is owed again, or no more, by a clerk's decision alone; nothing is reported twice by
itself. One public function is one transaction with its event and its audit line.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.store.outbox import RowState, UploadRow
from registry.store.uploads import (
    ROW_WITHDRAWN,
    SentWay,
    Upload,
    UploadEvent,
    UploadState,
    of_row,
)
from registry.upload.chain_changes import certificates_changed, upload_changed
from registry.upload.errors import UploadStateRefused
from registry.upload.outbox import Doing, get_upload, note, require_state

_PARTED: Final = frozenset({"sequence-taken", "previous-differs", "log-other-root"})
"""Refusals that say the two sides' books differ: new uploads would be refused just so."""


def mark_sent(session: Session, upload_id: str, doing: Doing) -> Upload:
    """Say that an upload's package was carried to the centre (手工报送). Again, nothing changes."""
    upload = get_upload(session, upload_id, lock=True)
    if upload.state == UploadState.SENT and upload.sent_way == SentWay.HAND:
        return upload
    require_state(upload, UploadState.FROZEN, UploadState.SENDING, UploadState.DEAD)
    upload.state, upload.sent_way = UploadState.SENT.value, SentWay.HAND.value
    upload.sent_at = upload.sent_at or doing.now
    upload.next_try_at, upload.last_problem = None, ""
    upload_changed(session, upload_id)
    note(session, upload, "sent", doing, f"hand; package {upload.package}")
    return upload


def send_again(session: Session, upload_id: str, doing: Doing) -> Upload:
    """Take an upload off the dead-letter list: the next round sends it, or asks for its receipt."""
    upload = get_upload(session, upload_id, lock=True)
    require_state(upload, UploadState.DEAD)
    state = UploadState.SENDING if upload.sent_at is None else UploadState.SENT
    upload.state, upload.sent_way = state.value, SentWay.PUSH.value
    upload.tries, upload.next_try_at = 0, None
    note(session, upload, "again", doing, upload.last_problem)
    return upload


def may_give_back(session: Session, upload: Upload) -> bool:
    """Say whether the centre has refused the whole upload, so that its rows may be owed again."""
    if upload.state != UploadState.DEAD or upload.last_problem in _PARTED:
        return False
    query = (
        select(UploadEvent.kind)
        .where(UploadEvent.upload_id == upload.upload_id, UploadEvent.kind.in_(("dead", "refuse")))
        .order_by(UploadEvent.event_id.desc())
        .limit(1)
    )
    # Such an event is written on the centre's signature alone (`refusing`), whatever it said
    # before, and the package is judged: nothing of it was taken.
    return session.scalar(query) == "refuse"


def give_back(session: Session, upload_id: str, doing: Doing) -> Upload:
    """Owe the rows of an upload again that the centre has refused as a whole (退回重报).

    Raises ``UploadStateRefused`` where the centre may have taken rows of it, or its books differ.
    """
    upload = get_upload(session, upload_id, lock=True)
    if not may_give_back(session, upload):
        msg = (
            f"上报批 {upload_id} 不能退回重报：只有省中心整批退回且次序无争议的才能重新组批 "
            "(the centre has not refused this upload as a whole)"
        )
        raise UploadStateRefused(msg)
    if upload.sent_at is not None:
        # The public pages say that they were reported.
        upload_changed(session, upload_id)
    session.execute(
        update(UploadRow)
        .where(UploadRow.upload_id == upload_id)
        .values(state=RowState.OWED.value, upload_id=None, row=None)
    )
    upload.state = UploadState.REFUSED.value
    note(session, upload, "give-back", doing, f"{upload.row_count} rows owed again")
    return upload


def refused_row(session: Session, upload_id: str, row: int) -> UploadRow:
    """Return a refused row of an upload; ``NotFound`` if there is none of this number."""
    query = select(UploadRow).where(
        UploadRow.upload_id == upload_id,
        UploadRow.row == row,
        UploadRow.state == RowState.REFUSED.value,
    )
    found = session.scalars(query.with_for_update()).one_or_none()
    if found is None:
        raise NotFound(f"上报批 {upload_id} 没有待处理的退回行 {row} (no such refused row)")
    return found


def owe_again(session: Session, upload_id: str, row: int, doing: Doing) -> None:
    """Report a refused row again in a later upload (重新上报): what was in the way is mended."""
    upload = get_upload(session, upload_id, lock=True)
    found = refused_row(session, upload_id, row)
    reason = found.reason
    found.state, found.upload_id, found.row = RowState.OWED.value, None, None
    found.reason, found.answered_on = "", None
    certificates_changed(session, (found.status_index,))
    note(session, upload, "row-again", doing, of_row(row) + reason)


def withdraw_row(session: Session, upload_id: str, row: int, why: str, doing: Doing) -> None:
    """Decide that a refused row is not reported any more (不再上报), with the reason.

    ``why`` names no person; 1 to 100 characters.
    """
    if not 0 < len(why.strip()) <= 100 or not why.isprintable():  # noqa: PLR2004
        raise Refused("请填写不再上报的理由，1 至 100 个字，不写姓名和证件号码 (say why)")
    upload = get_upload(session, upload_id, lock=True)
    found = refused_row(session, upload_id, row)
    found.state = RowState.WITHDRAWN.value
    certificates_changed(session, (found.status_index,))
    note(session, upload, ROW_WITHDRAWN, doing, of_row(row) + why.strip())
