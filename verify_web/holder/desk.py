"""What the holder's pages ask the registry with: an ask put down, its answer waited for.

A web process has few threads, and who waits holds one. So an answer is waited for three seconds at
most; once one has not come in that time, the worker is away or busy, and the next are waited for
only briefly until one is in time again. The browser then comes back by itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from signing.errors import MalformedExchange
from signing.holder_messages import Begin
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from keys.clock import Clock
    from signing.exchange import Exchange
    from signing.holder_messages import Answer, Ask

WAIT_SECONDS: Final = 3.0
BRIEF_SECONDS: Final = 0.2
STEP_SECONDS: Final = 0.02

BEGIN_SECONDS: Final = 0.4
"""Before this nobody is told that a code was or was not sent: the registry's work for somebody who
exists takes some tenths of a millisecond longer, which many measurements would show."""


class AskLost(Exception):
    """Nobody has the ask any more: it was read already, or stood too long."""


class HolderDesk:
    """Asks the registry. Safe to share between threads."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._late = False

    def ask(self, ask: Ask) -> tuple[bytes, Answer | None]:
        """Put an ask down and wait; the answer is None where it is still to come.

        Raises ServiceTrouble.
        """
        until = time.monotonic() + (BEGIN_SECONDS if isinstance(ask, Begin) else 0.0)
        try:
            ask_id = self._exchange.ask(ask, now=self._clock.now().timestamp())
        except MalformedExchange as fault:
            raise ServiceTrouble(str(fault)) from None
        answer = self.await_answer(ask_id)
        time.sleep(max(0.0, until - time.monotonic()))
        return ask_id, answer

    def await_answer(self, ask_id: bytes) -> Answer | None:
        """Wait for an answer and take it away. Raises ServiceTrouble, AskLost."""
        until = time.monotonic() + (BRIEF_SECONDS if self._late else WAIT_SECONDS)
        try:
            while not self._exchange.is_answered(ask_id):
                if not self._exchange.is_waiting(ask_id):
                    raise AskLost
                if time.monotonic() >= until:
                    self._late = True
                    return None
                time.sleep(STEP_SECONDS)
            self._late = False
            return self._exchange.collect(ask_id)
        except MalformedExchange as fault:
            raise ServiceTrouble(str(fault)) from None
