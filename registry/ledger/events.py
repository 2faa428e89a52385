"""Reading the leaves that transactions left for the ledger, page by page."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.store.log import EventPage
from signing.tlog.tiles import decode_bundle


def group_entries(
    session: Session, group_id: int, pages_at_once: int, *, after: int = -1
) -> Iterator[list[bytes]]:
    """Yield a group's leaves in order, ``pages_at_once`` pages (of up to 256) at a time.

    Begins with the first page whose first ordinal is above ``after``.
    """
    while True:
        found = session.execute(
            select(EventPage.first_ordinal, EventPage.width, EventPage.entries)
            .where(EventPage.group_id == group_id, EventPage.first_ordinal > after)
            .order_by(EventPage.first_ordinal)
            .limit(pages_at_once)
        ).all()
        if not found:
            return
        after = found[-1].first_ordinal
        yield [entry for page in found for entry in decode_bundle(page.entries, page.width)]


def entries_from(session: Session, group_id: int, ordinal: int) -> Iterator[bytes]:
    """Yield a group's leaves from ``ordinal`` on, which must be the first of a page."""
    for entries in group_entries(session, group_id, 1, after=ordinal - 1):
        yield from entries


def read_entry(session: Session, group_id: int, ordinal: int) -> bytes:
    """Return one leaf of a group; the caller knows that the group has it."""
    page = session.scalars(
        select(EventPage)
        .where(EventPage.group_id == group_id, EventPage.first_ordinal <= ordinal)
        .order_by(EventPage.first_ordinal.desc())
        .limit(1)
    ).one()
    return decode_bundle(page.entries, page.width)[ordinal - page.first_ordinal]
