"""What a batch owes to the provincial centre (上报): its upload rows with the signed records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.certificates import open_certificate
from registry.office.context import Context
from registry.store.certificates import Batch, Certificate
from registry.store.outbox import UploadKind, UploadRow
from signing.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One row to report: what kind of event it is, and the record it is about."""

    kind: UploadKind
    record: Record


def batch_report(session: Session, batch_id: str, context: Context) -> Iterator[Report]:
    """Yield the batch's rows in the order of issue. Raises ``NotFound`` for an unknown batch."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        msg = f"no batch {batch_id}: `certreg issue` and `certreg show` print batch references"
        raise NotFound(msg)
    found = session.execute(
        select(UploadRow.kind, Certificate)
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .where(
            or_(
                and_(
                    UploadRow.status_index >= batch.first_status,
                    UploadRow.status_index < batch.first_status + batch.count,
                ),
                and_(UploadRow.batch_id == batch_id, UploadRow.kind != UploadKind.NEW.value),
            )
        )
        .order_by(UploadRow.status_index, UploadRow.kind)
        .execution_options(yield_per=1000)
    )
    for kind, row in found:
        yield Report(kind=UploadKind(kind), record=open_certificate(row, context).record)
