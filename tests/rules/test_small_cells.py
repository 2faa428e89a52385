"""Small cells: withheld, and not to be got back from what is printed, by whoever tries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry.rules.small_cells import LEAST, OTHER, Published, join_small, publish_table


def fills(
    row: Sequence[int | None], whole: int | None, most: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """Give every way to fill a row's withheld cells, each at least 1, so that its sum fits."""
    ranges = [range(1, most[at] + 1) if cell is None else (cell,) for at, cell in enumerate(row)]
    for cells in product(*ranges):
        # A withheld sum is at least 1, and else any.
        total = sum(int(cell) for cell in cells)
        if total == whole or (whole is None and total):
            yield cells


def readings(printed: Published) -> list[set[int]]:
    """Try every table that fits what is printed; return the values each withheld place can have.

    The reader's own way, and no part of the program's: row by row, by what is left of each column.
    Places are the cells in order, then the row sums.
    """
    rows = list(zip(printed.cells, printed.sums, strict=True))
    width = len(printed.columns)
    seen: list[set[int]] = [set() for _ in range(len(rows) * (width + 1))]

    @cache
    def fits(at: int, left: tuple[int, ...]) -> bool:
        if at == len(rows):
            return not any(left)
        found = False
        for cells in fills(*rows[at], left):
            rest = tuple(have - take for have, take in zip(left, cells, strict=True))
            if min(rest, default=0) >= 0 and fits(at + 1, rest):
                found = True
                for column, value in enumerate(cells):
                    seen[at * (width + 1) + column].add(value)
                seen[at * (width + 1) + width].add(sum(cells))
        return found

    assert fits(0, printed.columns), "the publication contradicts itself"
    return seen


def places(printed: Published) -> list[int | None]:
    found: list[int | None] = []
    for cells, whole in zip(printed.cells, printed.sums, strict=True):
        found += [*cells, whole]
    return found


COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 7))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, tuple[int, ...]]:
    width = draw(st.integers(1, 3))
    height = draw(st.integers(1, 4))
    row = st.tuples(*[COUNTS] * width)
    rows = {f"row {at}": draw(row) for at in range(height)}
    columns = [sum(column) for column in zip(*rows.values(), strict=True)]
    assume(all(count == 0 or count >= LEAST for count in columns))
    return rows


@given(tables())
def test_nothing_withheld_can_be_got_back(rows: dict[str, tuple[int, ...]]) -> None:
    printed = publish_table(rows)
    for value, possible in zip(places(printed), readings(printed), strict=True):
        if value is None:
            assert len(possible) > 1, printed
        else:
            assert value == 0 or value >= LEAST, printed


@given(tables())
def test_what_is_printed_is_true(rows: dict[str, tuple[int, ...]]) -> None:
    printed = publish_table(rows)
    assert printed.columns == tuple(sum(column) for column in zip(*rows.values(), strict=True))
    kept = {label: cells for label, cells in rows.items() if label in printed.labels}
    others = [cells for label, cells in rows.items() if label not in printed.labels]
    if others:
        kept[OTHER] = tuple(map(sum, zip(*others, strict=True)))
    assert set(printed.labels) == set(kept)
    for label, cells, whole in zip(printed.labels, printed.cells, printed.sums, strict=True):
        assert whole in (None, sum(kept[label]))
        for value, true in zip(cells, kept[label], strict=True):
            assert value in (None, true)
            # Noughts are printed: what is withheld is somebody.
            assert value is not None or true > 0


@given(st.lists(st.integers(5, 60), min_size=3, max_size=9))
def test_what_is_large_enough_is_printed_whole(counts: list[int]) -> None:
    rows = {str(at): (count, 2 * count) for at, count in enumerate(counts)}
    printed = publish_table(rows)
    assert printed.cells == tuple(rows.values())
    assert printed.sums == tuple(map(sum, rows.values()))


def test_a_small_cell_takes_others_with_it() -> None:
    printed = publish_table({"甲": (3, 20), "乙": (30, 40), "丙": (50, 60)})
    withheld = sum(value is None for value in places(printed))
    assert printed.cells[0][0] is None
    assert withheld == 4, "a circle of two rows and two columns, or of two rows with their sums"
    assert printed.cells[2] == (50, 60), "the cheapest"


def test_ones_that_add_up_to_the_column_are_joined() -> None:
    """Five rows of one each, and a column of five: whoever knows that none is empty knows all."""
    printed = publish_table({str(at): (1,) for at in range(5)})
    assert (printed.labels, printed.columns) == (("2", "3", "4", OTHER), (5,))
    assert set(places(printed)) == {None}


def test_a_one_is_not_hidden_by_a_nought() -> None:
    """Noughts are printed: a withheld 1 can only have been more, and in a column of ones not so."""
    printed = publish_table({str(at): (1, 6) for at in range(5)})
    for value, possible in zip(places(printed), readings(printed), strict=True):
        assert value is not None or len(possible) > 1, printed


def test_a_column_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        publish_table({"甲": (4, 10)})
    assert publish_table({}) == Published(labels=(), cells=(), sums=(), columns=())


@given(st.lists(st.integers(0, 12), max_size=8))
def test_columns_are_joined_until_each_can_be_printed(counts: list[int]) -> None:
    groups = join_small(counts)
    if sum(counts) < LEAST:
        assert groups == ()
        return
    assert [place for group in groups for place in group] == list(range(len(counts)))
    sums = [sum(counts[place] for place in group) for group in groups]
    assert all(count == 0 or count >= LEAST for count in sums)
    assert sum(sums) == sum(counts)


def test_columns_that_are_large_enough_stay_apart() -> None:
    assert join_small([5, 0, 7]) == ((0,), (1,), (2,))
    assert join_small([2, 0, 7, 1]) == ((0, 1, 2, 3),)
    assert join_small([2, 4, 7]) == ((0, 1), (2,))
