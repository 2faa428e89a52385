"""Which row of an upload an event is about: written into its detail, and read back from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.store.uploads import of_row, row_named


@given(row=st.integers(1, 20_000), why=st.text(max_size=100))
def test_what_is_written_is_read(row: int, why: str) -> None:
    assert row_named(of_row(row) + why) == row


@given(detail=st.text(max_size=400))
def test_any_other_detail_names_no_row_or_a_number(detail: str) -> None:
    found = row_named(detail)
    assert found is None or detail.startswith(f"row {detail[4:].partition(':')[0]}")
    assert row_named(f"rows {detail}") is None


def test_details_of_other_events_name_none() -> None:
    for detail in ("", "3 rows", "row", "row x: why", "row ²: why", "hand; package 00"):
        assert row_named(detail) is None
