"""Times as the page shows them: Beijing time (北京时间, UTC+8 the year round)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8))
"""Fixed: Asia/Shanghai has had no other offset since 1991, and every time shown is later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A moment whose two texts are known already."""

    clock: str
    machine: str


def clock_time(moment: datetime | Shown) -> str:
    """`2026年11月23日 18:02`."""
    if isinstance(moment, Shown):
        return moment.clock
    local = moment.astimezone(BEIJING)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def machine_time(moment: datetime | Shown) -> str:
    """RFC 3339 with Beijing's offset, for a `time` element's attribute."""
    if isinstance(moment, Shown):
        return moment.machine
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def printed_date(text: str) -> str:
    """`2026-11-23` as the paper prints it, `2026年11月23日`. Raises ValueError."""
    day = date.fromisoformat(text)
    return f"{day.year}年{day.month}月{day.day}日"
