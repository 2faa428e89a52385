"""Imported certificates in a monitor's eyes: numbers in any order and never twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from registry.ledger.monitor.replay import Replay
from signing.tlog.entry import Import, Issue
from signing.tlog.merkle import leaf_hashes

HEAD = "Y000044999001264"
BATCH = "Y000044999001-20261123-0009"


def imported(book: Any, serials: Sequence[int], batch: str = BATCH, **values: Any) -> Any:
    """Add an import of these numbers, with its close."""
    first = len(book.leaves)
    for serial in serials:
        issue = book.one(batch=batch, number=f"{HEAD}{serial:06}", **values)
        facts = {name: getattr(issue, name) for name in issue.__struct_fields__ if name != "t"}
        book.leaves[-1] = Import(**facts)
    return book.close(batch, first)


def minted(book: Any, serial: int) -> Any:
    """Add a batch of one certificate under this number, as an office mints it."""
    book.batches += 1
    batch, first = f"Y000044999001-2026-{book.batches:04}", len(book.leaves)
    book.one(batch=batch, number=f"{HEAD}{serial:06}")
    return book.close(batch, first)


def found(book: Any) -> list[str]:
    data = book.status().encoded()
    return [one.kind.value for one in Replay().take(0, data, leaf_hashes(data))]


@pytest.fixture
def book(make: Any) -> Any:
    return make.Book().key()


def test_any_order_and_gaps_are_no_finding(book: Any) -> None:
    imported(book, [7, 120, 3])
    imported(book, [50], batch=f"{BATCH}1")
    minted(book, 121)
    imported(book, [999_999], batch=f"{BATCH}2")
    assert found(book) == []


@pytest.mark.parametrize("serial", [3, 7, 120])
def test_a_number_twice_is_one_whoever_gives_it(book: Any, serial: int) -> None:
    imported(book, [7, 120, 3])
    assert found(imported(book, [serial], batch=f"{BATCH}1")) == ["number-twice"]


@pytest.mark.parametrize("serial", [3, 7, 120])
def test_a_number_that_was_imported_is_not_minted(book: Any, serial: int) -> None:
    imported(book, [7, 120, 3])
    assert found(minted(book, serial)) == ["number-twice"]


def test_nothing_is_minted_from_a_gap_below_nor_beyond_the_next(book: Any) -> None:
    imported(book, [7])
    assert found(minted(book, 5)) == ["number-order"]
    assert found(minted(book, 9)) == ["number-order", "number-gap"]


def test_a_minted_number_is_not_imported(book: Any) -> None:
    minted(book, 1)
    assert found(imported(book, [1])) == ["number-twice"]


def test_a_batch_of_imports_must_be_closed(book: Any) -> None:
    imported(book, [7, 8])
    del book.leaves[-1]
    assert found(book) == ["batch"]


def test_a_key_must_be_in_force(make: Any) -> None:
    assert found(imported(make.Book(), [7])) == ["key-not-in-force"]


def test_a_later_edition_needs_the_one_before(book: Any) -> None:
    imported(book, [7])
    last = book.leaves[-2]
    facts = {name: getattr(last, name) for name in last.__struct_fields__ if name != "t"}
    book.leaves.append(Import(**facts | {"edition": 3, "status": book.count}))
    book.count += 1
    assert "edition" in found(book)


def test_a_state_put_away_knows_the_imports_again(book: Any) -> None:
    data = minted(imported(book, [7, 3]), 5).status().encoded()
    leaves = leaf_hashes(data)
    whole = Replay().take(0, data, leaves)
    for cut in range(len(data)):
        replay = Replay()
        first = replay.take(0, data[:cut], leaves[:cut])
        assert first + Replay.unpack(replay.pack()).take(cut, data[cut:], leaves[cut:]) == whole


def test_whoever_watches_is_told_of_imports(book: Any) -> None:
    data, told = imported(book, [7, 3]).status().encoded(), list[Issue]()
    Replay().take(0, data, leaf_hashes(data), lambda _index, entry: told.append(entry))
    assert [entry.number[-1] for entry in told] == ["7", "3"]
