"""Publication of the states: the list that the site reads, and one status file for each page.

Nothing here goes out before a checkpoint that the trust policy accepts covers it. Where the newest
checkpoint still waits for witnesses, what is public stays as it was, complete and with its own
"as of": so a witness that is away makes the answers older and never takes them back.

A crash leaves old or new bytes of each file, each true by itself; the next publication goes on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from registry.ledger.head import Head, Log, load_head
from registry.ledger.local_storage import LocalStorage
from registry.ledger.statuses import StatusTable
from registry.ledger.storage import StorageFailed
from registry.store.base import read_unit
from signing.errors import SigningError
from signing.statusfile import (
    StatusFile,
    format_status_file,
    parse_status_file,
    status_file_name,
    status_file_of,
)
from signing.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from signing.tlog.entry import parse_time
from signing.tlog.paths import inclusion_path
from signing.tlog.status import PAGE_BYTES, PAGE_CERTIFICATES, StatusPages, verify_staple
from signing.tlog.tiles import TileReader

KEPT_PAGES: Final = 3
"""Older page files are kept for readers that are in the middle of an answer."""

REFRESH: Final = timedelta(hours=1)
"""A page that says what it said is proven anew this often, not at each of many rounds a second."""


def publish_status(engine: Engine, log: Log, folder: Path, accepted: SignedCheckpoint) -> None:
    """Write the pages and pointer of the newest status entry, and the status files.

    Does nothing while ``accepted`` does not cover that entry. Raises ``StorageFailed``.
    """
    with read_unit(engine) as session:
        head = load_head(session, log.origin)
        if not head.status_entry or not head.status_leaf < accepted.checkpoint.size <= head.size:
            return
        pages = StatusTable.load(session, head.status_entry).pages
    storage = LocalStorage(folder)
    _write_list(storage, folder, head, pages)
    try:
        storage.write_all(_changed_files(storage, log, head, pages, accepted))
    except SigningError as error:
        msg = (
            f"the status files cannot be proven from the log ({error.code}): run `certreg log "
            "fsck`, restore the named files, then run `certreg anchor` again"
        )
        raise StorageFailed(msg) from None


def _write_list(storage: LocalStorage, folder: Path, head: Head, pages: bytes) -> None:
    latest = json.dumps(
        {
            "entry": base64.b64encode(head.status_entry).decode(),
            "entry_index": head.status_leaf,
        }
    ).encode()
    name = f"pages-{head.status_leaf}.bin"
    if _read(storage, "latest.json") == latest and _read(storage, name) == pages:
        return
    storage.write_all([(name, pages)])
    storage.write_all([("latest.json", latest)])
    # By age, not by index: a log that follows a frozen one begins to count anew.
    files = sorted(folder.glob("pages-*.bin"), key=lambda file: file.stat().st_mtime_ns)
    for old in files[:-KEPT_PAGES]:
        if old.name != name:
            old.unlink(missing_ok=True)


def _changed_files(
    storage: LocalStorage, log: Log, head: Head, pages: bytes, accepted: SignedCheckpoint
) -> Iterator[tuple[str, bytes]]:
    checkpoint = accepted.checkpoint
    tree = TileReader(log.storage.read).at(checkpoint.size)
    entry_path = tuple(inclusion_path(head.status_leaf, checkpoint.size, tree))
    states, standing = StatusPages(pages), _Standing(log)
    for page in range(len(pages) // PAGE_BYTES):
        staple = states.staple(
            page * PAGE_CERTIFICATES,
            entry=head.status_entry,
            entry_index=head.status_leaf,
            entry_path=entry_path,
        )
        # Before it goes out: a proof from a damaged tile would make everybody doubt the office.
        verify_staple(staple, checkpoint)
        fresh, name = status_file_of(staple, accepted.note), status_file_name(page)
        if not standing.serves(_read(storage, name), fresh):
            yield name, format_status_file(fresh)


class _Standing:
    """Judges files that are public already; many bear the same note, which is opened once."""

    __slots__ = ("_log", "_opened")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._opened: dict[bytes, SignedCheckpoint] = {}

    def serves(self, data: bytes | None, fresh: StatusFile) -> bool:
        """Whether the file proves what ``fresh`` would, and from not much earlier."""
        if data is None:
            return False
        try:
            old = parse_status_file(data)
            if old == fresh:
                return True
            age = parse_time(fresh.status().time) - parse_time(old.status().time)
            return (
                (old.first, old.page, _last(old)) == (fresh.first, fresh.page, _last(fresh))
                and timedelta() <= age < REFRESH
                and self._holds(old)
            )
        except SigningError:
            return False

    def _holds(self, file: StatusFile) -> bool:
        note = file.proof.checkpoint_note
        if note not in self._opened:
            self._opened[note] = open_checkpoint(note, self._log.policy)
        checkpoint = self._opened[note].checkpoint
        verify_staple(file.staple(file.first), checkpoint)
        return checkpoint.origin == self._log.origin


def _last(file: StatusFile) -> int:
    """Return up to which certificate the file speaks: a blank place looks like a valid one."""
    return min(file.status().count, file.first + PAGE_CERTIFICATES)


def _read(storage: LocalStorage, name: str) -> bytes | None:
    try:
        return storage.read(name)
    except FileNotFoundError:
        return None
