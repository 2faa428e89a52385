"""What the desks are given of the exchange with the centre: made anew for each use, from one home.

Made when it is asked for, because an upload key or the centre's card may have changed since the
program began. Either may raise what says that something is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.upload.kit import Kit
from registry.upload.receiving import Reception


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """``kit()`` freezes and packs; ``reception()`` judges receipts, or raises ``NoCentre``.

    ``before()`` refuses when the ledger says that nothing may be signed or recorded now.
    """

    kit: Callable[[], Kit]
    reception: Callable[[], Reception]
    before: Callable[[], None]
