"""Imported certificates in a monitor's eyes: numbers never twice, their origin never washed off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from registry.ledger.monitor.replay import Replay
from signing.tlog.entry import Import, Issue, State, Succession, format_time
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


def later(book: Any, serial: int, edition: int, *, kind: type[Issue]) -> Any:
    """Add a later edition, as an entry of this kind, with the change that links to it."""
    number = f"{HEAD}{serial:06}"
    old = next(leaf for leaf in reversed(book.leaves) if getattr(leaf, "number", "") == number)
    facts = {name: getattr(old, name) for name in old.__struct_fields__ if name != "t"}
    book.leaves.append(kind(**facts | {"edition": edition, "status": book.count}))
    book.count += 1
    return book.change(old.status, State.SUPERSEDED, str(book.count - 1))


@pytest.mark.parametrize("serials", [[7], [7, 9, 8], [9, 8, 7, 3, 4, 1]])
def test_the_origin_of_an_import_is_not_washed_off(book: Any, serials: list[int]) -> None:
    later(imported(book, serials), 7, 2, kind=Issue)
    assert found(book) == ["origin"]


def test_what_was_issued_here_is_no_import_later(book: Any) -> None:
    imported(minted(minted(book, 1), 2), [9])
    later(book, 2, 2, kind=Import)
    assert found(book) == ["origin", "import-day"]


def test_editions_of_one_origin_are_no_finding(book: Any) -> None:
    imported(minted(book, 1), [7, 5])
    for edition in (2, 3):
        later(book, 1, edition, kind=Issue)
        later(book, 7, edition, kind=Import)
    assert found(book) == []


def test_a_third_edition_is_held_to_the_first(book: Any) -> None:
    later(later(imported(book, [7]), 7, 2, kind=Import), 7, 3, kind=Issue)
    assert found(book) == ["origin"]


def succession(make: Any) -> Any:
    """Begin a log that stands in another's place: what its first editions were is not known."""
    book = make.Book()
    book.leaves.append(
        Succession(origin="old.example/log", root="00" * 32, size=9, time=format_time(book.time))
    )
    return book.key()


@pytest.mark.parametrize(("first", "then"), [(Import, Issue), (Issue, Import)])
def test_after_a_succession_the_first_edition_seen_says_the_origin(
    make: Any, first: type[Issue], then: type[Issue]
) -> None:
    def begun() -> Any:
        book = succession(make)
        book.leaves.append(first(
            batch=BATCH, commit="00" * 32, edition=2, number=f"{HEAD}000007", prefix=HEAD[:13],
            status=0,
        ))  # fmt: skip
        book.count = 1
        return book

    # The change that ended its first edition was lost with it: `edition` is said of either.
    assert "origin" not in found(later(begun(), 7, 3, kind=first))
    assert "origin" in found(later(begun(), 7, 3, kind=then))


@pytest.mark.parametrize("last", [Issue, Import])
def test_issue_and_import_do_not_stand_in_one_batch(book: Any, last: type[Issue]) -> None:
    start = len(book.leaves)
    for serial, kind in ((1, Import if last is Issue else Issue), (2, last)):
        issue = book.one(batch=BATCH, number=f"{HEAD}{serial:06}")
        facts = {name: getattr(issue, name) for name in issue.__struct_fields__ if name != "t"}
        book.leaves[-1] = kind(**facts)
    assert found(book.close(BATCH, start)) == ["origin"]


def day(book: Any, named: str, before: datetime | None = None) -> list[str]:
    """Find what is said of a day in an import's batch between two status entries."""
    book.time = before or datetime(2026, 11, 20, 12, tzinfo=UTC)
    book.status()
    imported(book, [7], batch=f"{HEAD[:13]}-{named}-0001")
    book.time = datetime(2026, 11, 22, 20, tzinfo=UTC)
    return found(book)


@pytest.mark.parametrize(("named", "kinds"), [
    ("20261118", ["import-day"]),
    ("20261119", []),  # written down before the status entry, taken up after it
    ("20261120", []),
    ("20261123", []),  # in China the later entry's day
    ("20261124", []),
    ("20261125", ["import-day"]),
    ("20991231", ["import-day"]),
    ("20001231", ["import-day"]),
    ("20261345", ["import-day"]),
    ("2026", ["import-day"]),
])  # fmt: skip
def test_the_day_of_registration_fits_the_status_entries_around(
    book: Any, named: str, kinds: list[str]
) -> None:
    assert day(book, named) == kinds


def test_each_import_of_a_false_day_is_found_at_its_own_leaf(book: Any) -> None:
    book.status()
    for place, named in enumerate(("20991231", "20981231", "20261122")):
        imported(book, [place + 5], batch=f"{HEAD[:13]}-{named}-000{place}")
    data = book.status().encoded()
    told = Replay().take(0, data, leaf_hashes(data))
    assert [one.kind.value for one in told] == ["import-day"] * 2
    assert "leaf 2" in told[0].what
    assert "leaf 4" in told[1].what


def test_a_later_edition_keeps_the_day_of_its_batch(book: Any) -> None:
    imported(book, [7], batch=f"{HEAD[:13]}-20261122-0001").status()
    book.time = datetime(2027, 3, 1, tzinfo=UTC)
    book.status()
    assert found(later(book, 7, 2, kind=Import)) == []


def test_a_log_that_succeeds_takes_old_days_up_again(make: Any) -> None:
    assert day(succession(make), "20240101") == []
    assert day(succession(make), "20261125") == ["import-day"]


@pytest.mark.parametrize("year", [1, 9999])
def test_times_at_the_calendars_ends_stop_nobody(book: Any, year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, tzinfo=UTC)
    for _ in range(2):
        book.status(time=f"{year:04}{at:-%m-%dT%H:%M:%SZ}")
        imported(book, [book.count + 1], batch=f"{HEAD[:13]}-20261123-000{book.count}")
    data = book.status(time=f"{year:04}{at:-%m-%dT%H:%M:%SZ}").encoded()
    told = {one.kind.value for one in Replay().take(0, data, leaf_hashes(data))}
    assert told == {"import-day"}
