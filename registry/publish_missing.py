"""Rows that the mirror of an older program lacks: (number, last six), added once.

A mirror says itself how far they have been added (SQLite's ``user_version``): the status index to
go on from, or -1 when none can be missing, as in a mirror that was made with them. A run adds a
bounded number, in the transaction that moves the mark; a crash repeats it and adds nothing twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select

from registry.office.certificates import open_certificate
from registry.office.context import Context
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from signing.errors import MalformedMirror
from signing.mirror import (
    Factor,
    entry_id_of,
    last_six,
    open_index,
    tag_and_key,
    wrap_index,
)

AT_ONCE: Final = 512
"""Certificates looked at in one run: about 0.1 s."""

_WHOLE: Final = -1


def is_whole(file: Path) -> bool:
    """Whether no row can be missing; so too where there is no mirror yet."""
    if not file.exists():
        return True
    # For writing: what a crash left half-written is rolled back by whoever opens it next.
    address = f"{file.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=30)) as mirror:
        return _mark(mirror) == _WHOLE


def mark_new(mirror: sqlite3.Connection) -> None:
    """Note in a mirror that has no tables yet that none will be missing."""
    if mirror.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
        mirror.execute(f"PRAGMA user_version={_WHOLE}")


def add_missing(engine: Engine, mirror: sqlite3.Connection, pepper: bytes, context: Context) -> int:
    """Add the next certificates' rows and return how many were missing."""
    start = _mark(mirror)
    with read_unit(engine) as session:
        rows = session.scalars(
            select(Certificate)
            .where(Certificate.status_index >= start)
            .order_by(Certificate.status_index)
            .limit(AT_ONCE)
        ).all()
        opened = [(row.token, open_certificate(row, context).record) for row in rows]
    mark = rows[-1].status_index + 1 if len(rows) == AT_ONCE else _WHOLE
    mirror.execute("BEGIN IMMEDIATE")
    try:
        added = [
            pair
            for token, record in opened
            for pair in _row(
                mirror,
                pepper,
                token,
                {Factor.NUMBER: record.number, Factor.LAST_SIX: last_six(record)},
                context,
            )
        ]
        mirror.executemany("INSERT INTO tags VALUES (?, ?)", added)
        mirror.execute(f"PRAGMA user_version={mark:d}")
    except BaseException:
        mirror.execute("ROLLBACK")
        raise
    mirror.execute("COMMIT")
    return len(added)


def _mark(mirror: sqlite3.Connection) -> int:
    return int(mirror.execute("PRAGMA user_version").fetchone()[0])


def _row(
    mirror: sqlite3.Connection,
    pepper: bytes,
    token: str,
    factors: dict[Factor, str],
    context: Context,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the row if it is missing; nothing for an edition that is yet to be published whole."""
    entry_id = entry_id_of(pepper, token)
    key = _key(mirror, entry_id, *tag_and_key(pepper, {Factor.TOKEN: token}))
    tag, wrapping = tag_and_key(pepper, factors)
    if key is not None and _key(mirror, entry_id, tag, wrapping) is None:
        yield tag, wrap_index(wrapping, tag, entry_id + key, context.random)


def _key(mirror: sqlite3.Connection, entry_id: bytes, tag: bytes, wrapping: bytes) -> bytes | None:
    for (wrapped,) in mirror.execute("SELECT wrapped FROM tags WHERE tag = ?", (tag,)).fetchall():
        try:
            owner, key = open_index(wrapping, tag, wrapped)
        except MalformedMirror:
            continue
        if owner == entry_id:
            return key
    return None
