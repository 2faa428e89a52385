"""The one place where time enters: everything else is handed a time or a Clock.

Only the composition roots (the command line, `certverify`, the public site) build a
SystemClock, so every rule that depends on time can be tested at any time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        return datetime.now(UTC)
