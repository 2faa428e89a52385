"""What the public site is told once, at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from keys.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from keys.clock import Clock

DEFAULT_MAX_AGE: Final = timedelta(days=7)
"""A status list is published daily; a week covers the longest public holiday's failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """`public_dir` is only read; `pepper` (32 bytes) opens the mirror's index rows.

    `base_url` is the site's public address without a final slash; a QR code naming another
    one is refused. A status older than `max_age` proves nothing.
    """

    public_dir: Path
    pepper: bytes
    base_url: str
    clock: Clock = field(default_factory=SystemClock)
    max_age: timedelta = DEFAULT_MAX_AGE

    def __repr__(self) -> str:
        # The pepper must not reach a log line by way of a debugger or an error page.
        return f"SiteConfig(base_url={self.base_url!r})"
