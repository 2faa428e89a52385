"""A year's holiday notice (节假日安排): typed days, its own text, a table; and whether it agrees.

The State Council's notice names ranges (放假) and single days (上班), clause by clause, so its text
can be read as it was published. Whoever types or copies makes slips, and one wrong day moves every
deadline of the year: so the law's own days must be among the free ones, and a worked day must be a
Saturday or Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from registry.rules.calendar import provisional_year
from registry.rules.text import Cell, fold, tidy

LONGEST_RANGE: Final = 16
"""Days; the longest holiday there was has nine, and a slip of the year has hundreds."""

_SATURDAY: Final = 5
_PARTS: Final = re.compile(r"[\s,;、；，。]+")
_RANGE: Final = re.compile(r"(.+?)(?:至|到|~|—|–|\.\.)(.+)")
_CLAUSES: Final = re.compile(r"[。;,:]+")
_REMARK: Final = re.compile(r"\([^)]*\)")
_BROKEN: Final = re.compile(r"(?<=[、至到年月（(0-9０-９])[ \t]*\r?\n[ \t]*")
_DASH: Final = re.compile(r"[到~—–-]")
_NAMED: Final = re.compile(
    r"(?:[0-9]{4}年)?[0-9]{1,2}月[0-9]{1,2}日(?:[至到~—–-](?:[0-9]{1,2}月)?[0-9]{1,2}日)?"
)
_WORK: Final = "上班"
_OFF: Final = ("放假", "补休")
_ENDS: Final = ("range_first", "range_last")
_DAY: Final = re.compile(r"(?:([0-9]{4})[-年/.])?([0-9]{1,2})[-月/.]([0-9]{1,2})日?")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysRead:
    """What a text names: its days, and which of its pieces, from 1 on, are none.

    Not the pieces themselves: what is typed in the wrong place may be anything, a person's too.
    """

    days: frozenset[date]
    unread: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradictions:
    """What is wrong with a notice, by kind; all empty: nothing."""

    both: tuple[date, ...]
    """Free and worked at once."""
    weekdays_worked: tuple[date, ...]
    """Worked, and no Saturday or Sunday: it is worked anyway."""
    missing: tuple[date, ...]
    """Free by the law itself, and not named as free."""


def read_days(text: str, year: int) -> DaysRead:
    """Read days of a year: ``2027-01-01``, ``1月1日``, and ranges with ``至``."""
    days: set[date] = set()
    unread: list[int] = []
    for place, part in enumerate(filter(None, _PARTS.split(fold(text))), 1):
        found = _range(part, year)
        if found:
            days.update(found)
        else:
            unread.append(place)
    return DaysRead(days=frozenset(days), unread=tuple(unread))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeText:
    """A notice as the two lists that `read_days` reads, and what could not be placed, cut short."""

    off: str
    work: str
    unread: tuple[str, ...]


def read_text(text: str, year: int) -> NoticeText:
    """Read a notice's own text: each clause that names days says 放假, 补休 or 上班 of them.

    Clauses without a day (共3天) say nothing, nor does the day on which the notice was signed; any
    other clause with days and no such word, or with both, is unread.
    """
    off: list[str] = []
    work: list[str] = []
    unread: list[str] = []
    for clause in _clauses(text):
        days = [_DASH.sub("至", found) for found in _NAMED.findall(clause)]
        worked, free = _WORK in clause, any(word in clause for word in _OFF)
        if worked != free:
            (work if worked else off).extend(days)
        else:
            unread += [found for found in days if worked or not _of_another_year(found, year)]
    return NoticeText(off="\n".join(off), work="\n".join(work), unread=tuple(unread))


def read_rows(rows: Iterable[tuple[int, Mapping[str, Cell]]]) -> NoticeText:
    """Read a table of ranges: first and last day, and 放假 or 上班."""
    off: list[str] = []
    work: list[str] = []
    unread: list[str] = []
    for number, cells in rows:
        # A cell that was a moment of time says the day first.
        ends = [str(cells.get(key, "")).strip().partition(" ")[0] for key in _ENDS]
        kind = tidy(str(cells.get("range_kind", "")))
        kept = work if kind == _WORK else off if kind in _OFF else None
        if kept is None or not ends[0]:
            unread.append(f"第 {number} 行")
        else:
            kept.append("至".join(filter(None, ends)))
    return NoticeText(off="\n".join(off), work="\n".join(work), unread=tuple(unread))


def contradictions(year: int, off: frozenset[date], work: frozenset[date]) -> Contradictions:
    """Say where a notice contradicts itself, the week, or the law."""
    return Contradictions(
        both=tuple(sorted(off & work)),
        weekdays_worked=tuple(sorted(day for day in work if day.weekday() < _SATURDAY)),
        missing=tuple(sorted(provisional_year(year).off - off)),
    )


def _clauses(text: str) -> Iterator[str]:
    # A line ends a clause, unless it breaks off in the middle of one.
    for line in _BROKEN.sub("", text).splitlines():
        for clause in _CLAUSES.split(_REMARK.sub("", fold(line))):
            yield clause.replace(" ", "")


def _of_another_year(day: str, year: int) -> bool:
    written = re.match(r"([0-9]{4})年", day)
    return written is not None and int(written[1]) != year


def _range(part: str, year: int) -> list[date]:
    both = _RANGE.fullmatch(part)
    ends = both.groups() if both else (part, part)
    first = _day(ends[0], year, 0)
    last = _day(ends[1], year, first.month if first else 0)
    if first is None or last is None or not 0 <= (last - first).days < LONGEST_RANGE:
        return []
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _day(text: str, year: int, month: int) -> date | None:
    # "1月1日至3日": the end may leave out its month.
    alone = re.fullmatch(r"([0-9]{1,2})日?", text) if month else None
    found = _DAY.fullmatch(text)
    try:
        if alone:
            return date(year, month, int(alone[1]))
        if found is None or int(found[1] or year) != year:
            return None
        return date(year, int(found[2]), int(found[3]))
    except ValueError:
        return None
