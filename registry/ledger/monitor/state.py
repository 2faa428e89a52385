"""What the monitor remembers between runs: one SQLite file, and a folder of evidence.

A part of the log is put down in one transaction with everything found in it, and only after it
was proved to belong to a trusted checkpoint. So a monitor that is killed at any moment goes on
after the last such part. Findings stay: an alarm must not be gone at the next run. Only the
operator ends it, by removing the folder, and then the whole log is read again.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from registry.ledger.monitor.errors import MonitorStateBad
from registry.ledger.monitor.findings import FINDINGS_AT_MOST, Finding, Kind

FILE: Final = "monitor.db"
EVIDENCE: Final = "evidence"

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY CHECK (id = 1), data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS findings (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, place TEXT NOT NULL, what TEXT NOT NULL,
    since TEXT NOT NULL, UNIQUE (kind, place, what));
CREATE TABLE IF NOT EXISTS issued (
    leaf INTEGER PRIMARY KEY, number TEXT NOT NULL, edition INTEGER NOT NULL, batch TEXT NOT NULL);
COMMIT;
"""


class Progress(msgspec.Struct, kw_only=True, frozen=True):
    """How far the log was read.

    `note` is the newest trusted checkpoint, `size` the leaves taken of its tree, `files` the right
    edge of that size as tiles, `replay` what the entries add up to.
    """

    note: bytes
    size: int
    files: dict[str, bytes]
    replay: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A finding with the time it was first made, as the log's entries write times."""

    finding: Finding
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An issue entry under a watched prefix: its `leaf` index, and what it says."""

    leaf: int
    number: str
    edition: int
    batch: str


class MonitorState:
    """The open state; one process at a time has it."""

    def __init__(self, folder: Path, database: sqlite3.Connection, lock: int) -> None:
        self._folder = folder
        self._database = database
        self._lock = lock

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Open the state below `folder`, new if there is none. Raises MonitorStateBad."""
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                msg = f"another monitor works with {folder}: wait for it"
                raise MonitorStateBad(msg) from None
            with _told(folder):
                database = sqlite3.connect(folder / FILE, isolation_level=None)
            try:
                with _told(folder):
                    database.execute("PRAGMA synchronous=FULL")
                    database.executescript(_SCHEMA)
                yield cls(folder, database, lock)
            finally:
                database.close()
        finally:
            os.close(lock)

    def progress(self) -> Progress | None:
        """Return how far the log was read; None before the first part. Raises MonitorStateBad."""
        with _told(self._folder):
            row = self._database.execute("SELECT data FROM progress").fetchone()
            return None if row is None else msgspec.msgpack.decode(row[0], type=Progress)

    def save(
        self,
        progress: Progress | None,
        findings: Iterable[Finding],
        issued: Iterable[Issued],
        *,
        since: str,
    ) -> None:
        """Put down, all or nothing: progress (None: as it was), findings and watched entries."""
        data = None if progress is None else msgspec.msgpack.encode(progress)
        database = self._database
        with _told(self._folder):
            database.execute("BEGIN IMMEDIATE")
            try:
                if data is not None:
                    database.execute("INSERT OR REPLACE INTO progress VALUES (1, ?)", (data,))
                self._add(findings, since)
                database.executemany(
                    "INSERT OR IGNORE INTO issued VALUES (?, ?, ?, ?)",
                    ((one.leaf, one.number, one.edition, one.batch) for one in issued),
                )
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _add(self, findings: Iterable[Finding], since: str) -> None:
        (kept,) = self._database.execute("SELECT count(*) FROM findings").fetchone()
        for one in findings:
            if kept >= FINDINGS_AT_MOST:
                return
            done = self._database.execute(
                "INSERT OR IGNORE INTO findings (kind, place, what, since) VALUES (?, ?, ?, ?)",
                (one.kind.value, one.where, one.what, since),
            )
            kept += done.rowcount

    def findings(self) -> tuple[Kept, ...]:
        """Return all that was ever found, oldest first."""
        query = "SELECT kind, place, what, since FROM findings ORDER BY id"
        with _told(self._folder):
            return tuple(
                Kept(finding=Finding(kind=Kind(kind), where=place, what=what), since=since)
                for kind, place, what, since in self._database.execute(query)
            )

    def issued(self) -> Iterator[Issued]:
        """Yield the watched entries that `told` has not struck off."""
        query = "SELECT leaf, number, edition, batch FROM issued ORDER BY leaf"
        for leaf, number, edition, batch in self._database.execute(query):
            yield Issued(leaf=leaf, number=number, edition=edition, batch=batch)

    def told(self, up_to: int) -> None:
        """Strike off the watched entries up to leaf `up_to`: they were printed.

        A kill between printing and this prints them once more, never not at all.
        """
        with _told(self._folder):
            self._database.execute("DELETE FROM issued WHERE leaf <= ?", (up_to,))

    def keep_evidence(self, name: str, data: bytes) -> Path:
        """Keep a signed checkpoint as a file of its own, durably; returns its path."""
        folder = self._folder / EVIDENCE
        folder.mkdir(exist_ok=True)
        path = folder / name
        if not path.exists():
            part = folder / f".{name}.part"
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        return path


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what a damaged state raises into one error that says what to do."""
    try:
        yield
    except (sqlite3.Error, msgspec.MsgspecError, ValueError, OSError) as error:
        msg = (
            f"the monitor's state in {folder} cannot be used ({error}): see that its disk has room;"
            " if the file is damaged, put the folder aside and read the log from its beginning"
        )
        raise MonitorStateBad(msg) from error
