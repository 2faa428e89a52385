"""How much may be asked: a bucket for each asker, in memory; a restart forgives.

What is counted is what costs: signatures that are checked. A city that works needs some hundred
requests an hour; a stranger is stopped by address before any signature is looked at. An address
has one bucket for the cities' requests and one for the public lookup.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from typing import Final

BURST: Final = 1200
"""Requests at once of one address: a 64 MiB package in the shortest pieces that make sense."""

EACH_SECOND: Final = 20
"""Requests that come back each second."""

_MOST: Final = 10_000
"""Askers remembered; beyond it the one that asked longest ago is forgotten."""


class Buckets:
    """Token buckets by asker. Safe to share between threads."""

    def __init__(self, *, burst: int = BURST, each_second: float = EACH_SECOND) -> None:
        self._burst, self._each_second = burst, each_second
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, asker: str, now: datetime) -> bool:
        """Take one; False if there is none left."""
        with self._lock:
            left, since = self._left.pop(asker, (float(self._burst), now))
            # A clock set back gives nothing and takes nothing.
            gained = max(0.0, (now - since).total_seconds()) * self._each_second
            left = min(float(self._burst), left + gained)
            allowed = left >= 1
            self._left[asker] = (left - 1 if allowed else left, now)
            while len(self._left) > _MOST:
                self._left.popitem(last=False)
            return allowed
