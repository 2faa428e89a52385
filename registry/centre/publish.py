"""`public/`: the card, and `lookup.db`, which the centre's lookup reads of all its cities.

The cities' mirrors cannot be put together: an entry there names a leaf by its index alone and is
opened by one site's secret, while here are many logs. So this file has less: number, city, state,
edition, days. All of that but the day of receipt is public in the city's log; nobody is named.
Whose certificate it is, the city's site says to who knows two facts.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from registry.centre.cards import newest_card
from registry.centre.errors import CentreNotReady
from registry.centre.store import Certificate, City, Visible, read_unit
from signing.steps import CHINA
from signing.tlog.entry import parse_time
from signing.upload.centre_card import CENTRE_FILE

LOOKUP_FILE: Final = "lookup.db"
_SCHEMA: Final = """
CREATE TABLE certificates (
    number TEXT PRIMARY KEY, city TEXT NOT NULL, site TEXT NOT NULL, state TEXT NOT NULL,
    edition INTEGER NOT NULL, received TEXT NOT NULL, visible TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE published (id INTEGER PRIMARY KEY CHECK (id = 0), receipt INTEGER NOT NULL,
    visible INTEGER NOT NULL) STRICT;
INSERT INTO published VALUES (0, 0, 0);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A certificate as the lookup shows it; `received` and `visible` are days, or ""."""

    number: str
    city: str
    site: str
    state: str
    edition: int
    received: str
    visible: str


def publish_all(engine: Engine, public: Path) -> int:
    """Write the file anew and put it in the old one's place; return how many numbers it has."""
    with _alone(public):
        return _write_anew(engine, public)


def publish_new(engine: Engine, public: Path) -> int:
    """Add what came since the file was written; a file that is missing or damaged is made anew."""
    with _alone(public):
        try:
            with closing(_opened(public)) as file:
                return _bring_up(engine, file)
        except sqlite3.DatabaseError:
            return _write_anew(engine, public)


@contextmanager
def _alone(public: Path) -> Iterator[None]:
    """Keep other writers away; the kernel lets go when a writer is killed.

    One that waited for the old file's own lock would then write into a file that is replaced, and
    its journal, found by name, would be played back onto the new one.
    """
    public.mkdir(parents=True, exist_ok=True)
    folder = os.open(public, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _opened(public: Path) -> sqlite3.Connection:
    uri = f"{(public / LOOKUP_FILE).absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)


def _write_anew(engine: Engine, public: Path) -> int:
    part = public / f".{LOOKUP_FILE}.part"
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part, isolation_level=None)) as file:
        file.executescript(_SCHEMA)
        count = _bring_up(engine, file)
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    _end_journal(public)
    part.replace(public / LOOKUP_FILE)
    return count


def _end_journal(public: Path) -> None:
    """Play back what a writer that was killed left: the name's next file must not have it."""
    try:
        with closing(_opened(public)) as old:
            # The old file is whole again before its journal goes: a crash here loses nothing.
            old.execute("BEGIN IMMEDIATE")
            old.execute("ROLLBACK")
    except sqlite3.DatabaseError:
        # Missing or damaged: there is nothing to bring back.
        pass
    (public / f"{LOOKUP_FILE}-journal").unlink(missing_ok=True)


def publish_card(engine: Engine, public: Path) -> None:
    """Write `centre.json` as the newest card has it."""
    # Read under the lock: of two who publish, the later one never writes the older card.
    with _alone(public):
        with read_unit(engine) as session:
            data = newest_card(session).data
        part = public / f".{CENTRE_FILE}.part"
        with part.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(public / CENTRE_FILE)


def look_up(public: Path, number: str) -> Listed | None:
    """Return a certificate by its number; None if no city has reported it.

    Raises CentreNotReady where the file cannot be read.
    """
    try:
        uri = f"{(public / LOOKUP_FILE).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as file:
            query = (
                "SELECT number, city, site, state, edition, received, visible"
                " FROM certificates WHERE number = ?"
            )
            found = file.execute(query, (number,)).fetchone()
    except sqlite3.Error:
        raise CentreNotReady("查询库暂不可用 (the lookup file cannot be read)") from None
    if found is None:
        return None
    number, city, site, state, edition, received, visible = found
    return Listed(
        number=number,
        city=city,
        site=site,
        state=state,
        edition=edition,
        received=received,
        visible=visible,
    )


def _bring_up(engine: Engine, file: sqlite3.Connection) -> int:
    # The lock first: of two writers the second begins where the first has ended.
    file.execute("BEGIN IMMEDIATE")
    receipt, visible = file.execute("SELECT receipt, visible FROM published").fetchone()
    with read_unit(engine) as session:
        rows = list(_changed(session, receipt, visible))
        marks = _marks(session)
    file.executemany("INSERT OR REPLACE INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    file.execute("UPDATE published SET receipt = ?, visible = ?", marks)
    file.execute("COMMIT")
    return len(rows)


def _changed(
    session: Session, receipt: int, visible: int
) -> Iterator[tuple[str, str, str, str, int, str, str]]:
    query = (
        select(Certificate, City.title, City.site, Visible.seen_on)
        .join(City, City.name == Certificate.city)
        .outerjoin(Visible, Visible.number == Certificate.number)
        .where((Certificate.receipt > receipt) | (Visible.id > visible))
    )
    for found, city, site, seen_on in session.execute(query):
        state = "withdrawn" if found.withdrawn else "valid"
        day = parse_time(found.received).astimezone(CHINA).date().isoformat()
        yield found.number, city, site, state, found.edition, day, seen_on or ""


def _marks(session: Session) -> tuple[int, int]:
    found: Iterable[int | None] = (
        session.scalar(select(Certificate.receipt).order_by(Certificate.receipt.desc()).limit(1)),
        session.scalar(select(Visible.id).order_by(Visible.id.desc()).limit(1)),
    )
    newest, seen = (mark or 0 for mark in found)
    return newest, seen
