"""A new SQLite file that appears whole: with its tables, in write-ahead mode, its owner's alone.

Two processes that turn one new file into write-ahead logging at once are told "locked" without
waiting, and one killed between making a file and its tables leaves a file without them. So the
file is made under another name and linked into place.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

_KILLED_SECONDS: Final = 60
"""Making a file takes milliseconds."""


def put_in_place(file: Path, schema: str) -> None:
    """Make `file` with the tables of `schema`, unless there is one, whoever made it.

    Raises sqlite3.Error, OSError.
    """
    if file.exists():
        return
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    os.close(handle)
    part = Path(name)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(schema)
        with suppress(FileExistsError):
            os.link(part, file)
        _clear_away(file, part)
    finally:
        part.unlink(missing_ok=True)


def _clear_away(file: Path, part: Path) -> None:
    """Remove what was left by those who were killed on the way, a minute ago or earlier.

    What is younger may be another process's, which would fail over its file.
    """
    latest = part.stat().st_mtime - _KILLED_SECONDS
    for left in file.parent.glob(f".{file.name}-*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < latest:
                left.unlink()
