"""What the entries of a log promise, checked one after another (the auditor's replay).

Form of every entry; no certificate number and edition twice; status indices without a gap; each
batch's count, range and range root true; each ``status`` leaf equal to what the events before it
give; every status change about a certificate that exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from signing.errors import SigningError
from signing.tlog.entry import (
    BatchClose,
    Entry,
    Issue,
    Key,
    Milestone,
    State,
    Status,
    StatusChange,
    Succession,
    parse_entry,
)
from signing.tlog.merkle import CompactRange, leaf_hash
from signing.tlog.status import PAGE_BYTES, page_count, pages_root, set_state


@dataclass(slots=True, kw_only=True)  # mutable: the run of leaves grows
class _OpenBatch:
    """The run of issue entries that a ``batch-close`` will have to answer for.

    ``corrects``: it begins with a later edition, which belongs to a batch closed long ago.
    """

    first: int
    batch: str
    corrects: bool
    span: CompactRange = field(default_factory=CompactRange)


class Replay:
    """The state that the entries so far add up to."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()
        self._batches: set[str] = set()
        self._count = 0
        self._pages = bytearray()
        self._open: _OpenBatch | None = None

    def take(self, index: int, data: bytes) -> Iterator[str]:
        """Take the entry at leaf ``index``; yield what is wrong with it, in words."""
        try:
            entry: Entry = parse_entry(data)
        except SigningError as error:
            yield f"cannot be parsed ({error.code})"
            return
        yield from self._unclosed(entry)
        match entry:
            case Issue():
                yield from self._issue(index, entry, data)
            case StatusChange():
                yield from self._change(entry)
            case BatchClose():
                yield from self._close(entry)
            case Status():
                yield from self._status(index, entry)
            case Key() | Milestone() | Succession():
                pass
            case _:
                assert_never(entry)
        if not isinstance(entry, Issue):
            self._open = None

    def _unclosed(self, entry: Entry) -> Iterator[str]:
        run = self._open
        if run is None or run.corrects or isinstance(entry, BatchClose):
            return
        if not isinstance(entry, Issue) or (entry.batch, entry.edition) != (run.batch, 1):
            self._open = None
            yield f"comes before batch {run.batch} was closed"

    def _issue(self, index: int, entry: Issue, data: bytes) -> Iterator[str]:
        if (entry.number, entry.edition) in self._seen:
            yield f"number {entry.number}, edition {entry.edition}, stands in the log twice"
        if entry.edition > 1 and (entry.number, entry.edition - 1) not in self._seen:
            yield f"edition {entry.edition} of {entry.number} without the one before it"
        if not entry.number.startswith(entry.prefix):
            yield f"number {entry.number} does not begin with its issuer's prefix"
        if entry.status != self._count:
            yield f"status index {entry.status} where {self._count} is next"
        self._seen.add((entry.number, entry.edition))
        # Each certificate takes a leaf, so a place beyond the leaf's own index cannot be true; to
        # make room for it would let one lying entry take all the memory.
        place = entry.status if entry.status <= index else self._count
        self._count = max(self._count, place + 1)
        missing = page_count(self._count) * PAGE_BYTES - len(self._pages)
        self._pages.extend(bytes(max(0, missing)))
        if self._open is None or self._open.batch != entry.batch:
            self._open = _OpenBatch(first=index, batch=entry.batch, corrects=entry.edition > 1)
        self._open.span.append(leaf_hash(data))

    def _change(self, entry: StatusChange) -> Iterator[str]:
        if entry.index >= self._count:
            yield f"changes the state of certificate {entry.index}, which was never issued"
            return
        if entry.link and int(entry.link) >= self._count:
            yield f"points on to certificate {entry.link}, which was never issued"
        set_state(self._pages, entry.index, State(entry.state))

    def _close(self, entry: BatchClose) -> Iterator[str]:
        if entry.batch in self._batches:
            yield f"batch {entry.batch} is closed twice"
        self._batches.add(entry.batch)
        run = self._open
        if run is None or run.batch != entry.batch:
            yield f"closes batch {entry.batch}, which is not the one just issued"
            return
        last = run.first + run.span.size - 1
        if (entry.first, entry.last, entry.count) != (run.first, last, run.span.size):
            yield (
                f"says leaves {entry.first} to {entry.last}, {entry.count} in all; they are "
                f"{run.first} to {last}, {run.span.size} in all"
            )
        elif entry.root != run.span.root().hex():
            yield "the batch's range root is another"

    def _status(self, index: int, entry: Status) -> Iterator[str]:
        if entry.before != index:
            yield f"covers the events before leaf {entry.before} and stands at leaf {index}"
        if entry.count != self._count:
            yield f"says {entry.count} certificates, there are {self._count}"
        elif entry.root != pages_root(self._pages).hex():
            yield "the status root is not what the events before it give"
