"""The random draw (双随机抽取, 七（四）) of plans and supervisors, which anyone can do again.

Step by step, from a seed of 32 bytes:

1. Number *i* (0, 1, 2, …) is the first 4 bytes of SHA-256(seed ‖ *i* as 8 bytes, big-endian), read
   as an integer, big-endian.
2. To choose one of *n*: take the next number; if it is not below the largest multiple of *n* that
   2³² holds, leave it and take the next; otherwise its remainder by *n* is the place, from 0.
3. The pool's plans stand in the order of their references. Choose one, take it out of the row, and
   so on, `take` times.
4. Then for each drawn plan, in the order of drawing: of the supervisors who need not avoid it
   (回避), those with the fewest plans of this draw so far stand in the order of their labels.
   Choose one.

Leaving numbers out in step 2 makes every choice equally likely; a bare remainder would not.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from registry.rules.errors import RulesError

NUMBER_BYTES: Final = 4
COUNTER_BYTES: Final = 8
SPAN: Final = 2 ** (8 * NUMBER_BYTES)
"""How many numbers there are to draw from."""


class PoolUnsound(RulesError):
    """A pool cannot be drawn from; the message says what is wrong with it."""

    code: ClassVar[str] = "pool-unsound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What is drawn from: references and labels in order; never a name.

    ``avoid`` holds (plan, supervisor) who must not meet; ``take`` is how many plans are drawn.
    """

    plans: tuple[str, ...]
    supervisors: tuple[str, ...]
    avoid: frozenset[tuple[str, str]]
    take: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One drawn plan and the supervisor who looks into it."""

    plan: str
    supervisor: str


def check_pool(pool: Pool) -> None:
    """Raise ``PoolUnsound`` unless every draw from the pool ends in a result."""
    for row in (pool.plans, pool.supervisors):
        if list(row) != sorted(set(row)):
            raise PoolUnsound("抽取名单须按编号排列，不得重复")
    if not pool.supervisors:
        raise PoolUnsound("没有可以抽取的质量督导员，请先充实督导员库")
    if not 1 <= pool.take <= len(pool.plans):
        raise PoolUnsound(f"抽取数量须在 1 至 {len(pool.plans)} 之间")
    for plan, supervisor in pool.avoid:
        if plan not in pool.plans or supervisor not in pool.supervisors:
            raise PoolUnsound("回避名单写有不在抽取名单内的计划或者督导员，请核对")
    for plan in pool.plans:
        if not _free(pool, plan):
            raise PoolUnsound(f"计划 {plan} 的督导员全部回避，请调整")


def draw(pool: Pool, seed: bytes) -> tuple[Drawn, ...]:
    """Draw from a sound pool. Raises ``PoolUnsound``."""
    row = numbers(seed)
    return draw_by(pool, lambda count: choose(count, row))


def draw_by(pool: Pool, choice: Callable[[int], int]) -> tuple[Drawn, ...]:
    """Draw by ``choice(n)``, which gives a place below n. Raises ``PoolUnsound``."""
    check_pool(pool)
    left = list(pool.plans)
    plans = [left.pop(choice(len(left))) for _ in range(pool.take)]
    given: Counter[str] = Counter()
    drawn = []
    for plan in plans:
        free = _free(pool, plan)
        fewest = min(given[label] for label in free)
        able = [label for label in free if given[label] == fewest]
        supervisor = able[choice(len(able))]
        given[supervisor] += 1
        drawn.append(Drawn(plan=plan, supervisor=supervisor))
    return tuple(drawn)


def numbers(seed: bytes) -> Iterator[int]:
    """Yield the numbers of a seed, each below ``SPAN``, without end."""
    for counter in itertools.count():
        digest = hashlib.sha256(seed + counter.to_bytes(COUNTER_BYTES)).digest()
        yield int.from_bytes(digest[:NUMBER_BYTES])


def choose(count: int, row: Iterator[int], span: int = SPAN) -> int:
    """Give a place below ``count`` by the next number of the row that counts."""
    limit = span - span % count
    return next(number for number in row if number < limit) % count


def _free(pool: Pool, plan: str) -> list[str]:
    return [label for label in pool.supervisors if (plan, label) not in pool.avoid]
