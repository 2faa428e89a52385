"""The centre's own database (SQLite): cities, what they sent, receipts, numbers. No person.

A certificate number is public (it stands in the city's log); names and ID numbers stay in the
sealed packages. Times are UTC texts as the receipts have them, so they compare as they read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    ForeignKey,
    Index,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from registry.centre.errors import CentreNotReady

VERSION: Final = 3
_ADDED: Final = (
    ("cities", "pass_history", "BOOLEAN NOT NULL DEFAULT 0"),
    ("submissions", "sequence", "INTEGER"),
    ("submissions", "wants_place", "BOOLEAN NOT NULL DEFAULT 0"),
    ("submissions", "wants_history", "BOOLEAN NOT NULL DEFAULT 0"),
    ("parted", "settled_at", "VARCHAR"),
)
"""Columns that came to tables which an older database has."""
_HEADS_ALONE: Final = 2
"""The version that said of a tree that it was not proven, and kept no step for a person."""
_LIST_UNPROVEN: Final = (
    "INSERT INTO parted (city, upload, code, held, shown, at) "
    "SELECT h.city, COALESCE(r.upload, ''), 'log-unproven', '', h.checkpoint, "
    "COALESCE(r.received, c.added_at) FROM heads h JOIN cities c ON c.name = h.city "
    "LEFT JOIN receipts r ON r.city = c.name AND r.place = c.receipts WHERE NOT h.proven"
)
_READ_ONLY: Final = "centre_read_only"


class Base(DeclarativeBase):
    """The metadata of the centre's tables."""


class City(Base):
    """A city office that may report; its place in the chain of its manifests and receipts."""

    __tablename__ = "cities"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    """What people call it (深圳市)."""
    origin: Mapped[str] = mapped_column(unique=True)
    """The log's origin in the trust folder in force."""
    trust: Mapped[str]
    """Digest of the trust folder in force, which names its folder."""
    site: Mapped[str]
    """The city's public site."""
    added_at: Mapped[str]
    ended_at: Mapped[str | None]
    sequence: Mapped[int] = mapped_column(default=0)
    """Sequence of the last manifest judged for good."""
    manifest: Mapped[str] = mapped_column(default="")
    """Its digest."""
    pass_over: Mapped[bool] = mapped_column(default=False)
    """A person allowed the next manifest to leave a gap."""
    pass_history: Mapped[bool] = mapped_column(default=False)
    """A person allowed the next manifest to have no proof of the log's history."""
    receipts: Mapped[int] = mapped_column(default=0)
    """How many receipts there are."""
    receipt: Mapped[str] = mapped_column(default="")
    """Digest of the last receipt."""


class Prefix(Base):
    """Whose organisations' 13 characters are: the first city that listed them, or as moved."""

    __tablename__ = "prefixes"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    city: Mapped[str] = mapped_column(ForeignKey("cities.name"))


class Submission(Base):
    """A package that was handed in: what became of it. ``state`` is one of intake's."""

    __tablename__ = "submissions"

    city: Mapped[str] = mapped_column(ForeignKey("cities.name"), primary_key=True)
    package: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    code: Mapped[str] = mapped_column(default="")
    submitted_at: Mapped[str]
    judged_at: Mapped[str | None]
    place: Mapped[int | None]
    """Place of its receipt."""
    sequence: Mapped[int | None]
    """Sequence of its manifest, once that was read as the city's."""
    wants_place: Mapped[bool] = mapped_column(default=False)
    """It was not taken because it is not the next one of its city."""
    wants_history: Mapped[bool] = mapped_column(default=False)
    """It was not taken, or would not be, because it lacks a proof of the log's history."""


class Judged(Base):
    """A manifest that was judged for good: by a receipt at ``place``, or refused with ``code``."""

    __tablename__ = "judged"

    city: Mapped[str] = mapped_column(ForeignKey("cities.name"), primary_key=True)
    manifest: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    place: Mapped[int | None]
    code: Mapped[str] = mapped_column(default="")


class StoredReceipt(Base):
    """A signed receipt as it was answered, by its place (1, 2, 3 …) among the city's."""

    __tablename__ = "receipts"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    """Order over all cities, for the lookup file."""
    city: Mapped[str] = mapped_column(ForeignKey("cities.name"))
    place: Mapped[int]
    digest: Mapped[str] = mapped_column(unique=True)
    upload: Mapped[str]
    package: Mapped[str]
    received: Mapped[str]
    accepted: Mapped[int]
    refused: Mapped[int]
    envelope: Mapped[bytes]

    __table_args__ = (Index("receipts_by_city", "city", "place", unique=True),)


class Certificate(Base):
    """A certificate number that a city's row was accepted for, in its newest edition."""

    __tablename__ = "certificates"

    number: Mapped[str] = mapped_column(primary_key=True)
    city: Mapped[str] = mapped_column(ForeignKey("cities.name"))
    edition: Mapped[int]
    record: Mapped[str]
    """SHA-256 of the edition's canonical record: what the next one names as the one before."""
    withdrawn: Mapped[bool] = mapped_column(default=False)
    received: Mapped[str]
    receipt: Mapped[int] = mapped_column(ForeignKey("receipts.number"), index=True)
    """The receipt that changed it last."""


class Conflict(Base):
    """A number that a second city claimed; the first accepted stands. For a person to clear."""

    __tablename__ = "conflicts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(index=True)
    first_city: Mapped[str]
    second_city: Mapped[str]
    upload: Mapped[str]
    row: Mapped[int]
    at: Mapped[str]


class Visible(Base):
    """Since when a number is seen in the national lookup (全国联网可查)."""

    __tablename__ = "visible"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(ForeignKey("certificates.number"), unique=True)
    city: Mapped[str]
    seen_on: Mapped[str]


class Card(Base):
    """A signed card (`centre.json`) as the cities are given it; the newest says which keys sign."""

    __tablename__ = "cards"

    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    data: Mapped[bytes]


class Head(Base):
    """The largest tree of a city's log that a package showed: what later ones must go on from.

    A smaller one never takes its place.
    """

    __tablename__ = "heads"

    city: Mapped[str] = mapped_column(ForeignKey("cities.name"), primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    root: Mapped[str]
    checkpoint: Mapped[str]
    """The whole note with the log's signatures."""
    proven: Mapped[bool]
    """Whether all that was taken was shown to go on from the tree held; once not, never again."""
    proves: Mapped[bool]
    """Whether the city has ever shown that: from then on it must."""


class Parted(Base):
    """A signed checkpoint that is not, or was not shown to be, of one history with the one held.

    Of a package that was refused for good, or taken as not proven. For a person to clear.
    """

    __tablename__ = "parted"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    city: Mapped[str] = mapped_column(ForeignKey("cities.name"))
    upload: Mapped[str]
    code: Mapped[str]
    held: Mapped[str]
    """The checkpoint held, the whole note; "" where an older program held none."""
    shown: Mapped[str]
    """The checkpoint of the package, the whole note: with `held` it convicts the log."""
    at: Mapped[str]
    settled_at: Mapped[str | None]
    """When a person had looked into it; the audit line has the reason."""


class Nonce(Base):
    """A nonce of a signed request, kept until its date is out of the window."""

    __tablename__ = "nonces"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[str] = mapped_column(index=True)


class AuditLine(Base):
    """What was done, by whom, with what outcome; one line for each transaction of a use case."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[str]
    who: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str]
    outcome: Mapped[str] = mapped_column(default="")


def make_database(file: Path) -> None:
    """Make the tables, or take an older database to the present version; safe to run again."""
    engine = _engine(file)
    try:
        # One transaction: a crash leaves no table, or all of them with their version.
        with engine.begin() as connection:
            found = _version(connection)
            if found < VERSION:
                # Tables that are there stay as they are, but for their new columns.
                Base.metadata.create_all(connection)
                _add_columns(connection)
                if found == _HEADS_ALONE:
                    connection.exec_driver_sql(_LIST_UNPROVEN)
                connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    finally:
        engine.dispose()


def open_database(file: Path) -> Engine:
    """Open the database, an older one at the present version; CentreNotReady if it is missing.

    Or of a later program.
    """
    # Opening would make an empty one, which would take every number a second time.
    if not file.is_file():
        raise CentreNotReady(f"{file} is missing: restore it from a backup")
    engine = _engine(file)
    with engine.connect().execution_options(**{_READ_ONLY: True}) as connection:
        found = _version(connection)
    if 0 < found < VERSION:
        make_database(file)
    elif found != VERSION:
        engine.dispose()
        raise CentreNotReady(f"{file} is of version {found}, this program's is {VERSION}")
    return engine


@contextmanager
def write_unit(engine: Engine) -> Iterator[Session]:
    """Yield a session whose work commits as one transaction, or not at all; writers wait."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def read_unit(engine: Engine) -> Iterator[Session]:
    """Yield a session over one consistent snapshot that takes no write lock."""
    with (
        engine.connect().execution_options(**{_READ_ONLY: True}) as connection,
        Session(connection, expire_on_commit=False) as session,
    ):
        yield session


def note(
    session: Session, *, at: str, who: str, what: str, subject: str, outcome: str = ""
) -> None:
    """Add the audit line of this transaction."""
    session.add(AuditLine(at=at, who=who, what=what, subject=subject, outcome=outcome))


def _engine(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _add_columns(connection: Connection) -> None:
    for table, column, kind in _ADDED:
        found = connection.exec_driver_sql(f"PRAGMA table_info({table})")
        if column not in {row[1] for row in found}:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def _version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _prepare(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN is switched off so that _begin decides.
    connection.isolation_level = None
    for setting in (
        "journal_mode=WAL",
        # A commit that was answered by a receipt must survive a power cut.
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
    ):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    # A writer takes the lock before it looks: two packages that both look first could both win.
    reads = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
