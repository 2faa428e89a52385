"""Writing what happened for the ledger: leaves in pages, in the transaction that causes them."""

from __future__ import annotations

from registry.store.log import EventPage
from signing.tlog.tiles import TILE_WIDTH, encode_bundle

PAGE_COLUMNS = ("group_id", "first_ordinal", "width", "entries")
PageRow = tuple[int, int, int, bytes]


def page_rows(group_id: int, first_ordinal: int, entries: list[bytes]) -> list[PageRow]:
    """Return the rows of ``entries`` (leaf bytes), the first of which has ``first_ordinal``."""
    rows = []
    for at in range(0, len(entries), TILE_WIDTH):
        page = entries[at : at + TILE_WIDTH]
        rows.append((group_id, first_ordinal + at, len(page), encode_bundle(page)))
    return rows


def event_page(group_id: int, *entries: bytes) -> EventPage:
    """Return the one page of a group with few leaves."""
    return EventPage(
        group_id=group_id,
        first_ordinal=0,
        width=len(entries),
        entries=encode_bundle(entries),
    )
