"""One open connection to the mirror for each thread, for as long as the file is the same.

A connection costs more than all that is asked over it. It is keyed by the file's device, inode,
length and time of change, looked at before every transaction: a mirror that was put in the place of
the old one is another inode, and one that was written within its place has another time. A commit
within the clock's grain of the last look is left to SQLite, which reads the file's change counter
at the beginning of every transaction and drops the pages it knows when that has moved. So each
transaction sees one whole state, and the newest. Nothing of a person is kept here but in SQLite's
own page cache, where rows are sealed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS: Final = 2.0
"""How long to wait for the publisher's commit."""

_Stamp = tuple[int, int, int, int]


class _Kept(threading.local):
    """This thread's cursor, and the file that it was opened on; closed when the thread ends."""

    stamp: _Stamp | None = None
    cursor: sqlite3.Cursor | None = None


class MirrorFile:
    """HOME/public/mirror.db, to be read. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._uri = f"file:{quote(self._path)}?mode=ro"
        self._kept = _Kept()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Cursor]:
        """Open a transaction that sees one state of the file; it ends, whatever happens within.

        Raises sqlite3.Error; also from within, after which this thread opens the file anew.
        """
        cursor = self._cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
            # A transaction left open would keep the publisher from its commit.
            cursor.execute("COMMIT")
        except BaseException:
            self._drop()
            raise

    def _cursor(self) -> sqlite3.Cursor:
        # Before opening: a file that is put in its place meanwhile is noticed next time.
        stamp = self._stamp()
        kept = self._kept
        if kept.cursor is not None and stamp is not None and kept.stamp == stamp:
            return kept.cursor
        self._drop()
        connection = sqlite3.connect(
            self._uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        kept.stamp, kept.cursor = stamp, connection.cursor()
        return kept.cursor

    def _drop(self) -> None:
        cursor, self._kept.cursor = self._kept.cursor, None
        if cursor is not None:
            with suppress(sqlite3.Error):
                cursor.connection.close()

    def _stamp(self) -> _Stamp | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 -- once a request
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
