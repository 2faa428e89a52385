"""The day of registration that an import's batch names, held to the log's own times.

Whoever writes a log may call a batch as it likes, and a verifier shows that day. What bounds it is
the `status` entries around the leaf: a certificate stands in no log before it was registered, and
is taken up with the next round. A day of tolerance on either side, for the time zone and for what
was registered while a round was under way.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import msgspec

from registry.ledger.monitor.findings import Kind, Say
from signing.tlog.entry import Import, imported_on, parse_time

_CHINA: Final = timedelta(hours=8)
_TOLERANCE: Final = timedelta(days=1)


class ImportDays(msgspec.Struct, kw_only=True):
    """The days named since the newest status entry, each with the first leaf that names it."""

    since: dict[str, int] = msgspec.field(default_factory=dict)

    def take(self, index: int, entry: Import, say: Say, *, before: str) -> None:
        """Take the first leaf of a run of imports. `before`: the status entry's time, or ""."""
        day = imported_on(entry)
        if day is None:
            say(Kind.IMPORT_DAY, f"batch {entry.batch} names no day of registration")
            return
        # A later edition stands in its first one's batch, whose day is long gone.
        if before and entry.edition == 1 and day < _day(before, -_TOLERANCE):
            what = (
                f"says that it was registered on {day}, the status entry before it is of {before}"
            )
            say(Kind.IMPORT_DAY, what)
        self.since.setdefault(day.isoformat(), index)

    def status(self, time: str, say: Say) -> None:
        """Take a status entry of this time: no leaf ahead of it is of a later day."""
        latest = _day(time, _TOLERANCE).isoformat()
        for day, leaf in self.since.items():
            if day > latest:
                what = f"is of {time}; leaf {leaf} before it says that it was registered on {day}"
                say(Kind.IMPORT_DAY, what)
        self.since.clear()


def _day(time: str, beyond: timedelta) -> date:
    """Return the day in China of a status entry's time, moved; the calendar's end if beyond it."""
    try:
        return (parse_time(time) + (_CHINA + beyond)).date()
    except OverflowError:
        # A log that lies about its times must not stop who looks at it.
        return date.max if beyond > timedelta() else date.min
