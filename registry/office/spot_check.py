"""Names for the spot check (抽查): what the clerk asks the national lookup by, beside the number.

Whoever shows them leaves a line first (`registry.office.disclosures`).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.certificates import open_certificate
from registry.office.context import Context
from registry.store.certificates import Certificate


def names_of(session: Session, indices: Iterable[int], context: Context) -> dict[int, str]:
    """Return the names on these certificates, by status index."""
    query = select(Certificate).where(Certificate.status_index.in_(list(indices)))
    return {
        row.status_index: open_certificate(row, context).record.name
        for row in session.scalars(query)
    }
