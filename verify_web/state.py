"""What the site must remember over a restart: one SQLite file, shared by all its processes.

It lies beside the pepper, outside the public directory (`HOME/site/site.db`, mode 0600). Each
use opens it anew, takes the write lock, commits and closes: so a process may be killed anywhere,
a file put back from a backup is noticed at once, and no connection outlives a fork.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from signing.sqlite_file import put_in_place
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS: Final = 2.0
"""How long to wait for another process's transaction; each takes under a millisecond."""


class State:
    """The state file and the tables of it that its owner needs. Safe to share between threads.

    `schema` is SQL that makes tables where they are not yet there. `durable` makes a commit
    survive a power failure; without it a power failure may lose the last second, a kill nothing.
    """

    def __init__(self, file: Path, schema: str, *, durable: bool = False) -> None:
        self._file = file
        self._schema = schema
        self._synchronous = "FULL" if durable else "NORMAL"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that holds the write lock; commits at the end, rolls back on a raise.

        Raises ServiceTrouble when the file cannot be opened, read or written.
        """
        try:
            with closing(self._open()) as connection:
                # Tables are looked for under the write lock: two that make them at once are told
                # "locked" without waiting.
                connection.executescript(f"BEGIN IMMEDIATE;\n{self._schema}")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise ServiceTrouble(f"the site's state file: {type(error).__name__}") from None

    def _open(self) -> sqlite3.Connection:
        if not self._file.exists():
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            put_in_place(self._file, self._schema)
        connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # What is deleted must not stand in the file's free pages until they are used again.
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
        except BaseException:
            connection.close()
            raise
        return connection
