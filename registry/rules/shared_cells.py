"""The cells of a row that many rows share: ID type, occupation, level, conclusion, issue date.

A batch has thousands of persons but a handful of occupations, levels and dates, so each distinct
combination is read once and looked up afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from registry.rules.dates import check_issue_date, read_date
from registry.rules.findings import WARNINGS, Fault, FindingCode
from registry.rules.levels import read_level
from registry.rules.occupations import read_direction, read_occupation_code
from registry.rules.people import IdType, read_id_type
from registry.rules.text import EXACT_BELOW, Cell, cell_text, shown, squeeze, tidy

if TYPE_CHECKING:
    from collections.abc import Callable

PASSED: Final = "合格"
LONGEST_TEXT: Final = 60

# A file that never repeats a combination must not fill the memory.
_REMEMBERED_AT_MOST: Final = 4096
# Names in Latin letters stand on foreign documents and on some residence permits, never on a
# resident ID card.
_LATIN_ALLOWED: Final = frozenset(IdType) - {IdType.RESIDENT_ID}
_ADMISSION: Final = re.compile(r"[0-9A-Za-z-]{1,32}")

SharedKey = tuple[Cell, Cell, Cell, Cell, Cell, Cell, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCells:
    """What one combination says. ``faults`` holds (column, fault); ``blank`` if all are empty.

    ``latin`` says that names on this kind of document may be in Latin letters. ``sound`` is False
    when an error stands among the faults or a column is absent: no candidate can come of such a
    row.
    """

    id_type: IdType | None
    latin: bool
    occupation: str
    occupation_code: str
    direction: str
    level: str
    issued: date
    faults: tuple[tuple[str, Fault], ...]
    sound: bool
    blank: bool


def missing(column: str, cell: Cell) -> list[tuple[str, Fault]]:
    """Fault a blank cell; an absent column was faulted once, in the header."""
    return [] if cell is None else [(column, Fault(code=FindingCode.VALUE_MISSING))]


class SharedReader:
    """Reads combinations; ``levels`` are the symbols the issuer is filed for.

    ``history``: an old date of issue is what is expected, and no warning.
    """

    def __init__(
        self,
        *,
        levels: frozenset[str],
        today: date,
        drawable: Callable[[str], bool],
        history: bool = False,
    ) -> None:
        """Take the bounds that every row is held against."""
        self._history = history
        self._levels = levels
        self._today = today
        self._drawable = drawable
        self._known: dict[SharedKey, SharedCells] = {}

    def read(self, key: SharedKey) -> SharedCells:
        """Read a combination of raw cells, in the order of SharedKey."""
        shared = self._known.get(key)
        if shared is None:
            if len(self._known) >= _REMEMBERED_AT_MOST:
                self._known.clear()
            shared = self._known[key] = self._read(key)
        return shared

    def _read(self, key: SharedKey) -> SharedCells:
        faults: list[tuple[str, Fault]] = []
        id_type, occupation, code, direction, level, conclusion, issued = key
        kind = self._id_type(id_type, faults)
        name = self._text("occupation", occupation, faults, required=True)
        trade = read_direction(self._text("direction", direction, faults, required=False))
        number = self._code(code, faults)
        symbol = self._level(level, faults)
        faults += _conclusion_faults(conclusion)
        day = self._issued(issued, faults)
        absent = None in (id_type, occupation, code, level, conclusion, issued)
        return SharedCells(
            id_type=kind,
            latin=kind in _LATIN_ALLOWED,
            occupation=name,
            occupation_code=number,
            direction=trade,
            level=symbol,
            issued=day,
            faults=tuple(faults),
            sound=not absent and all(fault.code in WARNINGS for _, fault in faults),
            blank=not any(squeeze(cell_text(cell)) for cell in key),
        )

    def _id_type(self, cell: Cell, faults: list[tuple[str, Fault]]) -> IdType | None:
        text = squeeze(cell_text(cell))
        kind = read_id_type(text) if text else None
        if isinstance(kind, Fault):
            faults.append(("id_type", kind))
            return None
        if kind is None:
            faults += missing("id_type", cell)
        return kind

    def _text(
        self, column: str, cell: Cell, faults: list[tuple[str, Fault]], *, required: bool
    ) -> str:
        text = tidy(cell_text(cell))
        if not text and required:
            faults += missing(column, cell)
        if len(text) > LONGEST_TEXT:
            facts = {"length": str(len(text)), "limit": str(LONGEST_TEXT)}
            faults.append((column, Fault(code=FindingCode.VALUE_TOO_LONG, facts=facts)))
        for place, char in enumerate(text):
            if char != " " and not self._drawable(char):
                facts = {"position": str(place + 1), "codepoint": f"U+{ord(char):04X}"}
                faults.append((column, Fault(code=FindingCode.TEXT_NOT_DRAWABLE, facts=facts)))
                break
        return text

    def _code(self, cell: Cell, faults: list[tuple[str, Fault]]) -> str:
        text = squeeze(cell_text(cell))
        if not text:
            faults += missing("occupation_code", cell)
            return ""
        code = read_occupation_code(text)
        if isinstance(code, Fault):
            faults.append(("occupation_code", code))
            return ""
        return code

    def _level(self, cell: Cell, faults: list[tuple[str, Fault]]) -> str:
        text = squeeze(cell_text(cell))
        if not text:
            faults += missing("level", cell)
            return ""
        level = read_level(text)
        if isinstance(level, Fault):
            faults.append(("level", level))
            return ""
        if level.symbol not in self._levels:
            facts = {"value": level.printed}
            faults.append(("level", Fault(code=FindingCode.LEVEL_OUT_OF_SCOPE, facts=facts)))
        return level.symbol

    def _issued(self, cell: Cell, faults: list[tuple[str, Fault]]) -> date:
        if not squeeze(cell_text(cell)):
            faults += missing("issued", cell)
            return date.min
        issued = read_date(cell)
        if isinstance(issued, Fault):
            faults.append(("issued", issued))
            return date.min
        fault = check_issue_date(issued, today=self._today)
        old = fault is not None and fault.code is FindingCode.DATE_OLD
        if fault is not None and not (old and self._history):
            faults.append(("issued", fault))
        return issued


def _conclusion_faults(cell: Cell) -> list[tuple[str, Fault]]:
    text = squeeze(cell_text(cell))
    if not text:
        return missing("conclusion", cell)
    if text == PASSED:
        return []
    facts = {"value": shown(text, "合格通过未不")}
    return [("conclusion", Fault(code=FindingCode.CONCLUSION_NOT_PASSED, facts=facts))]


def read_admission(cell: Cell) -> str | Fault:
    """Read an examination admission number (准考证号); blank gives ""."""
    if not isinstance(cell, str) and abs(cell or 0) >= EXACT_BELOW:
        return Fault(code=FindingCode.ADMISSION_AS_NUMBER)
    text = squeeze(cell_text(cell))
    if text and not _ADMISSION.fullmatch(text):
        return Fault(code=FindingCode.ADMISSION_FORM)
    return text
