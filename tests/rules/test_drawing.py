"""The random draw: equally likely, the same again, and done over by hand in the golden cases."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.drawing import (
    SPAN,
    Drawn,
    Pool,
    PoolUnsound,
    check_pool,
    choose,
    draw,
    draw_by,
    numbers,
)

VECTORS = Path(__file__).parent / "vectors" / "drawing.json"


def pool(
    plans: int, supervisors: int, take: int, avoid: set[tuple[int, int]] | None = None
) -> Pool:
    return Pool(
        plans=tuple(f"JH-2026-{n:04}" for n in range(1, plans + 1)),
        supervisors=tuple(f"DD{n:03}" for n in range(1, supervisors + 1)),
        avoid=frozenset((f"JH-2026-{p:04}", f"DD{s:03}") for p, s in avoid or ()),
        take=take,
    )


POOLS = st.builds(
    lambda plans, supervisors, take: pool(plans, supervisors, min(plans, take)),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(1, 12),
)
SEEDS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("count", range(1, 17))
def test_each_place_is_equally_likely_when_all_numbers_are_counted(count: int) -> None:
    found = Counter(
        choose(count, iter((number, 0)), span=16)
        for number in range(16)
        if number < 16 - 16 % count
    )
    assert set(found) == set(range(count))
    assert len(set(found.values())) == 1


def test_a_number_over_the_limit_is_left_out_and_the_next_one_counts() -> None:
    assert choose(3, iter((SPAN - 1, 5))) == 2  # 2**32 - 1 is the one number that 3 cannot share
    assert choose(1, iter((SPAN - 1,))) == 0


def every_draw(of: Pool) -> Iterator[tuple[tuple[Drawn, ...], Fraction]]:
    """Follow every run of choices, with how likely it is."""
    runs: list[tuple[int, ...]] = [()]
    while runs:
        run = runs.pop()
        likely = Fraction(1)
        steps = iter(run)

        def choice(count: int) -> int:
            nonlocal likely
            likely /= count
            place = next(steps, None)  # noqa: B023 - used up before the next run
            if place is None:
                raise Branch(count)
            return place

        try:
            yield draw_by(of, choice), likely
        except Branch as branch:
            runs.extend((*run, place) for place in range(branch.count))


class Branch(Exception):
    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


@pytest.mark.parametrize(("plans", "supervisors", "take"), [(4, 3, 2), (5, 2, 3), (3, 4, 3)])
def test_every_order_of_plans_and_every_supervisor_is_equally_likely(
    plans: int, supervisors: int, take: int
) -> None:
    of = pool(plans, supervisors, take)
    orders: Counter[tuple[str, ...]] = Counter()
    meets: Counter[tuple[str, str]] = Counter()
    for drawn, likely in every_draw(of):
        orders[tuple(item.plan for item in drawn)] += likely  # type: ignore[assignment]
        for item in drawn:
            meets[item.plan, item.supervisor] += likely  # type: ignore[assignment]
    assert set(orders) == set(itertools.permutations(of.plans, take))
    assert len(set(orders.values())) == 1
    assert len(meets) == plans * supervisors
    assert len(set(meets.values())) == 1


@given(POOLS, SEEDS)
def test_a_draw_is_the_same_again_and_keeps_its_promises(of: Pool, seed: bytes) -> None:
    drawn = draw(of, seed)
    assert drawn == draw(of, seed)
    assert len({item.plan for item in drawn}) == of.take
    assert {item.plan for item in drawn} <= set(of.plans)
    visits = Counter(item.supervisor for item in drawn)
    # Nobody gets two more than another: work is shared.
    assert max(visits.values()) - min(visits[label] for label in of.supervisors) <= 1


@given(SEEDS)
def test_who_must_avoid_a_plan_never_gets_it(seed: bytes) -> None:
    of = pool(4, 2, 4, {(1, 1), (2, 1), (3, 1), (4, 1)})
    assert {item.supervisor for item in draw(of, seed)} == {"DD002"}


def test_other_seeds_give_other_draws() -> None:
    of = pool(50, 10, 5)
    draws = {draw(of, hashlib.sha256(bytes([n])).digest()) for n in range(50)}
    assert len(draws) == 50


def test_the_numbers_are_those_of_the_written_steps() -> None:
    seed = bytes(32)
    first = hashlib.sha256(seed + bytes(8)).hexdigest()[:8]
    second = hashlib.sha256(seed + bytes(7) + b"\1").hexdigest()[:8]
    assert list(itertools.islice(numbers(seed), 2)) == [int(first, 16), int(second, 16)]


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (pool(3, 2, 0), "抽取数量"),
        (pool(3, 2, 4), "1 至 3"),
        (pool(0, 2, 1), "抽取数量"),
        (pool(3, 0, 1), "没有可以抽取的质量督导员"),
        (pool(3, 2, 1, {(9, 1)}), "不在抽取名单内"),
        (pool(3, 2, 1, {(1, 9)}), "不在抽取名单内"),
        (pool(3, 2, 1, {(2, 1), (2, 2)}), "JH-2026-0002"),
        (Pool(plans=("b", "a"), supervisors=("s",), avoid=frozenset(), take=1), "按编号排列"),
        (Pool(plans=("a", "a"), supervisors=("s",), avoid=frozenset(), take=1), "不得重复"),
    ],
)
def test_an_unsound_pool_is_refused(of: Pool, says: str) -> None:
    with pytest.raises(PoolUnsound, match=says):
        check_pool(of)
    with pytest.raises(PoolUnsound, match=says):
        draw(of, bytes(32))


def test_the_golden_draws() -> None:
    """`vectors/make_drawing.py` makes them by the written steps, without this program."""
    vectors = json.loads(VECTORS.read_text())
    assert len(vectors) == 6
    for vector in vectors:
        of = Pool(
            plans=tuple(vector["plans"]),
            supervisors=tuple(vector["supervisors"]),
            avoid=frozenset((plan, label) for plan, label in vector["avoid"]),
            take=vector["take"],
        )
        drawn = draw(of, bytes.fromhex(vector["seed"]))
        assert [[item.plan, item.supervisor] for item in drawn] == vector["drawn"]
