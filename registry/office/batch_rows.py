"""What every batch of certificates has in the database, issued here or imported (补录).

A group of events whose last leaf closes the batch, the batch itself, and one upload row for each
certificate, all in the transaction that makes them.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.office.sealing import Place
from registry.store.certificates import Batch
from registry.store.log import EventGroup
from registry.store.outbox import UploadKind


def open_batch(session: Session, batch: Batch, kind: str) -> EventGroup:
    """Add a batch and its group of events, one leaf for each certificate and one to close it."""
    group = EventGroup(
        kind=kind,
        batch_id=batch.batch_id,
        count=batch.count + 1,
        at=batch.issued_at,
        first_status=batch.first_status,
        certificates=batch.count,
    )
    session.add_all((group, batch))
    return group


def owe_uploads(session: Session, place: Place, count: int, kind: UploadKind) -> None:
    """Owe an upload row for each of the batch's ``count`` certificates, which are all there."""
    session.connection().execute(
        text(
            "INSERT INTO upload_rows (status_index, kind, batch_id) "
            "SELECT status_index, :kind, batch_id FROM certificates "
            "WHERE status_index >= :first AND status_index < :last"
        ),
        {"kind": kind.value, "first": place.first_status, "last": place.first_status + count},
    )
