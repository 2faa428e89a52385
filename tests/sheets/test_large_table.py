"""Long lists: read, checked and kept within the budgets (a loose guard, no benchmark)."""

from __future__ import annotations

import resource
from datetime import date
from typing import TYPE_CHECKING

import pytest

from registry.rules.roster import RosterChecker
from registry.sheets.columns import COLUMNS
from registry.sheets.reader import open_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def cpu() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in whose)


@pytest.mark.parametrize("rows", [20_000, pytest.param(50_000, marks=pytest.mark.soak)])
def test_a_long_list_is_read_and_checked(
    write_xlsx: Callable[..., Path], person: Callable[[int], list[object]], rows: int
) -> None:
    headers = [column.header for column in COLUMNS]
    path = write_xlsx([headers, *map(person, range(rows))])
    begun = cpu()
    table = open_table(path)
    checker = RosterChecker(
        prefix="Y000044999001",
        levels=frozenset("543"),
        today=date(2026, 11, 23),
        drawable=lambda _: True,
    )
    passed = sum(checker.row(number, cells) is not None for number, cells in table)
    spent = cpu() - begun
    assert passed == rows
    assert checker.finish().errors == 0
    assert sum(map(len, table.chunks)) / rows < 300
    # 21 µs a row measured; four times that still says that nothing grows with the square.
    assert spent / rows < 84e-6
