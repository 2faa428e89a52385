"""Reads the mirror: one sealed entry by its token, or a person's by two facts.

Both reads of a request see one state of the file (`verify_web.mirrorfile`). A row that
is missing or does not open is a damaged mirror (ServiceTrouble), never 未找到: only an index
without any row for these facts means that.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signing.errors import SigningError
from signing.mirror import (
    Factor,
    MirrorEntry,
    last_six,
    normalise,
    open_entry,
    open_index,
    tag_and_key,
)
from signing.mirror_files import file_tag_and_key, open_file
from signing.record import Record, parse_record
from verify_web.errors import ServiceTrouble
from verify_web.mirrorfile import MirrorFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from signing.mirror_files import ReleasedFile

MOST_SHOWN: Final = 50
"""Editions of certificates of one person; nobody comes near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An opened entry, with its record parsed."""

    entry: MirrorEntry
    record: Record


class Mirror:
    """HOME/public/mirror.db under the site's pepper. Safe to share between threads."""

    def __init__(self, path: Path, pepper: bytes) -> None:
        self._file = MirrorFile(path)
        self._pepper = pepper

    def check(self) -> None:
        """Read one row. Raises ServiceTrouble."""
        self._open_all(tag=b"", key=b"")

    def by_token(self, token: str) -> MirrorEntry | None:
        """Find the edition with this QR token. Raises ServiceTrouble."""
        tag, key = tag_and_key(self._pepper, {Factor.TOKEN: token})
        entries = self._open_all(tag=tag, key=key)
        if not entries:
            return None
        # A second row under one token, or an entry of another: somebody wrote it by hand.
        if len(entries) > 1 or entries[0].token != token:
            raise ServiceTrouble("the mirror's row for this token is not of this token")
        return entries[0]

    def by_facts(self, facts: Mapping[Factor, str]) -> tuple[Found, ...]:
        """Find all editions to which two or more facts belong. Raises ServiceTrouble.

        Exactly one index read, however many facts and whatever they are, so the time taken
        does not tell which of them exists. The further ones are compared within the entries.
        """
        known = {factor: normalise(factor, value) for factor, value in facts.items()}
        first, second, *further = sorted(known)
        tag, key = tag_and_key(self._pepper, {first: known[first], second: known[second]})
        found = [_parsed(entry) for entry in self._open_all(tag=tag, key=key)]
        if any(_fact(one.record, each) != known[each] for one in found for each in (first, second)):
            raise ServiceTrouble("the mirror's row does not belong to the facts it stands under")
        return tuple(
            one for one in found if all(_fact(one.record, each) == known[each] for each in further)
        )

    def released(self, digest: bytes) -> ReleasedFile | None:
        """Find what is kept of the file with this SHA-256. Raises ServiceTrouble."""
        tag, key = file_tag_and_key(self._pepper, digest)
        try:
            with self._file.reading() as cursor:
                # A mirror that was written before there was such a table.
                there = cursor.execute(
                    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'files'"
                ).fetchone()
                query = "SELECT sealed FROM files WHERE tag = ?"
                row = cursor.execute(query, (tag,)).fetchone() if there else None
            return open_file(key, tag, row[0]) if row else None
        except (sqlite3.Error, SigningError) as error:
            raise ServiceTrouble(f"mirror: {type(error).__name__}") from None

    def _open_all(self, *, tag: bytes, key: bytes) -> list[MirrorEntry]:
        try:
            # One transaction: a publication between the two reads must not part them.
            with self._file.reading() as cursor:
                rows = cursor.execute(
                    "SELECT wrapped FROM tags WHERE tag = ? LIMIT ?", (tag, MOST_SHOWN)
                ).fetchall()
                return [_opened(cursor, *open_index(key, tag, row[0])) for row in rows]
        except (sqlite3.Error, SigningError) as error:
            raise ServiceTrouble(f"mirror: {type(error).__name__}") from None


def _opened(cursor: sqlite3.Cursor, entry_id: bytes, key: bytes) -> MirrorEntry:
    row = cursor.execute("SELECT sealed FROM entries WHERE entry_id = ?", (entry_id,)).fetchone()
    if row is None:
        raise ServiceTrouble("the mirror's index names an entry that is not there")
    return open_entry(entry_id, key, row[0])


def _parsed(entry: MirrorEntry) -> Found:
    try:
        return Found(entry=entry, record=parse_record(entry.envelope.payload))
    except SigningError:
        raise ServiceTrouble("an entry of the mirror holds no record") from None


def _fact(record: Record, factor: Factor) -> str:
    match factor:
        case Factor.NUMBER:
            value = record.number
        case Factor.NAME:
            value = record.name
        case Factor.ID_NUMBER:
            value = record.id_number
        case Factor.ADMISSION:
            value = record.admission
        case Factor.LAST_SIX:
            value = last_six(record)
        case Factor.TOKEN:
            value = ""
    return normalise(factor, value)
