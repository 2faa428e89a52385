"""What a city reads: its receipts in order, and the days its numbers were seen nationally."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.centre.store import StoredReceipt, Visible

PAGE_BYTES: Final = 4 << 20
"""About how much one answer of receipts holds; one receipt always fits."""

PAGE_ROWS: Final = 5_000


def receipts_after(session: Session, city: str, place: int) -> bytes:
    """Return the receipts from `place` + 1 on, one a line in that order; empty at the end.

    A receipt is canonical JSON, which has no line ends.
    """
    query = (
        select(StoredReceipt.envelope)
        .where(StoredReceipt.city == city, StoredReceipt.place > place)
        .order_by(StoredReceipt.place)
    )
    lines: list[bytes] = []
    size = 0
    for envelope in session.scalars(query.execution_options(yield_per=8)):
        if lines and size + len(envelope) > PAGE_BYTES:
            break
        lines.append(envelope + b"\n")
        size += len(envelope)
    return b"".join(lines)


def visible_after(session: Session, city: str, after: int) -> dict[str, object]:
    """Return the city's entries after number `after`, and the number to ask after next."""
    query = (
        select(Visible)
        .where(Visible.city == city, Visible.id > after)
        .order_by(Visible.id)
        .limit(PAGE_ROWS)
    )
    found = list(session.scalars(query))
    return {
        "visible": [{"number": one.number, "seen_on": one.seen_on} for one in found],
        "next": found[-1].id if found else after,
    }
