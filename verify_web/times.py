"""Times as the page shows them: Beijing time (北京时间, UTC+8 the year round), by its language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

from signing.wording import Words

BEIJING: Final = timezone(timedelta(hours=8))
"""Fixed: Asia/Shanghai has had no other offset since 1991, and every time shown is later."""

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A moment whose texts are known already: for people, for machines."""

    clock: Words
    machine: str


def clock_words(moment: datetime | Shown) -> Words:
    """`2026年11月23日 18:02`, `23 November 2026, 18:02`."""
    if isinstance(moment, Shown):
        return moment.clock
    local = moment.astimezone(BEIJING)
    day = date_words(local.date())
    return Words(f"{day.zh} {local:%H:%M}", f"{day.en}, {local:%H:%M}")


def machine_time(moment: datetime | Shown) -> str:
    """RFC 3339 with Beijing's offset, for a `time` element's attribute."""
    if isinstance(moment, Shown):
        return moment.machine
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def date_words(day: date | str) -> Words:
    """`2026年11月23日`, `23 November 2026`; a text must be an ISO date. Raises ValueError."""
    if isinstance(day, str):
        day = date.fromisoformat(day)
    return Words(
        f"{day.year}年{day.month}月{day.day}日", f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    )


def printed_date(text: str) -> str:
    """`2026-11-23` as the paper prints it, in Chinese on every page. Raises ValueError."""
    return date_words(text).zh
