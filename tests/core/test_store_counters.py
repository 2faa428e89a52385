"""Counters without gaps: whatever runs at once or fails, no value is lost or used twice."""

from __future__ import annotations

import itertools
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.store.base import read_unit, write_unit
from registry.store.counters import peek, take_range

_fresh = itertools.count()


class Fault(Exception):
    """What a test throws in."""


def take(office: Any, scope: str, count: int, *, fails: bool = False, start: int = 1) -> range:
    with write_unit(office.engine) as session:
        first = take_range(session, scope, count, start=start)
        if fails:
            raise Fault
    return range(first, first + count)


def next_value(office: Any, scope: str, start: int = 1) -> int:
    with read_unit(office.engine) as session:
        return peek(session, scope, start=start)


def test_a_new_counter_begins_at_its_start(office: Any) -> None:
    assert next_value(office, "a", start=5) == 5
    assert take(office, "a", 3, start=5) == range(5, 8)
    assert take(office, "a", 1, start=5) == range(8, 9)
    assert take(office, "b", 2, start=0) == range(2)
    assert next_value(office, "a") == 9


def test_peeking_takes_nothing(office: Any) -> None:
    assert [next_value(office, "a") for _ in range(3)] == [1, 1, 1]
    assert take(office, "a", 1) == range(1, 2)


def test_a_transaction_that_is_rolled_back_gives_its_range_back(office: Any) -> None:
    with pytest.raises(Fault):
        take(office, "a", 100, fails=True)
    assert take(office, "a", 2) == range(1, 3)
    with pytest.raises(Fault):
        take(office, "a", 100, fails=True)
    assert take(office, "a", 1) == range(3, 4)


@given(steps=st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=8))
def test_ranges_follow_each_other_whatever_failed_between(
    office: Any, steps: list[tuple[int, bool]]
) -> None:
    scope = f"scope {next(_fresh)}"
    expected = 1
    for count, fails in steps:
        if fails:
            with pytest.raises(Fault):
                take(office, scope, count, fails=True)
        else:
            assert take(office, scope, count) == range(expected, expected + count)
            expected += count
    assert next_value(office, scope) == expected


def test_threads_share_a_counter_without_gap_or_overlap(office: Any) -> None:
    taken: list[int] = []
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(15):
                try:
                    found = take(
                        office, "shared", chance.randint(1, 9), fails=chance.random() < 0.3
                    )
                except Fault:
                    continue
                taken.extend(found)
        except BaseException as error:  # noqa: BLE001 - shown to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(taken) == list(range(1, len(taken) + 1))
    assert next_value(office, "shared") == len(taken) + 1
