"""What the entries of a log promise, checked one after another (the auditor's replay).

Form of every entry; each batch's count, range and range root true; status entries in the order of
their times; a succession only at the beginning; and what `numbers`, `import_days`, `issuer_keys`
and `states` check. All findings, not the first; after one, it goes on with what the entry says
where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Self, TypeAlias, assert_never

import msgspec

from registry.ledger.monitor.findings import Finding, Kind, Say
from registry.ledger.monitor.import_days import ImportDays
from registry.ledger.monitor.issuer_keys import IssuerKeys
from registry.ledger.monitor.numbers import Numbers
from registry.ledger.monitor.states import States
from signing.errors import SigningError
from signing.tlog.entry import (
    BatchClose,
    Entry,
    Import,
    Issue,
    Key,
    Milestone,
    Status,
    StatusChange,
    Succession,
    parse_entry,
)
from signing.tlog.merkle import CompactRange

OnIssue: TypeAlias = Callable[[int, Issue], None]
"""Told of each issue entry with its leaf index."""

_HELD: Final = 1024
"""Leaf hashes gathered before they are folded: folding one at a time costs four times as much."""


class _Run(msgspec.Struct, kw_only=True):
    """The run of issue entries that a `batch-close` will have to answer for.

    `corrects`: it is of later editions, which belong to batches closed long ago: no close may
    answer for it. `imports`: its first entry is an import. Of its `size` leaves the last are
    `held`, those before them folded into `peaks`.
    """

    first: int
    batch: str
    corrects: bool
    imports: bool = False
    size: int = 0
    peaks: list[bytes] = msgspec.field(default_factory=list)
    held: list[bytes] = msgspec.field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        self.held.append(leaf)
        self.size += 1
        if len(self.held) == _HELD:
            self.peaks = self._folded().hashes
            self.held.clear()

    def _folded(self) -> CompactRange:
        span = CompactRange.from_hashes(self.size - len(self.held), self.peaks)
        span.extend(self.held)
        return span

    def root(self) -> bytes:
        return self._folded().root()


class _Packed(msgspec.Struct, kw_only=True):
    numbers: Numbers
    keys: IssuerKeys
    batches: set[str]
    run: _Run | None
    status_time: str
    succeeds: bool
    count: int
    unlinked: dict[int, str]
    pages: bytes
    days: ImportDays = msgspec.field(default_factory=ImportDays)


class Replay:
    """The state that the entries so far add up to."""

    def __init__(self) -> None:
        self._numbers = Numbers()
        self._days = ImportDays()
        self._keys = IssuerKeys()
        self._states = States()
        self._batches: set[str] = set()
        self._run: _Run | None = None
        self._succeeds = False
        self.status_time = ""
        """Time of the newest status entry, as it stands there; "" if there was none."""

    def take(
        self,
        first: int,
        entries: Sequence[bytes],
        leaves: Sequence[bytes],
        on_issue: OnIssue | None = None,
    ) -> list[Finding]:
        """Take `entries` (their hashes are `leaves`), the first of which is leaf `first`."""
        found: list[Finding] = []
        index = first

        def say(kind: Kind, what: str) -> None:
            found.append(Finding(kind=kind, where=f"entry {index}", what=what))

        for index, data in enumerate(entries, first):
            try:
                entry = parse_entry(data)
            except SigningError as error:
                say(Kind.ENTRY, f"cannot be parsed ({error.code})")
                continue
            self._take(index, entry, leaves[index - first], say)
            if on_issue is not None and isinstance(entry, Issue):
                on_issue(index, entry)
        return found

    def _take(self, index: int, entry: Entry, leaf: bytes, say: Say) -> None:
        self._unclosed(entry, say)
        match entry:
            case Issue():
                self._issue(index, entry, leaf, say)
            case StatusChange():
                self._states.change(entry, say)
            case BatchClose():
                self._close(entry, say)
            case Status():
                self._status(index, entry, say)
            case Key():
                self._keys.event(entry, say)
            case Milestone():
                pass
            case Succession():
                self._succession(index, say)
            case _:
                assert_never(entry)
        if not isinstance(entry, Issue):
            self._run = None

    def _issue(self, index: int, entry: Issue, leaf: bytes, say: Say) -> None:
        self._keys.issue(entry, say)
        self._numbers.issue(entry, say, succeeds=self._succeeds)
        self._states.issue(index, entry, say)
        run, corrects = self._run, entry.edition > 1
        # A later edition put in front must not free a batch of its first ones from being closed.
        if run is None or (run.batch, run.corrects) != (entry.batch, corrects):
            imports = isinstance(entry, Import)
            run = _Run(first=index, batch=entry.batch, corrects=corrects, imports=imports)
            self._run = run
            if isinstance(entry, Import):
                # A log that succeeds takes up again what was registered long before it.
                before = "" if self._succeeds else self.status_time
                self._days.take(index, entry, say, before=before)
        elif not corrects and run.imports != isinstance(entry, Import):
            say(Kind.ORIGIN, f"batch {entry.batch} holds both issue and import entries")
        run.add(leaf)

    def _status(self, index: int, entry: Status, say: Say) -> None:
        self._states.status(index, entry, say)
        self._days.status(entry.time, say)
        # The form has a fixed width, so the order of the texts is that of the times.
        if entry.time < self.status_time:
            what = f"is dated {entry.time}, the status entry before it {self.status_time}"
            say(Kind.STATUS_TIME, what)
        self.status_time = max(self.status_time, entry.time)

    def _succession(self, index: int, say: Say) -> None:
        if index:
            say(Kind.SUCCESSION, "succeeds another log and is not the first leaf")
        else:
            self._succeeds = True

    def _unclosed(self, entry: Entry, say: Say) -> None:
        run = self._run
        if run is None or run.corrects or isinstance(entry, BatchClose):
            return
        if not isinstance(entry, Issue) or (entry.batch, entry.edition) != (run.batch, 1):
            self._run = None
            say(Kind.BATCH, f"comes before batch {run.batch} was closed")

    def _close(self, entry: BatchClose, say: Say) -> None:
        if entry.batch in self._batches:
            say(Kind.BATCH, f"batch {entry.batch} is closed twice")
        self._batches.add(entry.batch)
        run = self._run
        if run is None or run.corrects or run.batch != entry.batch:
            say(Kind.BATCH, f"closes batch {entry.batch}, which is not the one just issued")
            return
        last = run.first + run.size - 1
        if (entry.first, entry.last, entry.count) != (run.first, last, run.size):
            what = f"says leaves {entry.first} to {entry.last}, {entry.count} in all; they are "
            say(Kind.BATCH, f"{what}{run.first} to {last}, {run.size} in all")
        elif entry.root != run.root().hex():
            say(Kind.RANGE_ROOT, "the batch's range root is another")

    def pack(self) -> bytes:
        """Return all of it as bytes, for `unpack`."""
        packed = _Packed(
            numbers=self._numbers,
            keys=self._keys,
            batches=self._batches,
            run=self._run,
            status_time=self.status_time,
            succeeds=self._succeeds,
            count=self._states.count,
            unlinked=self._states.unlinked,
            pages=bytes(self._states.pages),
            days=self._days,
        )
        return msgspec.msgpack.encode(packed)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Restore what `pack` gave. Raises ``msgspec.MsgspecError`` for other bytes."""
        packed = msgspec.msgpack.decode(data, type=_Packed)
        replay = cls()
        replay._numbers, replay._keys = packed.numbers, packed.keys
        replay._states = States(packed.pages, packed.count, packed.unlinked)
        replay._days = packed.days
        replay._batches, replay._run = packed.batches, packed.run
        replay.status_time, replay._succeeds = packed.status_time, packed.succeeds
        return replay
