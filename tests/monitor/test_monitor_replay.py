"""The replay's parts against plain models, and cut in two at any entry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.monitor.findings import Kind
from registry.ledger.monitor.numbers import Numbers
from registry.ledger.monitor.replay import Replay
from registry.ledger.monitor.states import States
from signing.tlog.entry import Issue, State, StatusChange, Succession
from signing.tlog.merkle import leaf_hash, leaf_hashes
from signing.tlog.status import blank_pages, pages_root, set_state

PREFIX = "Y000044999001"
serials = st.tuples(st.sampled_from(["264", "263"]), st.integers(1, 12), st.integers(1, 3))


def issue(serial: tuple[str, int, int], status: int = 0) -> Issue:
    scope, number, edition = serial
    return Issue(
        batch="B",
        commit="00" * 32,
        edition=edition,
        number=f"{PREFIX}{scope}{number:06}",
        prefix=PREFIX,
        status=status,
    )


@given(st.lists(serials, max_size=60))
def test_numbers_are_judged_as_a_list_of_all_of_them_would_be(drawn: list[Any]) -> None:
    numbers = Numbers()
    firsts: dict[str, set[int]] = {"264": set(), "263": set()}
    tops: dict[tuple[str, int], int] = {}
    for scope, number, edition in drawn:
        found: list[Kind] = []
        entry = issue((scope, number, edition))
        numbers.issue(entry, lambda kind, _, found=found: found.append(kind), succeeds=False)
        had, top = firsts[scope], tops.get((scope, number), 0)
        highest = max(had, default=0)
        if edition == 1:
            judged = {
                number in had: Kind.NUMBER_TWICE,
                number not in had and number < highest: Kind.NUMBER_ORDER,
                number > highest + 1: Kind.NUMBER_GAP,
            }
            had.add(number)
        else:
            judged = {edition <= top: Kind.NUMBER_TWICE, edition > top + 1: Kind.EDITION}
        assert found == [kind for holds, kind in judged.items() if holds]
        tops[scope, number] = max(top, edition)


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(State)), max_size=12), st.data())
def test_the_root_is_that_of_all_pages(changes: list[tuple[int, State]], data: Any) -> None:
    states, pages, count = States(), blank_pages(0), 0
    for jump, state in changes:
        # Pages are of 4,096 certificates: grow by much now and then.
        grown = count + jump * 7
        for index in range(count, grown):
            states.issue(index, issue(("264", 1, 1), index), lambda *_: None)
        count = grown
        pages.extend(bytes(len(blank_pages(count)) - len(pages)))
        if count:
            index = data.draw(st.integers(0, count - 1))
            change = StatusChange(index=index, link="", reason="fraud", state=int(state))
            states.change(change, lambda *_: None)
            set_state(pages, index, state)
        assert states.root() == pages_root(pages)


def test_a_replay_put_away_at_any_entry_goes_on_as_if_it_had_not_been(make: Any) -> None:
    book = make.honest(30)
    book.leaves[20] = book.leaves[19]
    book.leaves[31] = b"?"
    book.one(batch="C", edition=4)
    data = book.status().encoded()
    leaves = leaf_hashes(data)
    whole = Replay().take(0, data, leaves)
    assert len(whole) > 3
    for cut in range(len(data)):
        replay = Replay()
        first = replay.take(0, data[:cut], leaves[:cut])
        again = Replay.unpack(replay.pack())
        assert again.pack() == replay.pack()
        assert first + again.take(cut, data[cut:], leaves[cut:]) == whole


def test_a_run_of_any_length_has_its_root(make: Any) -> None:
    book = make.Book().key().issue(2500).status()
    data = book.encoded()
    assert Replay().take(0, data, leaf_hashes(data)) == []
    book.close("X", 0)
    book.leaves[5] = book.leaves[4]
    data = book.encoded()
    kinds = {finding.kind for finding in Replay().take(0, data, leaf_hashes(data))}
    assert Kind.RANGE_ROOT in kinds


def test_a_log_that_succeeds_another_goes_on_with_its_numbers(make: Any) -> None:
    book = make.Book()
    time = "2026-11-23T02:03:04Z"
    book.leaves.append(Succession(origin="old/log", root="00" * 32, size=9, time=time))
    book.key()
    book.serials[f"{PREFIX}264"] = 70
    book.issue(3)
    book.one(edition=2, number=f"{PREFIX}264000012")
    book.change(2, State.SUPERSEDED, str(book.count - 1)).status()
    data = book.encoded()
    assert Replay().take(0, data, leaf_hashes(data)) == []
    # After numbers that were taken up again, those lost with the old database are left out.
    later = make.Book().key()
    later.leaves.insert(0, book.leaves[0])
    later.issue(3).serials[f"{PREFIX}264"] = 90
    later.issue(3).status()
    data_later = later.encoded()
    assert Replay().take(0, data_later, leaf_hashes(data_later)) == []
    again = [*data[:3], data[3].replace(b"000072", b"000079"), *data[4:]]
    found = Replay().take(0, again, leaf_hashes(again))
    assert [finding.kind for finding in found][:2] == [Kind.NUMBER_GAP, Kind.NUMBER_ORDER]


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_bytes_stop_the_replay(entries: list[bytes]) -> None:
    found = Replay().take(0, entries, [leaf_hash(entry) for entry in entries])
    assert len(found) == len(entries)


@pytest.mark.parametrize("status", [2**36, 2**53 - 1])
def test_an_absurd_status_index_takes_no_memory(status: int) -> None:
    states = States()
    states.issue(5, issue(("264", 1, 1), status), lambda *_: None)
    assert len(states.pages) == 1024
