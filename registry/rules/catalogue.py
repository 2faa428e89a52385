"""The catalogue of occupations (职业目录) as it is imported: one row an occupation of an edition.

Notice 二: only skilled-worker occupations of the classification (main groups 3 to 6) may be
assessed, and none that stands in the national qualification catalogue (国家职业资格目录). Rows of
the latter are kept, so that a filing that names one is told why it cannot pass.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.rules.findings import Fault, FindingCode, Findings
from registry.rules.levels import BY_SYMBOL, Level, read_level
from registry.rules.occupations import read_direction, read_occupation_code
from registry.rules.text import Cell, cell_text, fold, shown, squeeze, tidy

EDITIONS: Final = (2015, 2022)
"""Editions (版本) of 《中华人民共和国职业分类大典》 that a code may be of."""

LEVEL_ORDER: Final = "54321"
"""Level symbols from the lowest to the highest."""

LONGEST_NAME: Final = 60
LONGEST_DIRECTIONS: Final = 800
STARTER: Final = Path(__file__).with_name("starter_occupations.csv")
"""Twenty common occupations, each by both editions, in the form of the import table.

Codes and names of 2022 were compared with public copies of that edition; what was not compared
stands in docs/operations.md (Registers).
"""

HEADERS: Final = {
    "edition": "分类版本",
    "catalogue_code": "职业编码",
    "catalogue_name": "职业名称",
    "directions": "工种/职业方向",
    "levels": "可认定等级",
    "national": "国家职业资格目录内",
}
"""Column keys and headers of the import table, in its order."""

_COMMAS: Final = dict.fromkeys(map(ord, ",，;；/\n"), "、")
_LEVEL_PARTS: Final = dict.fromkeys(map(ord, ",，;；\n "), "、")
_YES_NO: Final = {"是": True, "否": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One occupation. ``levels``: symbols, lowest first; ``directions``: trades with ``、``."""

    edition: int
    code: str
    name: str
    directions: str
    levels: str
    national: bool


def starter_rows() -> Iterator[tuple[int, dict[str, Cell]]]:
    """Give the starter file's rows as an import reads them: row number and cells by key."""
    with STARTER.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            yield number, {key: row[header] for key, header in HEADERS.items()}


def check_catalogue(
    rows: Iterable[tuple[int, Mapping[str, Cell]]], findings: Findings
) -> tuple[CatalogueRow, ...]:
    """Read rows; add every fault to ``findings`` and give the rows that have none."""
    found = []
    seen: dict[tuple[int, str], int] = {}
    for number, cells in rows:
        if not any(squeeze(cell_text(cell)) for cell in cells.values()):
            continue
        reader = _RowReader(number, cells, findings)
        row = reader.read()
        if row is None:
            continue
        first = seen.setdefault((row.edition, row.code), number)
        if first != number:
            facts = {"value": row.code, "other_row": str(first)}
            reader.fault("catalogue_code", Fault(code=FindingCode.CATALOGUE_TWICE, facts=facts))
            continue
        found.append(row)
    if not found and not findings.errors:
        findings.add(Fault(code=FindingCode.CATALOGUE_EMPTY))
    return tuple(found)


class _RowReader:
    """Reads one row's cells and notes what is wrong; mutable: it lives for one row."""

    def __init__(self, number: int, cells: Mapping[str, Cell], findings: Findings) -> None:
        self._number = number
        self._cells = cells
        self._findings = findings
        self._faulty = False

    def read(self) -> CatalogueRow | None:
        """Give the row, or None after noting its faults."""
        edition = self._edition()
        code = self._code()
        name = self._text("catalogue_name", LONGEST_NAME, required=True)
        directions = self._directions()
        levels = self._levels()
        national = self._national()
        if self._faulty:
            return None
        return CatalogueRow(
            edition=edition,
            code=code,
            name=name,
            directions=directions,
            levels=levels,
            national=national,
        )

    def fault(self, column: str, fault: Fault) -> None:
        """Note one fault."""
        self._faulty = True
        self._findings.add(fault, row=self._number, column=column)

    def _value(self, column: str) -> str:
        return cell_text(self._cells.get(column))

    def _edition(self) -> int:
        text = squeeze(self._value("edition")).removesuffix("年").removesuffix("版")
        if not text:
            self.fault("edition", Fault(code=FindingCode.VALUE_MISSING))
        elif text not in map(str, EDITIONS):
            facts = {"value": shown(text, "0123456789"), "expected": "、".join(map(str, EDITIONS))}
            self.fault("edition", Fault(code=FindingCode.CATALOGUE_EDITION, facts=facts))
        else:
            return int(text)
        return 0

    def _code(self) -> str:
        text = squeeze(self._value("catalogue_code"))
        if not text:
            self.fault("catalogue_code", Fault(code=FindingCode.VALUE_MISSING))
            return ""
        code = read_occupation_code(text)
        if isinstance(code, Fault):
            self.fault("catalogue_code", code)
            return ""
        return code

    def _text(self, column: str, most: int, *, required: bool) -> str:
        text = tidy(self._value(column))
        if not text and required:
            self.fault(column, Fault(code=FindingCode.VALUE_MISSING))
        elif len(text) > most:
            facts = {"length": str(len(text)), "limit": str(most)}
            self.fault(column, Fault(code=FindingCode.VALUE_TOO_LONG, facts=facts))
        return text

    def _directions(self) -> str:
        text = read_direction(self._text("directions", LONGEST_DIRECTIONS, required=False))
        parts = (tidy(part) for part in text.translate(_COMMAS).split("、"))
        return "、".join(dict.fromkeys(part for part in parts if part))

    def _levels(self) -> str:
        text = fold(self._value("levels"))
        if not text:
            self.fault("levels", Fault(code=FindingCode.VALUE_MISSING))
            return ""
        symbols = set(text)
        if not symbols <= BY_SYMBOL.keys():
            symbols = set()
            for part in text.translate(_LEVEL_PARTS).split("、"):
                level = read_level(part) if part else None
                if isinstance(level, Level):
                    symbols.add(level.symbol)
                elif level is not None:
                    self.fault("levels", level)
        return "".join(symbol for symbol in LEVEL_ORDER if symbol in symbols)

    def _national(self) -> bool:
        text = squeeze(self._value("national"))
        if text not in _YES_NO:
            facts = {"value": shown(text, "是否有无在不")}
            self.fault("national", Fault(code=FindingCode.CATALOGUE_YES_NO, facts=facts))
        return _YES_NO.get(text, False)
