"""The database beneath the registry: engine, transactions and column types.

Embedded default is SQLite (WAL, ``synchronous=FULL``: a commit that returned survives a power cut);
PostgreSQL by psycopg 3 is the same code. Times are stored as UTC and come back aware.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, TypeDecorator, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from registry.errors import Overtaken
from registry.store.reading import Reader

READ_ONLY = "certreg_read_only"
_UNIQUE_VIOLATION = "23505"


class Base(DeclarativeBase):
    """The metadata that all aggregates of the store share."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive value is refused rather than guessed at."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the interface's
    ) -> datetime | None:
        """Return the time in UTC for the database; ``ValueError`` for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone cannot be stored"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the interface's
    ) -> datetime | None:
        """Return the stored time as aware UTC (SQLite hands it back without a zone)."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_engine(url: str) -> Engine:
    """Return an engine for ``url`` with the durability settings that the ledger relies on."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN is switched off so that _begin_sqlite decides.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Large pages and a larger cache (32 MiB): a batch's rows are long and go to four indexes. The
    # page size takes effect in a new file only.
    cursor.execute("PRAGMA page_size=16384")
    cursor.execute("PRAGMA cache_size=-32768")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer that starts as a reader can be refused halfway (SQLITE_BUSY_SNAPSHOT) with no retry
    # possible; taking the write lock first makes it wait instead.
    if connection.get_execution_options().get(READ_ONLY, False):
        # Straight to the driver, which costs a tenth: this one waits for nobody and cannot fail.
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def write_unit(engine: Engine) -> Iterator[Session]:
    """Yield a session whose work commits as one transaction, or not at all.

    Raises ``Overtaken`` where PostgreSQL let two look for the same before either stored it.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
            raise
        # The driver's message carries the row's values: it is cut off here.
        msg = "他人刚刚登记了同一内容，本次没有保存；请刷新后核对 (stored by another a moment ago)"
        raise Overtaken(msg) from None


@contextmanager
def read_unit(engine: Engine) -> Iterator[Session]:
    """Yield a session over one consistent snapshot that takes no write lock."""
    options: dict[str, Any] = {READ_ONLY: True}
    if engine.dialect.name == "postgresql":
        # Its default shows each statement another moment: a head, and then the pages of the next.
        options["isolation_level"] = "REPEATABLE READ"
    with (
        engine.connect().execution_options(**options) as connection,
        Reader(connection, expire_on_commit=False) as session,
    ):
        yield session


def only_reads(session: Session) -> bool:
    """Say whether a session's snapshot takes no writes: what it sees has been committed."""
    return isinstance(session, Reader)
