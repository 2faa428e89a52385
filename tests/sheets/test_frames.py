"""Frames carry cells unchanged, and no content of a cell can forge another cell or row."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from registry.sheets.frames import count_rows, decode_rows, encode_rows, pack, unpack_prefix

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
raw = texts | st.floats(allow_nan=False) | st.booleans() | st.dates() | st.datetimes() | st.times()
tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(plain | st.floats(allow_nan=False), min_size=width, max_size=width),
        min_size=1,
        max_size=8,
    )
)


@given(tables, st.integers(1, 1_048_576))
def test_texts_and_numbers_come_back_as_they_were(
    rows: list[list[str | float]], first: int
) -> None:
    payload = encode_rows(first, rows)
    assert count_rows(payload) == len(rows)
    decoded = list(decode_rows(payload, len(rows[0])))
    assert [list(cells) for _, cells in decoded] == rows
    assert [number for number, _ in decoded] == list(range(first, first + len(rows)))


@given(st.lists(st.tuples(raw, raw, raw), min_size=1, max_size=8))
def test_no_content_forges_a_cell_or_row(rows: list[tuple[str | float, ...]]) -> None:
    decoded = list(decode_rows(encode_rows(2, rows), 3))
    assert len(decoded) == len(rows)
    for (_, cells), row in zip(decoded, rows, strict=True):
        for cell, original in zip(cells, row, strict=True):
            if isinstance(original, float):
                assert cell == original
            else:
                assert isinstance(cell, str)


@given(st.binary(max_size=200), st.integers(1, 4))
def test_any_bytes_decode_or_are_refused(payload: bytes, width: int) -> None:
    try:
        rows = list(decode_rows(payload, width))
    except ValueError:
        return
    assert all(len(cells) == width for _, cells in rows)


def test_dates_are_written_as_a_clerk_writes_them() -> None:
    day = dt.date(2026, 11, 20)
    row = (day, dt.datetime.combine(day, dt.time(8)), dt.timedelta(days=1), True)
    ((_, cells),) = decode_rows(encode_rows(2, [row]), 4)
    assert list(cells) == ["2026-11-20", "2026-11-20 08:00:00", "1 day, 0:00:00", "TRUE"]


def test_prefix() -> None:
    assert unpack_prefix(pack(b"R", b"abc")[:5]) == (b"R", 3)
