"""Publication: what the public site reads, written from what the ledger has committed.

The states first, then the mirror entries of every group that is in the log and not yet published,
all of it as far as a checkpoint reaches that the trust policy accepts; then the entries of
certificates whose reporting has gone on since. It can be cut off anywhere and run again: a group
counts as published, and a change as written, only after its entries are durable, and writing an
entry twice gives one entry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from registry.ledger.accepted import accepted_checkpoint
from registry.ledger.events import entries_from, read_entry
from registry.ledger.guards import refuse_frozen
from registry.ledger.head import Log
from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import StorageFailed
from registry.office.certificates import open_certificate
from registry.office.chain import chains_of
from registry.office.context import Context
from registry.office.editions import NEW_EDITION
from registry.publish_missing import add_missing, is_whole, mark_new
from registry.publish_status import publish_status
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.log import EventGroup
from registry.store.uploads import ChainChange
from signing.errors import MalformedMirror
from signing.mirror import (
    SCHEMA,
    Chain,
    Factor,
    MirrorEntry,
    MirrorRows,
    entry_id_of,
    open_index,
    pairs,
    seal_rows,
    tag_and_key,
)
from signing.mirror_files import FILES_SCHEMA
from signing.record import parse_record
from signing.tlog.tiles import TILE_WIDTH

CHUNK = 8 * TILE_WIDTH
"""Entries written at a time: whole pages of events, bounding memory and lock time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the public files go, and the pepper (32 bytes) of the mirror's index."""

    public: Path
    pepper: bytes

    @property
    def mirror(self) -> Path:
        """The mirror: a SQLite file that only this module writes."""
        return self.public / "mirror.db"


def publish(engine: Engine, log: Log, site: Site, context: Context) -> int:
    """Bring the public files up to the accepted checkpoint; return how many entries were written.

    One at a time: of two publishers the slower would put an older status back. Raises
    ``LogBusy`` or ``StorageFailed``.
    """
    folder = site.public / "status"
    with LocalStorage(folder).exclusive():
        accepted = accepted_checkpoint(log)
        if accepted is None:
            return 0
        try:
            with read_unit(engine) as session:
                # A publisher that began before a freeze would put the frozen log's states back.
                refuse_frozen(session, log.origin)
            publish_status(engine, log, folder, accepted)
            with read_unit(engine) as session:
                groups = session.scalars(
                    select(EventGroup)
                    .where(
                        EventGroup.published.is_(False),
                        EventGroup.first_index + EventGroup.count <= accepted.checkpoint.size,
                    )
                    .order_by(EventGroup.first_index)
                ).all()
            written = sum(_publish_group(engine, group, site, context) for group in groups)
            if not is_whole(site.mirror):
                with open_mirror(site.mirror) as mirror:
                    add_missing(engine, mirror, site.pepper, context)
            written += _publish_changes(engine, site, context)
        except sqlite3.Error as error:
            msg = (
                f"the public mirror cannot be written ({type(error).__name__}): make room or mend "
                "public/mirror.db, then run `certreg anchor` again"
            )
            raise StorageFailed(msg) from None
        return written


def _publish_group(engine: Engine, group: EventGroup, site: Site, context: Context) -> int:
    written = 0
    with open_mirror(site.mirror) as mirror:
        for start in range(0, group.certificates, CHUNK):
            with read_unit(engine) as session:
                rows = list(_sealed(session, group, start, site, context))
            _store(mirror, rows, site.pepper)
            written += len(rows)
        with read_unit(engine) as session:
            _store(mirror, list(_superseded(session, group, site, context)), site.pepper)
    with write_unit(engine) as session:
        session.execute(
            update(EventGroup)
            # Only where it was read: a successor's log gives the group another place.
            .where(
                EventGroup.group_id == group.group_id,
                EventGroup.first_index == group.first_index,
            )
            .values(published=True)
        )
    return written


def _publish_changes(engine: Engine, site: Site, context: Context) -> int:
    """Write the entries anew whose reporting has gone on; those of no published group wait."""
    written = 0
    while True:
        with read_unit(engine) as session:
            changes, rows = _changed(session)
            sealed = list(_sealed_anew(session, rows, site, context))
        if not changes:
            return written
        with open_mirror(site.mirror) as mirror:
            _store(mirror, sealed, site.pepper)
        with write_unit(engine) as session:
            # By number: what changed once more since it was read has a later one.
            session.execute(delete(ChainChange).where(ChainChange.change_id.in_(changes)))
        written += len(sealed)


def _changed(session: Session) -> tuple[list[int], list[Certificate]]:
    found = session.execute(
        select(ChainChange.change_id, Certificate)
        .join(Certificate, Certificate.status_index == ChainChange.status_index)
        .join(EventGroup, EventGroup.group_id == Certificate.group_id)
        .where(EventGroup.published)
        .order_by(ChainChange.change_id)
        .limit(CHUNK)
    ).all()
    rows = {row.status_index: row for _change, row in found}
    return [change for change, _row in found], list(rows.values())


def _sealed_anew(
    session: Session, rows: list[Certificate], site: Site, context: Context
) -> Iterator[tuple[MirrorEntry, MirrorRows]]:
    chains = chains_of(session, rows)
    for row in rows:
        home = session.get_one(EventGroup, row.group_id)
        leaf = read_entry(session, row.group_id, row.status_index - (home.first_status or 0))
        chain = chains[row.status_index]
        yield _seal(session, row, home, leaf, chain=chain, site=site, context=context)


@contextmanager
def open_mirror(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the mirror for writing, with its tables; a commit is durable when it returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        # No WAL: readers open the file read-only and must not need to create a side file.
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-32768")
        mark_new(connection)
        connection.executescript(SCHEMA + FILES_SCHEMA)
        yield connection


def _sealed(
    session: Session, group: EventGroup, start: int, site: Site, context: Context
) -> Iterator[tuple[MirrorEntry, MirrorRows]]:
    if group.first_status is None:
        return
    end = min(start + CHUNK, group.certificates)
    first = group.first_status
    rows = session.scalars(
        select(Certificate)
        .where(
            Certificate.status_index >= first + start,
            Certificate.status_index < first + end,
        )
        .order_by(Certificate.status_index)
    )
    found = rows.all()
    chains = chains_of(session, found)
    leaves = entries_from(session, group.group_id, start)
    for row, leaf in zip(found, leaves, strict=False):
        chain = chains[row.status_index]
        yield _seal(session, row, group, leaf, chain=chain, site=site, context=context)


def _superseded(
    session: Session, group: EventGroup, site: Site, context: Context
) -> Iterator[tuple[MirrorEntry, MirrorRows]]:
    """Yield the old editions that this group's certificates replace, now pointing on."""
    if group.kind not in NEW_EDITION or group.first_status is None:
        return
    old = session.scalars(
        select(Certificate).where(Certificate.superseded_by == group.first_status)
    ).one()
    home = session.get_one(EventGroup, old.group_id)
    leaf = read_entry(session, old.group_id, old.status_index - (home.first_status or 0))
    chain = chains_of(session, [old])[old.status_index]
    yield _seal(session, old, home, leaf, chain=chain, site=site, context=context)


def _seal(
    session: Session,
    row: Certificate,
    group: EventGroup,
    leaf: bytes,
    *,
    chain: Chain,
    site: Site,
    context: Context,
) -> tuple[MirrorEntry, MirrorRows]:
    opened = open_certificate(row, context)
    following = "" if row.superseded_by is None else _token(session, row.superseded_by)
    entry = MirrorEntry(
        envelope=opened.envelope,
        opening=opened.opening,
        entry=leaf,
        index=(group.first_index or 0) + row.status_index - (group.first_status or 0),
        status_index=row.status_index,
        token=row.token,
        superseded_by=following,
        batch=row.batch_id,
        chain=chain,
    )
    return entry, seal_rows(site.pepper, entry, context.random, record=opened.record)


def _token(session: Session, status_index: int) -> str:
    return session.get_one(Certificate, status_index).token


def _store(
    mirror: sqlite3.Connection,
    rows: list[tuple[MirrorEntry, MirrorRows]],
    pepper: bytes,
) -> None:
    mirror.execute("BEGIN IMMEDIATE")
    try:
        known = _known(mirror, [sealed.entry_id for _entry, sealed in rows])
        for entry, sealed in rows:
            if sealed.entry_id in known:
                _forget(mirror, entry, pepper)
        mirror.executemany(
            "INSERT INTO entries VALUES (?, ?)",
            [(sealed.entry_id, sealed.sealed) for _entry, sealed in rows],
        )
        mirror.executemany(
            "INSERT INTO tags VALUES (?, ?)",
            # In the order of the index: neighbours share a page, which is then written once.
            sorted(pair for _entry, sealed in rows for pair in sealed.index_rows),
        )
    except BaseException:
        mirror.execute("ROLLBACK")
        raise
    mirror.execute("COMMIT")


def _known(mirror: sqlite3.Connection, entry_ids: list[bytes]) -> set[bytes]:
    query = "SELECT 1 FROM entries WHERE entry_id = ?"
    return {item for item in entry_ids if mirror.execute(query, (item,)).fetchone()}


def _forget(mirror: sqlite3.Connection, entry: MirrorEntry, pepper: bytes) -> None:
    """Delete an entry and its index rows; other certificates may share a tag and stay."""
    entry_id = entry_id_of(pepper, entry.token)
    record = parse_record(entry.envelope.payload)
    for factors in ({Factor.TOKEN: entry.token}, *pairs(record)):
        tag, wrapping = tag_and_key(pepper, factors)
        for (wrapped,) in mirror.execute(
            "SELECT wrapped FROM tags WHERE tag = ?", (tag,)
        ).fetchall():
            try:
                owner, _key = open_index(wrapping, tag, wrapped)
            except MalformedMirror:
                continue
            if owner == entry_id:
                mirror.execute("DELETE FROM tags WHERE tag = ? AND wrapped = ?", (tag, wrapped))
    mirror.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,))
