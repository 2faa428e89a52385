"""The demo's three spreadsheets: one .xlsx of 60, one .csv, and one full of deliberate faults."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from registry.cli.demo_people import DemoPerson, demo_people
from registry.rules.shared_cells import PASSED
from registry.sheets.columns import COLUMNS, SHEET_NAME
from registry.sheets.output import new_workbook

Cell = str | int | float


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


def faulty_rows(issued: date) -> list[list[Cell]]:
    """Return rows of which nearly each has another fault."""
    people = demo_people(8, offset=9_000, issued=issued)
    wrong = "0" if people[0].id_number[-1] != "0" else "1"
    people[0] = replace(people[0], id_number=people[0].id_number[:-1] + wrong)
    people[1] = replace(people[1], name="王\ue863")
    people[2] = replace(people[2], level="特级")
    people[4] = replace(people[4], id_number=people[3].id_number, name="另一人")
    people[5] = replace(people[5], occupation_code="6-31-1-3")
    rows = [row_of(number, person) for number, person in enumerate(people, 1)]
    keys = [column.key for column in COLUMNS]
    rows[6][keys.index("conclusion")] = "不合格"
    rows[7][keys.index("id_number")] = 449999198001010000.0
    rows[7][keys.index("issued")] = "2026-13-01"
    return rows
