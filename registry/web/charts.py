"""Figures as bars on pages: a table that says all, with a bar beside each number.

Drawn by the server as SVG rectangles: no script and no inline style is needed, and whoever cannot
see the bars hears the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from registry.office.results import ResultLine
from registry.rules.levels import BY_SYMBOL
from registry.rules.scheme import PartKind, Scheme
from registry.rules.scores import TENTHS
from registry.sheets.layout_scores import PART_NAMES

FULL: Final = 100
"""Length of the longest bar, in units of the drawing."""

_BANDS: Final = ((0, 60), (60, 70), (70, 80), (80, 90), (90, 101))
"""Points, the upper one left out: what totals are counted by."""

WEEK: Final = "一二三四五六日"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its words, what stands beside it, its length of `FULL`, its look ("" or late)."""

    label: str
    figure: str
    length: int
    tone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One day of a chart of days; ``head`` and ``foot`` are its short label in two lines."""

    head: str
    foot: str
    count: int
    length: int
    tone: str = ""


def counted(
    rows: Iterable[tuple[str, int]],
    *,
    tones: Mapping[str, str] | None = None,
    addresses: Mapping[str, str] | None = None,
) -> tuple[Bar, ...]:
    """Draw counts, the greatest one in full length."""
    rows = tuple(rows)
    most = max((count for _, count in rows), default=0)
    return tuple(
        Bar(
            label=label,
            figure=str(count),
            length=length(count, most),
            tone=(tones or {}).get(label, ""),
            address=(addresses or {}).get(label, ""),
        )
        for label, count in rows
    )


def length(count: int, most: int) -> int:
    """Return a bar's length: none for nought, at least a hair for what is not nought."""
    return 0 if count == 0 else max(FULL * count // most, 1)


def days(late: int | None, counts: Sequence[tuple[date, int]]) -> tuple[Column, ...]:
    """Draw what is late, unless that is not told (None), then what is due on each of the days."""
    most = max([late or 0, *(count for _, count in counts)])
    first = (
        ()
        if late is None
        else (Column(head="逾期", foot="—", count=late, length=length(late, most), tone="late"),)
    )
    rest = (
        Column(
            head=f"{day.month}/{day.day}",
            foot=f"周{WEEK[day.weekday()]}",
            count=count,
            length=length(count, most),
        )
        for day, count in counts
    )
    return (*first, *rest)


def totals(lines: Sequence[ResultLine]) -> tuple[Bar, ...]:
    """Count whole points of the totals by bands, the lowest one marked."""
    points = [line.outcome.total for line in lines]
    rows = [
        (f"{first}–{end - 1} 分", sum(first * TENTHS <= total < end * TENTHS for total in points))
        for first, end in _BANDS
    ]
    return counted(rows, tones={rows[0][0]: "late"})


def levels(given: Iterable[tuple[int, str, int]]) -> tuple[Bar, ...]:
    """Draw numbers given (year, level, count) by level, the lowest level first."""
    sums = dict.fromkeys(BY_SYMBOL, 0)
    for _, level, count in given:
        sums[level] += count
    return counted((BY_SYMBOL[level].printed, count) for level, count in sums.items())


def years(given: Iterable[tuple[int, str, int]]) -> tuple[Bar, ...]:
    """Draw numbers given (year, level, count) by year, in the order of the years."""
    sums: dict[int, int] = {}
    for year, _, count in given:
        sums[year] = sums.get(year, 0) + count
    return counted((f"{year} 年", sums[year]) for year in sorted(sums))


def pass_rates(
    lines: Sequence[ResultLine], schemes: Mapping[str, Scheme], kinds: Iterable[PartKind]
) -> tuple[Bar, ...]:
    """Give, part by part, how many of those who had it reached its own mark."""
    marks = {
        (BY_SYMBOL[level].printed, part.kind): part.pass_mark * TENTHS
        for level, scheme in schemes.items()
        for part in scheme.parts
    }
    bars = []
    for kind in kinds:
        sat = [line for line in lines if kind in line.parts]
        reached = sum((line.marks.get(kind) or 0) >= marks[line.level, kind] for line in sat)
        share = FULL * reached // len(sat)
        bars.append(
            Bar(
                label=PART_NAMES[kind],
                figure=f"{reached}/{len(sat)} 人，{share}%",
                length=length(reached, len(sat)),
            )
        )
    return tuple(bars)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One line of counts in two parts: ``seen`` is what counts, ``beside`` what is told with it.

    ``figures`` are all its numbers in the order of the table's columns; the lengths are of `FULL`
    and together at most that.
    """

    label: str
    figures: tuple[int, ...]
    seen: int
    beside: int


def split(rows: Iterable[tuple[str, tuple[int, ...]]]) -> tuple[Split, ...]:
    """Draw counts whose first figure counts and whose others are beside; the greatest sum fills."""
    rows = tuple(rows)
    most = max((sum(figures) for _, figures in rows), default=0)
    drawn = []
    for label, figures in rows:
        seen = length(figures[0], most)
        # Of a hair for each part the sum may not grow beyond the whole.
        beside = min(length(sum(figures[1:]), most), FULL - seen)
        drawn.append(Split(label=label, figures=figures, seen=seen, beside=beside))
    return tuple(drawn)


def first_few(
    rows: Sequence[tuple[str, tuple[int, ...]]], count: int, rest: str
) -> list[tuple[str, tuple[int, ...]]]:
    """Keep so many lines and sum the others under ``rest``, which says how many they are."""
    if len(rows) <= count + 1:
        return list(rows)
    others = rows[count:]
    sums = tuple(map(sum, zip(*(figures for _, figures in others), strict=True)))
    return [*rows[:count], (rest.format(n=len(others)), sums)]
