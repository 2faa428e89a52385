"""The catalogue's table: the starter file, and every way in which a row can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.catalogue import (
    HEADERS,
    LEVEL_ORDER,
    STARTER,
    check_catalogue,
    starter_rows,
)
from registry.rules.findings import FindingCode, Findings
from registry.sheets.layout_catalogue import CATALOGUE
from registry.sheets.reader import open_table
from registry.sheets.template import write_empty
from registry.wording import message, message_en

ROW = {
    "edition": "2015",
    "catalogue_code": "6-18-01-01",
    "catalogue_name": "车工",
    "directions": "",
    "levels": "54321",
    "national": "否",
}


def read(*rows: dict[str, Any]) -> tuple[Any, Findings]:
    findings = Findings()
    return check_catalogue(list(enumerate(rows, 2)), findings), findings


def test_the_starter_file_has_twenty_sound_occupations_by_both_editions() -> None:
    findings = Findings()
    rows = check_catalogue(starter_rows(), findings)
    assert (len(rows), findings.errors, findings.warnings) == (40, 0, 0)
    of = {year: {row.name: row for row in rows if row.edition == year} for year in (2015, 2022)}
    assert of[2015].keys() == of[2022].keys()
    assert len(of[2022]) == 20
    assert [row.name for row in rows if row.national] == ["消防设施操作员"] * 2
    # The edition of 2022 moved one of them: what stood before it in its group left the group.
    moved = {
        name: (row.code, of[2022][name].code)
        for name, row in of[2015].items()
        if row.code != of[2022][name].code
    }
    assert moved == {"消防设施操作员": ("4-07-05-04", "4-07-05-03")}
    by_code = {row.code: row for row in rows}
    assert by_code["6-31-01-03"].name == "电工"
    assert by_code["6-18-01-01"].directions == "普通车工、数控车工"


def test_the_starter_file_is_in_the_form_of_the_import_table() -> None:
    assert {column.key: column.header for column in CATALOGUE.columns} == HEADERS
    table = open_table(STARTER, layout=CATALOGUE)
    assert (table.findings.errors, table.findings.warnings) == (0, 0)
    assert list(table) == list(starter_rows())


def test_the_empty_template_says_that_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    write_empty(path, CATALOGUE, {"national": ["是", "否"]})
    findings = Findings()
    assert check_catalogue(open_table(path, layout=CATALOGUE), findings) == ()
    assert list(findings.counts) == [FindingCode.CATALOGUE_EMPTY]


@pytest.mark.parametrize(
    ("levels", "read_as"),
    [
        ("54321", "54321"),
        ("1,2、3", "321"),
        ("五级、四级/中级工；高级工", "543"),
        (4321.0, "4321"),
        ("技师", "2"),
    ],
)
def test_levels_are_read_as_people_write_them(levels: Any, read_as: str) -> None:
    (row,), findings = read(ROW | {"levels": levels})
    assert (row.levels, findings.errors) == (read_as, 0)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("edition", "1999", FindingCode.CATALOGUE_EDITION),
        ("edition", "", FindingCode.VALUE_MISSING),
        ("catalogue_code", "6-18-1-1", FindingCode.OCCUPATION_CODE_FORM),
        ("catalogue_code", "2-02-07-01", FindingCode.OCCUPATION_CODE_GROUP),
        ("catalogue_code", "", FindingCode.VALUE_MISSING),
        ("catalogue_name", " ", FindingCode.VALUE_MISSING),
        ("catalogue_name", "车" * 61, FindingCode.VALUE_TOO_LONG),
        ("directions", "车" * 801, FindingCode.VALUE_TOO_LONG),
        ("levels", "", FindingCode.VALUE_MISSING),
        ("levels", "六级", FindingCode.LEVEL_UNKNOWN),
        ("levels", "首席技师", FindingCode.LEVEL_WITHOUT_SYMBOL),
        ("national", "也许", FindingCode.CATALOGUE_YES_NO),
    ],
)
def test_each_fault_is_named_by_row_and_column(column: str, value: str, code: FindingCode) -> None:
    rows, findings = read(ROW | {"catalogue_code": "6-31-01-03"}, ROW | {column: value})
    (found,) = findings.listed
    assert (found.code, found.where.row, found.where.column) == (code, 3, column)
    assert len(rows) == 1
    header = HEADERS[column]
    assert message(found).startswith(f"第 3 行「{header}」：")
    assert "{" not in message(found) + message_en(found)


def test_a_code_may_stand_once_an_edition() -> None:
    rows, findings = read(ROW, ROW | {"edition": "2022"}, ROW | {"catalogue_name": "车床工"})
    (found,) = findings.listed
    assert (found.code, found.where.row) == (FindingCode.CATALOGUE_TWICE, 4)
    assert "第 2 行" in message(found)
    assert [row.edition for row in rows] == [2015, 2022]


cell = st.one_of(st.text(max_size=20), st.none(), st.integers(), st.floats(allow_nan=False))


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(HEADERS, cell)), max_size=4))
def test_whatever_stands_in_the_cells_a_row_is_sound_or_faulted(rows: list[Any]) -> None:
    sound, findings = read(*rows)
    assert findings.errors or sound
    for row in sound:
        assert row.levels
        assert set(row.levels) <= set(LEVEL_ORDER)
