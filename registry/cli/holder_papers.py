"""Papers of holders' requests that wait to be looked into, beside the other asks.

Looking into one takes up to `EXAMINED_SECONDS`: a PDF may be made to be slow, and a virus scan has
its time. Meanwhile codes are sent and pages shown. One thread looks, so that papers never take more
than one of the machine's processors.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from registry.documents.pdf_check import WALL_SECONDS
from signing.exchange import Exchange, Taken

SCAN_SECONDS: Final = 20
"""How long the virus scan has for a holder's paper."""

EXAMINED_SECONDS: Final = WALL_SECONDS + SCAN_SECONDS
"""The longest look at one paper: 50 s, less than an ask is left with its worker (60 s)."""

MOST_WAITING: Final = 16
"""Even the last of so many is looked into before the exchange forgets it (15 minutes)."""

MOST_OF_ONE: Final = 2
"""Of one holder at the same time: nobody fills all the places."""

PAPERS_WAIT: Final = "papers-waiting"
"""The refusal's code where another paper may not wait."""


class Papers:
    """The asks whose papers wait, the oldest first. Safe to share between threads."""

    def __init__(self) -> None:
        self._some = threading.Condition()
        self._waiting: dict[bytes, tuple[bytes, Taken]] = {}

    def offer(self, taken: Taken, id_tag: bytes) -> bool:
        """Have a holder's ask wait; False where too many do. One that waits keeps its place."""
        with self._some:
            if taken.ask_id not in self._waiting:
                of_one = sum(id_tag == other for other, _ in self._waiting.values())
                if len(self._waiting) >= MOST_WAITING or of_one >= MOST_OF_ONE:
                    return False
            # The paper itself stays in the exchange, which bounds all of them together.
            self._waiting[taken.ask_id] = (id_tag, replace(taken, body=b""))
            self._some.notify()
        return True

    def next(self, seconds: float) -> Taken | None:
        """Give the oldest, without its body; None where none came within ``seconds``."""
        with self._some:
            if not self._waiting:
                self._some.wait(seconds)
            if not self._waiting:
                return None
            return self._waiting.pop(next(iter(self._waiting)))[1]

    def hold(self, exchange: Exchange, *, now: float) -> None:
        """Keep those that wait from other workers for another minute; forget what is theirs.

        Done before each look, which is shorter than that minute. Raises MalformedExchange.
        """
        with self._some:
            held = exchange.hold([taken for _, taken in self._waiting.values()], now=now)
            mine = {taken.ask_id: taken for taken in held}
            self._waiting = {
                ask_id: (id_tag, mine[ask_id])
                for ask_id, (id_tag, _) in self._waiting.items()
                if ask_id in mine
            }
