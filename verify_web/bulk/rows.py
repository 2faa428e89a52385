"""The rows that an employer asks about: what a row needs, and what is wrong with a table.

A row has a certificate number and one more fact: the holder's name, or the last six characters
of the ID number. Nothing is accepted while a row lacks that: every fault is named by its row.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from signing.mirror import LAST_SIX_LENGTH, Factor, normalise
from signing.receipt import MAX_RECEIPT_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_ROWS: Final = MAX_RECEIPT_ROWS
"""Rows of one table."""

LONGEST: Final = {"number": 40, "name": 80, "last_six": 12}
"""Characters of a cell."""

MOST_FAULTS: Final = 20
"""Faults listed; of further ones only the count is told."""

_UNPLAIN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, lone surrogates, line and paragraph separators."""


class AskedRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One row as typed, with its number in the sheet (from 1); an absent fact is ""."""

    place: int
    number: str
    name: str
    last_six: str

    def facts(self) -> Mapping[Factor, str]:
        """Give the two facts that are looked up by: the name where there is one.

        The last six are compared with what the name has found: see `verify_web.bulk.checker`.
        """
        if self.name:
            return {Factor.NUMBER: self.number, Factor.NAME: self.name}
        return {Factor.NUMBER: self.number, Factor.LAST_SIX: self.last_six}


class RowFault(StrEnum):
    """What is wrong with one row; the words are in `verify_web.bulk.wording`."""

    NO_NUMBER = "no-number"
    NO_FACT = "no-fact"
    LAST_SIX_LENGTH = "last-six-length"
    TOO_LONG = "too-long"
    BAD_CHARACTER = "bad-character"


class TableFault(StrEnum):
    """Why a table cannot be read at all."""

    NOT_A_TABLE = "not-a-table"
    OLD_OR_LOCKED = "old-or-locked"
    ENCODING = "encoding"
    NO_HEADER = "no-header"
    EMPTY = "empty"
    TOO_MANY_ROWS = "too-many-rows"


class Faulty(msgspec.Struct, frozen=True, kw_only=True):
    """A fault with the row it is in."""

    place: int
    fault: RowFault


def row_faults(rows: Iterable[AskedRow]) -> list[Faulty]:
    """List what is wrong, in the order of the rows; empty for a table that can be checked."""
    found = []
    for row in rows:
        fault = _fault(row)
        if fault is not None:
            found.append(Faulty(place=row.place, fault=fault))
    return found


def is_plain(text: str) -> bool:
    """Whether a spreadsheet gives this text back as it was written, on one line.

    Without control characters, lone surrogates and U+FFFE or the like, which no XML may hold: a
    true table that could not be read would be called false. Unassigned characters are let be, as
    a name may be written with one that is newer than our tables.
    """
    return not any(
        unicodedata.category(one) in _UNPLAIN
        or ord(one) & 0xFFFE == 0xFFFE  # noqa: PLR2004 -- the last two of each plane
        or "\ufdd0" <= one <= "\ufdef"
        for one in text
    )


def _fault(row: AskedRow) -> RowFault | None:
    cells = {"number": row.number, "name": row.name, "last_six": row.last_six}
    if any(len(text) > LONGEST[cell] for cell, text in cells.items()):
        return RowFault.TOO_LONG
    if not all(map(is_plain, cells.values())):
        return RowFault.BAD_CHARACTER
    if not normalise(Factor.NUMBER, row.number):
        return RowFault.NO_NUMBER
    last_six = normalise(Factor.LAST_SIX, row.last_six)
    if not last_six and not normalise(Factor.NAME, row.name):
        return RowFault.NO_FACT
    if last_six and len(last_six) != LAST_SIX_LENGTH:
        return RowFault.LAST_SIX_LENGTH
    return None


def pack_rows(rows: Sequence[AskedRow]) -> bytes:
    """Write rows as they are kept until their job is done."""
    return msgspec.msgpack.encode(rows)


def unpack_rows(data: bytes) -> list[AskedRow]:
    """Read what `pack_rows` wrote."""
    return msgspec.msgpack.decode(data, type=list[AskedRow])
