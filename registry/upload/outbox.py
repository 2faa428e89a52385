"""The outbox (上报台账): what is owed, and putting it together into uploads of one organisation.

Every certificate event left its row in its own transaction (`registry.office.owing`). Here rows
are chosen for an upload, and given back if the upload is dissolved before it is frozen; a row is
in one upload at a time, because it names it. One public function that changes something is one
transaction with its event and its audit line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Row as SqlRow
from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, defer

from registry.errors import NotFound, Refused
from registry.store.audit import AuditLine
from registry.store.counters import take_range
from registry.store.organisations import Issuer
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.uploads import Upload, UploadEvent, UploadState
from registry.upload.errors import NothingOwed, UploadStateRefused
from signing.upload.manifest import MAX_RANGES
from signing.upload.rows import MAX_ROWS

SCOPE: Final = "upload"
LONGEST_BATCH: Final = 64
_ROWS: Final = UploadRow.metadata.tables["upload_rows"]
# A certificate is reported as new before anything else is reported of that edition.
_ORDER: Final = case({UploadKind.WITHDRAWAL.value: 1}, value=UploadRow.kind, else_=0)

# Whose leaves stand one behind the other within a batch, so that neighbours share a range.
_IN_A_ROW: Final = frozenset({UploadKind.NEW.value, UploadKind.SUPPLEMENT.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Who does it and when (aware)."""

    actor: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """How many rows of a kind one organisation still owes."""

    prefix: str
    name: str
    kind: UploadKind
    rows: int


def owed(session: Session) -> list[Owed]:
    """Return what is still owed, by organisation and kind; none where nothing is."""
    prefix = func.substr(UploadRow.batch_id, 1, 13)
    query = (
        select(prefix, Issuer.name, UploadRow.kind, func.count())
        .join(Issuer, Issuer.prefix == prefix)
        .where(UploadRow.state == RowState.OWED.value)
        .group_by(prefix, Issuer.name, UploadRow.kind)
        .order_by(prefix, UploadRow.kind)
    )
    return [
        Owed(prefix=where, name=name, kind=UploadKind(kind), rows=count)
        for where, name, kind, count in session.execute(query)
    ]


def uploads(session: Session, *, limit: int = 100) -> list[Upload]:
    """Return the newest uploads, newest first; their ``manifest`` is not read."""
    # Without the manifests, which may be megabytes each.
    query = (
        select(Upload)
        .options(defer(Upload.manifest, raiseload=True))
        .order_by(Upload.upload_id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def get_upload(session: Session, upload_id: str, *, lock: bool = False) -> Upload:
    """Return an upload; ``NotFound`` if there is none. ``lock`` keeps it until the commit."""
    found = session.get(Upload, upload_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        msg = f"没有上报批 {upload_id}，请用 `certreg upload list` 查看 (no such upload)"
        raise NotFound(msg)
    return found


def events_of(session: Session, upload_id: str) -> list[UploadEvent]:
    """Return what happened to an upload, oldest first."""
    query = (
        select(UploadEvent).where(UploadEvent.upload_id == upload_id).order_by(UploadEvent.event_id)
    )
    return list(session.scalars(query))


def assemble(
    session: Session, prefix: str, doing: Doing, *, batch: str = "", limit: int = MAX_ROWS
) -> Upload:
    """Put the oldest owed rows of one organisation, at most ``limit``, into a new upload.

    ``batch`` is the batch number that the authority gave, "" if it has not yet. Raises
    ``NotFound`` (no such organisation), ``NothingOwed`` or ``Refused`` (a batch number of no form).
    """
    check_batch_number(batch)
    # Locked: two clerks at once must not each take the same rows.
    if session.get(Issuer, prefix, with_for_update=True) is None:
        raise NotFound(f"no issuer with prefix {prefix}: see `certreg upload list`")
    chosen = list(_choose(session, prefix, min(limit, MAX_ROWS)))
    if not chosen:
        msg = f"{prefix} 没有待上报的数据，无需组批 (nothing is owed by this organisation)"
        raise NothingOwed(msg)
    number = take_range(session, SCOPE, 1, start=1)
    upload = Upload(
        upload_id=f"U{number:08}",
        prefix=prefix,
        authority_batch=batch or None,
        state=UploadState.PREPARED.value,
        created_at=doing.now,
        row_count=len(chosen),
    )
    session.add(upload)
    session.flush()
    marks = {"state": RowState.IN_UPLOAD.value, "upload_id": upload.upload_id}
    session.connection().execute(
        update(_ROWS)
        .where(_ROWS.c.status_index == bindparam("at"), _ROWS.c.kind == bindparam("of"))
        .values(**marks),
        [{"at": row.status_index, "of": row.kind} for row in chosen],
    )
    note(session, upload, "prepare", doing, f"{len(chosen)} rows")
    return upload


def dissolve(session: Session, upload_id: str, doing: Doing) -> None:
    """Give the rows of an upload that is not frozen back to what is owed.

    Raises ``NotFound`` or ``UploadStateRefused``. The upload stays on the list, without rows.
    """
    upload = get_upload(session, upload_id, lock=True)
    require_state(upload, UploadState.PREPARED)
    session.execute(
        update(UploadRow)
        .where(UploadRow.upload_id == upload_id)
        .values(state=RowState.OWED.value, upload_id=None, row=None)
    )
    upload.state = UploadState.DISSOLVED.value
    note(session, upload, "dissolve", doing, f"{upload.row_count} rows owed again")


def check_batch_number(batch: str) -> None:
    """Raise ``Refused`` unless ``batch`` can be the authority's batch number, or is empty."""
    plain = batch.isascii() and batch.isprintable() and " " not in batch
    if len(batch) > LONGEST_BATCH or not plain:
        msg = (
            f"批次号只能是 {LONGEST_BATCH} 个以内的字母、数字和符号，不含空格；"
            "请按省中心给出的写法填写 (not a batch number)"
        )
        raise Refused(msg)


def require_state(upload: Upload, *wanted: UploadState) -> None:
    """Raise ``UploadStateRefused`` unless the upload is in one of these states."""
    if UploadState(upload.state) not in wanted:
        msg = (
            f"上报批 {upload.upload_id} 的状态是 {upload.state}，不能办理此步，"
            "请用 `certreg upload show` 核对 (the upload is in another state)"
        )
        raise UploadStateRefused(msg)


def note(session: Session, upload: Upload, kind: str, doing: Doing, detail: str) -> None:
    """Write the event and the audit line of a step."""
    session.add_all(
        (
            UploadEvent(
                upload_id=upload.upload_id,
                at=doing.now,
                kind=kind,
                actor=doing.actor,
                detail=detail,
            ),
            AuditLine(
                at=doing.now,
                actor=doing.actor,
                action=f"upload-{kind}",
                subject=upload.upload_id,
                detail=detail,
            ),
        )
    )


def _choose(session: Session, prefix: str, limit: int) -> Iterator[SqlRow[int, str, str]]:
    """Yield the oldest owed rows, as many as one manifest can prove."""
    query = (
        select(UploadRow.status_index, UploadRow.kind, UploadRow.batch_id)
        .where(
            UploadRow.state == RowState.OWED.value,
            # A range, and no LIKE: the index serves it whatever the database's collation rules.
            UploadRow.batch_id >= f"{prefix}-",
            UploadRow.batch_id < f"{prefix}.",
        )
        .order_by(UploadRow.status_index, _ORDER, UploadRow.kind)
        .limit(limit)
    )
    ranges, after = 0, ("", 0)
    for row in session.execute(query):
        if row.kind == UploadKind.WITHDRAWAL.value:
            ranges += 2
        elif row.kind not in _IN_A_ROW or (row.batch_id, row.status_index) != after:
            ranges += 1
        after = row.batch_id, row.status_index + 1
        if ranges > MAX_RANGES:
            return
        yield row
