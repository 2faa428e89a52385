"""How a one-time code reaches somebody: a channel takes a message and an address, and sends it.

The web process only puts messages down (`verify_web.outbox`); the working process sends them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to one e-mail address. Neither may stand in any log."""

    address: str
    subject: str
    text: str


class NotSent(Exception):
    """The message was not taken; it is tried again later."""


class Channel(Protocol):
    """Sends messages, wherever they go."""

    def send(self, message: Message) -> None:
        """Send one message; when this returns it has been taken over. Raises NotSent."""
        ...


class ConsoleChannel:
    """Prints messages where the working process runs: for trying the site out, and nothing else."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def send(self, message: Message) -> None:
        """Print one message."""
        self._stream.write(
            f"--- to {message.address} (console channel: nothing is sent) ---\n"
            f"{message.subject}\n\n{message.text}---\n"
        )
        self._stream.flush()
