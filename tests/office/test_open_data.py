"""Open data: whole quarters, nationally shown certificates alone, and no small count anywhere."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.office.open_data import (
    OpenData,
    date_of,
    make_document,
    open_data,
    open_files,
    quarter_end,
)
from registry.office.statistics import Names
from registry.rules.levels import BY_SYMBOL
from registry.store.certificates import CertificateState

AS_OF = date(2026, 9, 30)
NAMES = Names(
    companies={},
    districts={"A": "甲区", "B": "乙区", "C": "丙区"},
    occupations={"6-20-01-01": "钳工"},
)


@pytest.mark.parametrize(
    ("today", "end"),
    [
        ("2026-01-01", "2025-12-31"),
        ("2026-03-31", "2025-12-31"),
        ("2026-04-01", "2026-03-31"),
        ("2026-11-26", "2026-09-30"),
        ("2026-12-31", "2026-09-30"),
    ],
)
def test_a_quarter_counts_once_it_is_over(today: str, end: str) -> None:
    assert quarter_end(date.fromisoformat(today)).isoformat() == end


CELLS = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from(["6-20-01-01", "4-02-02-01"]),
        st.sampled_from(list(BY_SYMBOL)),
        st.dates(date(2024, 1, 1), AS_OF),
        st.integers(1, 9),
    ),
    max_size=25,
)


def true_counts(cells: list[Any], document: OpenData, table: int) -> dict[str, list[int]]:
    """Count a table's lines anew, by the labels that were printed."""
    level_of = {
        symbol: next(
            at
            for at, name in enumerate(document.levels)
            if BY_SYMBOL[symbol].printed in name.split("、")
        )
        for symbol in {cell[2] for cell in cells}
    }
    printed = {row.label for row in document.tables[table].rows}
    found = {label: [0] * len(document.levels) for label in printed}
    for prefix, occupation, level, issued, count in cells:
        label = (
            NAMES.district(prefix),
            NAMES.occupation(occupation),
            f"{issued:%Y-%m}" if issued >= date(2024, 10, 1) else "更早",
        )[table]
        found[label if label in printed else "其他"][level_of[level]] += count
    return found


@given(CELLS)
def test_what_is_printed_is_true_and_nothing_small_is(cells: list[Any]) -> None:
    document = make_document(cells, NAMES, as_of=AS_OF)
    whole = sum(cell[4] for cell in cells)
    if whole < document.least:
        assert (document.totals, document.levels, document.total) == ((), (), -1)
        assert [table.rows for table in document.tables] == [(), (), ()]
        assert b",*\r\n" in open_files(document)[0][1]
        return
    assert document.total == sum(document.totals) == whole
    assert all(total == 0 or total >= 5 for total in document.totals)
    for at, table in enumerate(document.tables):
        true = true_counts(cells, document, at)
        for row in table.rows:
            for shown, value in zip((*row.counts, row.total), (*true[row.label], -9), strict=True):
                assert shown in (-1, 0) or shown >= 5
                assert value == -9 or shown in (-1, value)
            assert row.total in (-1, sum(true[row.label]))


def known(rows: list[list[int]], unknown: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Take sums apart until nothing more is found, as one does with paper and pencil.

    ``rows`` are a table with its sums and its last line; returns the places that came back.
    """
    values = dict.fromkeys(unknown)
    grid: list[list[int | None]] = [
        [None if (at, column) in values else value for column, value in enumerate(row)]
        for at, row in enumerate(rows)
    ]
    height, width = len(grid), len(grid[0])
    lines = [[(at, column) for column in range(width)] for at in range(height)]
    lines += [[(at, column) for at in range(height)] for column in range(width)]
    found: set[tuple[int, int]] = set()
    # Any one line, and any two lines together in which all but one unknown cancel out.
    for _ in range(len(unknown) + 1):
        for line in lines:
            missing = [place for place in line if grid[place[0]][place[1]] is None]
            if len(missing) == 1:
                (row, column), *_ = missing
                grid[row][column] = 0
                found.add((row, column))
        for one, two in product(lines, lines):
            missing_one = {place for place in one if grid[place[0]][place[1]] is None}
            missing_two = {place for place in two if grid[place[0]][place[1]] is None}
            if one != two and len(missing_one ^ missing_two) == 1 and missing_one & missing_two:
                (place,) = missing_one ^ missing_two
                grid[place[0]][place[1]] = 0
                found.add(place)
    return found


def test_a_small_cell_alone_would_come_back() -> None:
    assert known([[3, 20, 23], [30, 40, 70], [33, 60, 93]], [(0, 0)]) == {(0, 0)}
    assert known([[3, 20, 23], [30, 40, 70], [33, 60, 93]], [(0, 0), (0, 2)]) == {(0, 0), (0, 2)}


@given(CELLS)
def test_no_cell_comes_back_by_subtraction_in_any_table(cells: list[Any]) -> None:
    document = make_document(cells, NAMES, as_of=AS_OF)
    for table in document.tables if document.levels else ():
        rows = [[*row.counts, row.total] for row in table.rows]
        rows.append([*document.totals, document.total])
        unknown = [
            (at, column)
            for at, row in enumerate(rows)
            for column, value in enumerate(row)
            if value == -1
        ]
        assert known(rows, unknown) == set()


def test_only_what_was_shown_nationally_by_then_counts(small: Any, beside: Any) -> None:
    office = beside("counted_office").Counted(small)
    may, seen, late = date(2026, 5, 11), date(2026, 9, 30), date(2026, 10, 1)
    office.issue(1, may, 6, seen=seen)
    office.issue(2, may, 7, seen=seen)
    office.issue(1, may, 5, seen=late)
    office.issue(1, may, 5)
    office.issue(1, late, 5, seen=late)
    office.issue(1, may, 5, seen=seen, state=CertificateState.REVOKED)
    office.issue(1, may, 5, seen=seen, state=CertificateState.SUSPENDED)
    with small.read() as session:
        document = open_data(session, as_of=AS_OF)
    assert (document.total, document.levels[1]) == (13, "四级/中级工")
    district, occupation, month = document.tables
    assert [(row.label, row.total) for row in district.rows] == [("4403A", 6), ("4403B", 7)]
    assert [(row.label, row.counts) for row in month.rows] == [("2026-05", (0, 13, 0, 0, 0))]
    assert [row.label for row in occupation.rows] == ["6-20-01-01"]


def test_the_files_say_the_same_and_the_json_comes_last() -> None:
    cells = [("A", "6-20-01-01", "4", AS_OF, 3), ("B", "6-20-01-01", "4", AS_OF, 30)]
    cells += [("A", "6-20-01-01", "5", AS_OF, 40), ("C", "6-20-01-01", "5", AS_OF, 20)]
    document = make_document(cells, NAMES, as_of=AS_OF)
    files = open_files(document)
    assert [name for name, _ in files] == [
        "open/certificates-by-district.csv",
        "open/certificates-by-occupation.csv",
        "open/certificates-by-month.csv",
        "open/certificates.json",
    ]
    lines = list(csv.reader(io.StringIO(files[0][1].decode("utf-8-sig"))))
    assert lines[0][0] == "按辖区和等级（截至2026-09-30）"
    assert [line[0] for line in lines[1:]] == ["丙区", "乙区", "甲区", "合计"]
    assert "*" in lines[3]
    assert lines[-1][-1] == "93"
    data = files[-1][1]
    assert json.loads(data)["tables"][0]["rows"][2]["label"] == "甲区"
    assert date_of(data) == AS_OF
    assert date_of(data[:-1]) is None
    assert date_of(b'{"v":1}') is None


def test_no_label_acts_as_a_formula() -> None:
    names = Names(companies={}, districts={"A": "=cmd"}, occupations={})
    document = make_document([("A", "x", "4", AS_OF, 9)], names, as_of=AS_OF)
    assert b"\r\n'=cmd," in open_files(document)[0][1]
