"""The demo's spreadsheets: rosters as .xlsx and .csv, one full of deliberate faults, and marks."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from registry.cli.demo_people import DemoPerson, demo_people
from registry.rules.scheme import PartKind
from registry.rules.scores_sheet import NONE, mark_key
from registry.rules.shared_cells import PASSED
from registry.sheets.columns import COLUMNS, SHEET_NAME
from registry.sheets.layout_scores import scores_layout
from registry.sheets.layouts import ROSTER
from registry.sheets.output import new_workbook
from registry.sheets.template import write_empty

Cell = str | int | float
_PARTS: Final = (
    PartKind.THEORY,
    PartKind.SKILL,
    PartKind.SAFETY,
    PartKind.ETHICS,
    PartKind.PERFORMANCE,
    PartKind.REVIEW,
)
_REVIEWED: Final = "21"
"""Levels that are reviewed as a whole too (综合评审); for others the cell stays empty."""

_SIXTY: Final = 60
_NOT_PASSED: Final = frozenset({0, 59})


def row_of(number: int, person: DemoPerson) -> list[Cell]:
    """Return a person's cells in the order of the template's columns."""
    cells: dict[str, Cell] = {
        "sequence": number,
        "name": person.name,
        "id_type": person.id_type,
        "id_number": person.id_number,
        "admission": person.admission,
        "occupation": person.occupation,
        "occupation_code": person.occupation_code,
        "direction": person.direction,
        "level": person.level,
        "conclusion": PASSED,
        "issued": person.issued.isoformat(),
    }
    return [cells[column.key] for column in COLUMNS]


def write_xlsx(file: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows below the template's header as a workbook."""
    with new_workbook(file) as workbook:
        sheet = workbook.add_worksheet(SHEET_NAME)
        for place, column in enumerate(COLUMNS):
            sheet.set_column(place, place, column.width)
        sheet.write_row(0, 0, [column.header for column in COLUMNS])
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, place, cell)
                else:
                    sheet.write_number(number, place, cell)


def write_csv(file: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows below the template's header as Excel in China saves CSV (GB 18030)."""
    with file.open("w", encoding="gb18030", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([column.header for column in COLUMNS])
        writer.writerows(rows)


def roster_rows(people: Iterable[DemoPerson]) -> list[dict[str, str]]:
    """Return the cells of a plan's roster (评价员工名册), by column."""
    return [
        {
            "sequence": str(number),
            "name": person.name,
            "id_type": person.id_type,
            "id_number": person.id_number,
            "employment": "本企业",
            "applied_level": person.level,
        }
        for number, person in enumerate(people, 1)
    ]


def write_roster(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write a roster: a workbook, or what Excel in China saves as CSV, by the file's name."""
    if file.suffix == ".xlsx":
        write_empty(file, ROSTER, {}, rows)
        return
    with file.open("w", encoding="gb18030", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([column.header for column in ROSTER.columns])
        writer.writerows([row.get(column.key, "") for column in ROSTER.columns] for row in rows)


def faulty_roster() -> list[dict[str, str]]:
    """Return rows of a roster of which nearly each has another fault."""
    people = demo_people(8, offset=9_000, issued=date(2026, 1, 1))
    wrong = "0" if people[0].id_number[-1] != "0" else "1"
    people[0] = replace(people[0], id_number=people[0].id_number[:-1] + wrong)
    people[1] = replace(people[1], name="王\ue863")
    people[2] = replace(people[2], level="特级")
    people[4] = replace(people[4], id_number=people[3].id_number, name="另一人")
    rows = roster_rows(people)
    rows[5]["employment"] = "劳务派遣"
    rows[6]["employment"] = "退休返聘"
    rows[7]["id_number"] = ""
    return rows


def write_scores(file: Path, people: Sequence[DemoPerson], *, reference: str) -> None:
    """Write the marks of all people; of each sixty the last two do not pass."""
    layout = scores_layout(_PARTS)
    rows = (
        {
            "sequence": str(number),
            "name": person.name,
            "id_number": person.id_number,
            "admission": f"{reference}-{number:04}",
            "safety_record": NONE,
            **{
                mark_key(part): _mark(number, place)
                for place, part in enumerate(_PARTS)
                if part is not PartKind.REVIEW or person.level in _REVIEWED
            },
        }
        for number, person in enumerate(people, 1)
    )
    write_empty(file, layout, {}, rows)


def _mark(number: int, place: int) -> str:
    if number % _SIXTY in _NOT_PASSED:
        return "缺考" if place == 1 else "52.5"
    return str(66 + (number * 7 + place * 11) % 33)
