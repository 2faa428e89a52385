"""The assessment scheme (评价方案): parts, weights, pass rules, vetoes (notice 四, 五, 六（二）).

The notice names the ways of assessing (五); the national standards ask for theory and skill, each
passed at 60 of 100, and at levels 2 and 1 for a comprehensive review. A scheme may add parts; it
may leave out or weaken one of the national standard's only with a reason that the experts see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FULL: Final = 100
"""Marks of every part, and the sum of the weights."""

PASS_MARK: Final = 60
"""What the national standards ask for of each part they name."""

REVIEWED_LEVELS: Final = frozenset("21")
"""技师 and 高级技师: a comprehensive review is a part of their assessment."""


class PartKind(StrEnum):
    """Ways of assessing (评价方式)."""

    THEORY = "theory"
    """理论知识考试"""
    SKILL = "skill"
    """操作技能考核"""
    SAFETY = "safety"
    """安全生产考察"""
    ETHICS = "ethics"
    """职业道德评分"""
    PERFORMANCE = "performance"
    """工作业绩评定"""
    CREDITS = "credits"
    """在线培训考核（学分累积）"""
    REVIEW = "review"
    """综合评审"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its share of the total in percent, and what it takes to pass it.

    With `veto` a part not passed fails the person whatever the total (一票否决).
    """

    kind: PartKind
    weight: int
    pass_mark: int = PASS_MARK
    veto: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The parts for a level, and the total needed; `reasons` for what departs, by part kind."""

    level: str
    parts: tuple[Part, ...]
    total_mark: int = PASS_MARK
    reasons: Mapping[PartKind, str]


class SchemeFault(StrEnum):
    """What can be wrong with a scheme; the words are in `registry.wording`."""

    NO_PARTS = "scheme-no-parts"
    PART_TWICE = "scheme-part-twice"
    WEIGHT_RANGE = "scheme-weight-range"
    WEIGHTS_SUM = "scheme-weights-sum"
    MARK_RANGE = "scheme-mark-range"
    NATIONAL_PART_MISSING = "scheme-national-part-missing"
    NATIONAL_PART_WEAKENED = "scheme-national-part-weakened"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeFinding:
    """One fault, and the part it is about (None: the whole)."""

    fault: SchemeFault
    part: PartKind | None = None


def national_parts(level: str) -> tuple[PartKind, ...]:
    """Give the parts that the national standards ask for at a level (symbol 5 to 1)."""
    review = (PartKind.REVIEW,) if level in REVIEWED_LEVELS else ()
    return (PartKind.THEORY, PartKind.SKILL, *review)


def check_scheme(scheme: Scheme) -> tuple[SchemeFinding, ...]:
    """Say everything that is wrong with a scheme; nothing if it may be sent in."""
    return tuple(_findings(scheme))


def _findings(scheme: Scheme) -> Iterator[SchemeFinding]:
    if not scheme.parts:
        yield SchemeFinding(fault=SchemeFault.NO_PARTS)
        return
    kinds = [part.kind for part in scheme.parts]
    for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        yield SchemeFinding(fault=SchemeFault.PART_TWICE, part=kind)
    for part in scheme.parts:
        if not 0 <= part.weight <= FULL:
            yield SchemeFinding(fault=SchemeFault.WEIGHT_RANGE, part=part.kind)
        if not 0 <= part.pass_mark <= FULL:
            yield SchemeFinding(fault=SchemeFault.MARK_RANGE, part=part.kind)
    if not 0 < scheme.total_mark <= FULL:
        yield SchemeFinding(fault=SchemeFault.MARK_RANGE)
    if sum(part.weight for part in scheme.parts) != FULL:
        yield SchemeFinding(fault=SchemeFault.WEIGHTS_SUM)
    yield from _departures(scheme)


def _departures(scheme: Scheme) -> Iterator[SchemeFinding]:
    by_kind = {part.kind: part for part in scheme.parts}
    for kind in national_parts(scheme.level):
        if scheme.reasons.get(kind, "").strip():
            continue
        part = by_kind.get(kind)
        if part is None:
            yield SchemeFinding(fault=SchemeFault.NATIONAL_PART_MISSING, part=kind)
        elif part.pass_mark < PASS_MARK or not part.veto:
            yield SchemeFinding(fault=SchemeFault.NATIONAL_PART_WEAKENED, part=kind)
