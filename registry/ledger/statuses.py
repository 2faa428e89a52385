"""The status table (状态表) as of the log's head: two bits a certificate, hashed into one root.

Read at the start of a round, changed by the events that the round sequences, in their order, and
saved in the transaction that commits the head: pages and root can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.store.log import StatusPageRow
from signing.tlog.entry import State, Status, StatusChange, parse_entry
from signing.tlog.status import (
    PAGE_BYTES,
    PAGE_CERTIFICATES,
    page_count,
    pages_root,
    set_state,
)


class StatusTable:
    """All status pages, one after another; ``count`` certificates have a place in them."""

    __slots__ = ("_changed", "_pages", "count")

    def __init__(self, pages: bytearray, count: int) -> None:
        self._pages = pages
        self._changed: set[int] = set()
        self.count = count

    @classmethod
    def load(cls, session: Session, status_entry: bytes) -> Self:
        """Read the table as of the head whose newest ``status`` leaf is ``status_entry``."""
        entry = parse_entry(status_entry) if status_entry else None
        count = entry.count if isinstance(entry, Status) else 0
        rows = session.scalars(select(StatusPageRow.data).order_by(StatusPageRow.page))
        return cls(bytearray().join(rows), count)

    @property
    def pages(self) -> bytes:
        """The pages, 1,024 bytes each."""
        return bytes(self._pages)

    def cover(self, count: int) -> None:
        """Make room for certificates up to ``count``; new ones are valid (bits 00)."""
        self.count = max(self.count, count)
        old, new = len(self._pages) // PAGE_BYTES, page_count(self.count)
        self._pages.extend(bytes((new - old) * PAGE_BYTES))
        self._changed.update(range(old, new))

    def apply(self, entries: Sequence[bytes]) -> None:
        """Carry out the status changes among ``entries`` (leaf bytes)."""
        for data in entries:
            entry = parse_entry(data)
            if isinstance(entry, StatusChange):
                set_state(self._pages, entry.index, State(entry.state))
                self._changed.add(entry.index // PAGE_CERTIFICATES)

    def root(self) -> bytes:
        """Return the 32-byte root over the pages as leaves."""
        return pages_root(self._pages)

    def save(self, session: Session) -> None:
        """Write the changed pages in the session's transaction."""
        for page in sorted(self._changed):
            at = page * PAGE_BYTES
            data = bytes(self._pages[at : at + PAGE_BYTES])
            session.merge(StatusPageRow(page=page, data=data))
