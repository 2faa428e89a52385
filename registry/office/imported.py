"""Which batches were imported (补录): their certificates are older than the registry's word."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.due import china_day
from registry.store.among import among
from registry.store.certificates import Batch
from registry.store.imports import CertificateImport

_IMPORTED = select(CertificateImport.batch_id).where(among(CertificateImport.batch_id, "batches"))


def imported_among(session: Session, batch_ids: Iterable[str]) -> frozenset[str]:
    """Return those of these batches that were imported."""
    found = session.scalars(_IMPORTED, {"batches": sorted(set(batch_ids))})
    return frozenset(batch_id for batch_id in found if batch_id is not None)


def registered_on(session: Session, batch_id: str) -> date | None:
    """Return the day in China on which a batch was imported; None of one that was issued here."""
    if not imported_among(session, (batch_id,)):
        return None
    return china_day(session.get_one(Batch, batch_id).issued_at)
