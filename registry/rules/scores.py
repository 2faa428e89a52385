"""Scores (成绩): from marks by part to passed or not, as the scheme says (notice 五).

Marks are kept in tenths of a point, so that sums are exact and everybody who computes them gets
the same result: `755` is 75.5. A serious safety record is a veto by itself (一票否决).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.rules.scheme import FULL, PartKind, Scheme
from registry.rules.text import squeeze

TENTHS: Final = 10
_MARK = re.compile(r"([0-9]{1,3})(?:\.([0-9]))?")
_ABSENT: Final = frozenset({"缺考", "缺席"})


class Unread(StrEnum):
    """Why a cell is no mark."""

    MISSING = "score-missing"
    FORM = "score-form"
    RANGE = "score-range"


class Failing(StrEnum):
    """Why a person did not pass; several at once."""

    PART = "part-below-mark"
    TOTAL = "total-below-mark"
    ABSENT = "absent"
    SAFETY = "safety-veto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`total` in tenths of a point; `failing` says why not, part by part (None: the whole)."""

    passed: bool
    total: int
    failing: tuple[tuple[Failing, PartKind | None], ...]


def read_mark(text: str) -> int | Unread | None:
    """Read a mark as tenths; None for "absent" (缺考); what is wrong with any other text."""
    plain = squeeze(text)
    if not plain:
        return Unread.MISSING
    if plain in _ABSENT:
        return None
    found = _MARK.fullmatch(plain)
    if found is None:
        return Unread.FORM
    tenths = int(found[1]) * TENTHS + int(found[2] or 0)
    return tenths if tenths <= FULL * TENTHS else Unread.RANGE


def outcome(scheme: Scheme, marks: Mapping[PartKind, int | None], *, unsafe: bool) -> Outcome:
    """Compute a person's result; `unsafe`: a serious breach of safe production on record.

    A part without a mark counts as absent, and as nought in the total.
    """
    total = sum((marks.get(part.kind) or 0) * part.weight for part in scheme.parts)
    # Compared before it is rounded: 59.96 is not 60.
    reasons = tuple(_failing(scheme, marks, total, unsafe=unsafe))
    return Outcome(passed=not reasons, total=total // FULL, failing=reasons)


def _failing(
    scheme: Scheme, marks: Mapping[PartKind, int | None], total: int, *, unsafe: bool
) -> Iterator[tuple[Failing, PartKind | None]]:
    if unsafe:
        yield Failing.SAFETY, None
    for part in scheme.parts:
        mark = marks.get(part.kind)
        if mark is None:
            yield Failing.ABSENT, part.kind
        elif part.veto and mark < part.pass_mark * TENTHS:
            yield Failing.PART, part.kind
    if total < scheme.total_mark * TENTHS * FULL:
        yield Failing.TOTAL, None
