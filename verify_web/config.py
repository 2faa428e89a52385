"""What the public site is told once, at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from keys.clock import SystemClock
from signing.exchange import FILE

if TYPE_CHECKING:
    from pathlib import Path

    from keys.clock import Clock
    from verify_web.clients import Network

DEFAULT_MAX_AGE: Final = timedelta(days=7)
"""A status list is published daily; a week covers the longest public holiday's failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """`public_dir` is only read; `pepper` (32 bytes) opens the mirror's index rows.

    `base_url` is the site's public address without a final slash; a QR code naming another
    one is refused. A status older than `max_age` proves nothing. `state_file` is written: what
    the site remembers over a restart. `X-Forwarded-For` is believed of `trusted_proxies` only.
    `exchange_key` (32 bytes) opens the exchange with the registry; without it there is no holder's
    page.
    """

    public_dir: Path
    pepper: bytes
    base_url: str
    clock: Clock = field(default_factory=SystemClock)
    max_age: timedelta = DEFAULT_MAX_AGE
    state_file: Path | None = None
    trusted_proxies: tuple[Network, ...] = ()
    exchange_key: bytes | None = None

    @property
    def state(self) -> Path:
        """The state file: that of a home (`site/site.db` beside `public/`) where none is named."""
        return self.state_file or self.public_dir.parent / "site" / "site.db"

    @property
    def exchange(self) -> Path:
        """Where the registry's worker takes the asks of the holder's page: beside the state."""
        return self.state.with_name(FILE)

    def __repr__(self) -> str:
        # Neither secret may reach a log line by way of a debugger or an error page.
        return f"SiteConfig(base_url={self.base_url!r})"
