"""The bulk check's tables in the site's state file, and the surroundings its parts share.

Whatever names a person, or an employer's address, is sealed (`verify_web.sealing`), and goes when
its term is over: `purge`. Keys, codes and sessions are kept as digests alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from verify_web.sealing import Sealer
from verify_web.state import State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from keys.clock import Clock

SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS employers (
    employer TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    tag BLOB NOT NULL UNIQUE,
    contact BLOB NOT NULL,
    created REAL NOT NULL,
    ended REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_used (
    employer TEXT PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sign_in_codes (
    handle BLOB PRIMARY KEY,
    tag BLOB NOT NULL,
    code BLOB NOT NULL,
    until REAL NOT NULL,
    tries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    token BLOB PRIMARY KEY,
    employer TEXT NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    message INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL,
    due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    job TEXT PRIMARY KEY,
    employer TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    until REAL NOT NULL,
    rows INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    purpose TEXT NOT NULL,
    counts TEXT NOT NULL DEFAULT '{}',
    lease REAL NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    asker BLOB NOT NULL,
    request BLOB NOT NULL,
    digest BLOB NOT NULL,
    input BLOB,
    result BLOB,
    receipt BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_by_employer ON jobs (employer, created);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_request ON jobs (employer, request);
CREATE TABLE IF NOT EXISTS usage (
    employer TEXT NOT NULL,
    at REAL NOT NULL,
    rows INTEGER NOT NULL,
    misses INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS usage_by_employer ON usage (employer, at);
CREATE TABLE IF NOT EXISTS watches (
    job TEXT PRIMARY KEY,
    employer TEXT NOT NULL,
    rows INTEGER NOT NULL,
    address BLOB NOT NULL,
    secret BLOB NOT NULL,
    created REAL NOT NULL,
    until REAL NOT NULL,
    origin TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL DEFAULT 0,
    count INTEGER,
    watched BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS watches_by_employer ON watches (employer, created);
CREATE TABLE IF NOT EXISTS events (
    event TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    employer TEXT NOT NULL,
    body BLOB NOT NULL,
    made REAL NOT NULL,
    due REAL NOT NULL,
    deadline REAL NOT NULL,
    until REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0,
    fault TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_job ON events (job);
CREATE TABLE IF NOT EXISTS audit (
    line INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    digest BLOB NOT NULL
);
"""
"""Times are Unix seconds; `until` is when the row is deleted."""

DAY: Final = timedelta(days=1).total_seconds()
JOB_TERM: Final = timedelta(days=7)
"""For how long a job's table, result and receipt are kept."""
ACCOUNT_TERM: Final = timedelta(days=365)
"""For how long an account by e-mail is kept after the last sign-in; longer while it has notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the bulk check's functions work with: state file, sealing, clock, randomness."""

    state: State
    sealer: Sealer
    clock: Clock
    random: Callable[[int], bytes]

    def now(self) -> float:
        """Unix seconds."""
        return self.clock.now().timestamp()


def open_desk(file: Path, pepper: bytes, clock: Clock, random: Callable[[int], bytes]) -> Desk:
    """Put the surroundings together over one state file."""
    return Desk(
        state=State(file, SCHEMA, durable=True),
        sealer=Sealer(pepper, random),
        clock=clock,
        random=random,
    )


def purge(desk: Desk) -> None:
    """Delete what has come to its term. Raises ServiceTrouble."""
    now = desk.now()
    with desk.state.transaction() as connection:
        for table in ("sign_in_codes", "sessions", "outbox", "jobs", "watches", "events"):
            connection.execute(f"DELETE FROM {table} WHERE until < ?", (now,))  # noqa: S608
        # Whose job failed or was deleted has nothing to watch.
        connection.execute(
            "DELETE FROM watches WHERE watched IS NULL AND job NOT IN"
            " (SELECT job FROM jobs WHERE state IN ('waiting', 'working'))"
        )
        connection.execute("DELETE FROM events WHERE job NOT IN (SELECT job FROM watches)")
        connection.execute("DELETE FROM usage WHERE at < ?", (now - DAY,))
        _purge_accounts(connection, now - ACCOUNT_TERM.total_seconds())


def _purge_accounts(connection: sqlite3.Connection, before: float) -> None:
    """Delete accounts by e-mail that nobody used since; their audit lines name nobody and stay."""
    connection.execute(
        "DELETE FROM employers WHERE kind = 'mail' AND created < ?"
        " AND employer NOT IN (SELECT employer FROM last_used WHERE at >= ?)"
        " AND employer NOT IN (SELECT employer FROM jobs)"
        " AND employer NOT IN (SELECT employer FROM watches)",
        (before, before),
    )
    connection.execute(
        "DELETE FROM last_used WHERE employer NOT IN (SELECT employer FROM employers)"
    )
