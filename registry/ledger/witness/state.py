"""What a witness remembers: of each log the newest head it has signed (C2SP tlog-witness).

One SQLite file. Its promise is that of the whole witness: what `store` wrote in a unit that ended
without an error is on the disk, also after a power cut, and of two units, in whatever threads or
processes, the second sees what the first has stored.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from registry.ledger.witness.errors import WitnessStateLost
from signing.tlog.merkle import EMPTY_ROOT

STATE_FILE: Final = "witness.db"
BUSY_SECONDS: Final = 10.0
"""How long a request waits for another one's unit to end."""

_NAME_TABLE: Final = """
CREATE TABLE IF NOT EXISTS witness (
    id INTEGER PRIMARY KEY CHECK (id = 0), name TEXT NOT NULL
) STRICT"""
_HEADS_TABLE: Final = """
CREATE TABLE IF NOT EXISTS heads (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest head signed of a log: `root` 32 bytes, `time` in POSIX seconds as signed.

    `note` is the checkpoint with the log's lines and the witness's own; empty before the first.
    """

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: bytes = b""
    time: int = 0


class Heads:
    """The heads within one unit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def latest(self, origin: str) -> Seen:
        """Return the newest head signed of a log; that of the empty tree before the first."""
        found = self._connection.execute(
            "SELECT size, root, note, time FROM heads WHERE origin = ?", (origin,)
        ).fetchone()
        if found is None:
            return Seen()
        size, root, note, time = found
        return Seen(size=size, root=root, note=note, time=time)

    def store(self, origin: str, seen: Seen) -> None:
        """Replace the newest head of a log."""
        self._connection.execute(
            "INSERT OR REPLACE INTO heads (origin, size, root, note, time) VALUES (?, ?, ?, ?, ?)",
            (origin, seen.size, seen.root, seen.note, seen.time),
        )


class State:
    """The state of one witness; each unit has a connection of its own, so any thread may come."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def prepare(cls, folder: Path, name: str, *, new: bool) -> Self:
        """Open the state of the witness `name`; make it only if it may be `new`.

        Raises WitnessStateLost where an older witness's state is missing, or is another's: signing
        on without memory could sign a second history.
        """
        file = folder / STATE_FILE
        if not new and not file.is_file():
            raise _lost(file, "is missing")
        state = cls(file)
        try:
            found = state._claim(name, new=new)
        except sqlite3.Error as fault:
            raise _lost(file, f"cannot be used ({fault})") from fault
        if found is None:
            raise _lost(file, "is empty")
        if found != name:
            raise WitnessStateLost(
                f"{file} is not the state of a witness named {name}: give the name it was made "
                "with, or another folder. A name and its keys belong together"
            )
        # SQLite makes the commit durable, not the name of a file that is new.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return state

    def _claim(self, name: str, *, new: bool) -> str | None:
        with self._unit("rwc" if new else "rw") as connection:
            if new:
                connection.execute(_NAME_TABLE)
                connection.execute(_HEADS_TABLE)
                connection.execute("INSERT OR IGNORE INTO witness VALUES (0, ?)", (name,))
            elif not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
                return None
            found = connection.execute("SELECT name FROM witness").fetchone()
        return found[0] if found else None

    def has_signed(self) -> bool:
        """Say whether anything was ever signed."""
        with self._unit() as connection:
            return connection.execute("SELECT 1 FROM heads LIMIT 1").fetchone() is not None

    @contextmanager
    def unit(self) -> Iterator[Heads]:
        """Yield the heads, nobody else changing them; durable at the end, undone by an exception.

        Raises sqlite3.Error where the file is gone, damaged, full or busy for too long.
        """
        with self._unit() as connection:
            yield Heads(connection)

    def latest(self, origin: str) -> Seen:
        """Return the newest head signed of a log, as `Heads.latest`."""
        # Not read-only: what a kill left half done must be undone by whoever comes first.
        with closing(self._connect("rw")) as connection:
            return Heads(connection).latest(origin)

    @contextmanager
    def _unit(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        with closing(self._connect(mode)) as connection:
            # The lock comes before the look: two requests that both look first could both sign.
            connection.execute("BEGIN IMMEDIATE")
            # An exception leaves the transaction open: closing undoes it, as a kill would.
            yield connection
            connection.execute("COMMIT")

    def _connect(self, mode: str) -> sqlite3.Connection:
        # Never "rwc" after the start: a file that was taken away must not come back empty.
        connection = sqlite3.connect(
            f"{self._file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
        # One file, for simple backups. EXTRA is FULL, and also syncs the folder once the journal
        # is gone: a journal that came back after a power cut would undo what was answered.
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=EXTRA")
        return connection


def _lost(file: Path, what: str) -> WitnessStateLost:
    return WitnessStateLost(
        f"{file} {what}, and this witness may have signed before. If it is not the disk alone that "
        "refuses, its memory is lost: do not go on under this key. Start a new witness in another "
        "folder and have the offices replace the old key"
    )
