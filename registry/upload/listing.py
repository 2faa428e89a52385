"""What the desks show of uploads: counts by state, one upload's rows, their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from registry.store.certificates import Certificate
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.uploads import Upload, UploadState

__all__ = [
    "PAGE",
    "ROW_WORDS",
    "STATE_WORDS",
    "RowShown",
    "RowState",
    "Upload",
    "UploadState",
    "count_rows",
    "count_states",
    "page_of_uploads",
    "rows_of_upload",
]

PAGE: Final = 50
"""Rows of one page."""

STATE_WORDS: Final = {
    UploadState.PREPARED: "已组批",
    UploadState.DISSOLVED: "已取消",
    UploadState.FROZEN: "已定稿",
    UploadState.SENDING: "上报中",
    UploadState.SENT: "已上报",
    UploadState.ACKNOWLEDGED: "已回执",
    UploadState.REFUSED: "整批退回",
    UploadState.DEAD: "需人工处理",
}
ROW_WORDS: Final = {
    RowState.OWED: "待上报",
    RowState.IN_UPLOAD: "已组批",
    RowState.ACCEPTED: "省已接收",
    RowState.REFUSED: "省中心退回",
    RowState.WITHDRAWN: "不再上报",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShown:
    """One row of an upload; ``row`` is None until the upload is frozen."""

    row: int | None
    number: str
    edition: int
    kind: UploadKind
    state: RowState
    reason: str

    @property
    def word(self) -> str:
        """The state in words."""
        return ROW_WORDS[self.state]


def count_states(session: Session) -> dict[UploadState, int]:
    """Count uploads by their state."""
    query = select(Upload.state, func.count()).group_by(Upload.state)
    found = {UploadState(state): count for state, count in session.execute(query)}
    return {state: found[state] for state in UploadState if state in found}


def page_of_uploads(
    session: Session, *, state: UploadState | None = None, page: int = 1
) -> tuple[list[Upload], int]:
    """Return one page of uploads, newest first, and how many there are; manifests unread."""
    query = select(Upload).options(defer(Upload.manifest, raiseload=True))
    total = select(func.count()).select_from(Upload)
    if state is not None:
        query, total = query.where(Upload.state == state), total.where(Upload.state == state)
    query = query.order_by(Upload.upload_id.desc()).limit(PAGE).offset((page - 1) * PAGE)
    return list(session.scalars(query)), session.scalar(total) or 0


def rows_of_upload(
    session: Session, upload_id: str, *, state: RowState | None = None, page: int = 1
) -> tuple[list[RowShown], int]:
    """Return one page of an upload's rows in their order, and how many there are."""
    chosen = [UploadRow.upload_id == upload_id]
    if state is not None:
        chosen.append(UploadRow.state == state.value)
    query = (
        select(
            UploadRow.row,
            UploadRow.kind,
            UploadRow.state,
            UploadRow.reason,
            Certificate.number,
            Certificate.edition,
        )
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .where(*chosen)
        .order_by(UploadRow.row, UploadRow.status_index, UploadRow.kind)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    found = [
        RowShown(
            row=row.row,
            number=row.number,
            edition=row.edition,
            kind=UploadKind(row.kind),
            state=RowState(row.state),
            reason=row.reason,
        )
        for row in session.execute(query)
    ]
    total = session.scalar(select(func.count()).select_from(UploadRow).where(*chosen)) or 0
    return found, total


def count_rows(session: Session, upload_id: str) -> dict[RowState, int]:
    """Count an upload's rows by their state."""
    query = (
        select(UploadRow.state, func.count())
        .where(UploadRow.upload_id == upload_id)
        .group_by(UploadRow.state)
    )
    return {RowState(state): count for state, count in session.execute(query)}
