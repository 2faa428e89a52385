"""The heads of the audit chain that the published logs hold (账本中的审计链头).

Read from the files the public sees, never from the database: whoever owns the database can take
milestone rows out of it, but not leaves out of a log that witnesses and monitors keep. That the
files are those of the signed checkpoint is what `certreg log fsck` and the monitor check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from registry.ledger.storage import LogStorage, StorageFailed
from signing.errors import SigningError
from signing.tlog.entry import Milestone, parse_entry
from signing.tlog.note import parse_note
from signing.tlog.tiles import TileReader, TreeReader
from signing.tlog.treehead import parse_checkpoint

CHECKPOINT: Final = "checkpoint"


def logged_heads(logs: Iterable[LogStorage], subject: str) -> frozenset[tuple[int, str]] | None:
    """Return (line, commitment in hex) of each milestone whose subject is ``subject`` + line.

    ``logs`` are this registry's, the frozen ones among them; one without a checkpoint has
    published nothing yet. None if any of them cannot be read: then nothing can be said.
    """
    mark = f'"subject":"{subject}'.encode()
    found: set[tuple[int, str]] = set()
    try:
        for log in logs:
            for data in _entries(log):
                # A log holds certificates by the hundred thousand, heads by the day.
                if mark in data:
                    entry = parse_entry(data)
                    line = _line(entry, subject) if isinstance(entry, Milestone) else None
                    if line is not None and isinstance(entry, Milestone):
                        found.add((line, entry.commit))
    except (SigningError, StorageFailed, OSError):
        return None
    return frozenset(found)


def _line(entry: Milestone, subject: str) -> int | None:
    number = entry.subject.removeprefix(subject)
    whole = entry.subject.startswith(subject) and number.isascii() and number.isdecimal()
    return int(number) if whole else None


def _entries(log: LogStorage) -> Iterable[bytes]:
    try:
        note = log.read(CHECKPOINT)
    except FileNotFoundError:
        return ()
    size = parse_checkpoint(parse_note(note).text).size
    return TreeReader(TileReader(log.read), size).entries()
