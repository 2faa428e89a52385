"""Whose turn it is to sequence: one sequencer at a time for one log (design §3.4).

SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock of a connection of its
own. Either is freed by the death of whoever holds it.

This spares work and noise; it is not what keeps the log whole. A connection can die while its
sequencer goes on, and then two are at work: of two rounds from one head only one can replace the
head's row (`head.swap_head`, compare-and-swap), and the other has committed nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from registry.errors import RegistryError
from registry.ledger.head import Log
from registry.ledger.storage import LogBusy


@contextmanager
def turn(engine: Engine, log: Log) -> Iterator[None]:
    """Hold the log's turn; ``LogBusy`` at once if somebody else has it, also within this process.

    An error of ours that comes out of a turn whose connection died meanwhile is given on as
    ``LogBusy``. Raises ``LogBusy``, ``OSError`` where the lock file cannot be made, and
    SQLAlchemy's ``OperationalError`` where the database is away.
    """
    if engine.dialect.name == "postgresql":
        with _advisory_lock(engine, log.origin):
            yield
    else:
        with _file_lock(engine):
            yield


def lock_key(origin: str) -> int:
    """Return the advisory lock's number for a log: 8 bytes of SHA-256, signed, as bigint is.

    Hashed with a label, so that no other use of the same database meets it by accident.
    """
    digest = hashlib.sha256(b"certreg sequencer\0" + origin.encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@contextmanager
def _file_lock(engine: Engine) -> Iterator[None]:
    if not engine.url.database:
        raise AssertionError  # a database in memory has no second process to be kept out
    # By its real path: two names of one database must not make two locks. One lock for all logs
    # of the database, since only the newest is ever written.
    database = Path(engine.url.database).resolve()
    file = database.with_name(f"{database.name}.turn")
    # The file stays: to remove it would let a third lock a new file of that name while a second
    # still waits on the old one.
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy() from None
        yield
    finally:
        os.close(lock)


@contextmanager
def _advisory_lock(engine: Engine, origin: str) -> Iterator[None]:
    # Out of the pool, so that closing really ends the database's session and with it the lock:
    # one that went back would hold the turn for ever. Without a transaction, which would keep
    # every row version of the round's time from being cleaned up.
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        connection.detach()
        taken = text("SELECT pg_try_advisory_lock(:key)")
        if not connection.execute(taken, {"key": lock_key(origin)}).scalar_one():
            raise _busy()
        try:
            yield
        except RegistryError as error:
            if _lives(connection):
                raise
            # Somebody else may have been at work since, whose newer head looks like a lost or
            # forked log from here. Only who has the turn can tell: to be asked again.
            msg = "the turn was lost with its database connection: run this again"
            raise LogBusy(msg) from error
    finally:
        _end(connection)


def _lives(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _end(connection: Connection) -> None:
    # A connection that died has given the lock back already; what the round did counts.
    with suppress(SQLAlchemyError):
        connection.close()


def _busy() -> LogBusy:
    return LogBusy("another sequencer is at work on this log: wait for it, then run this again")
