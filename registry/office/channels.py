"""How a one-time code reaches a holder (验证码通道): a channel takes a letter and sends it.

This room opens no connection: channels that do are made where the program is put together.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A text to an e-mail address or a mobile number. Neither may stand in any log."""

    address: str
    subject: str
    text: str

    @property
    def is_mail(self) -> bool:
        """Whether it goes by e-mail; else it goes to a mobile number."""
        return "@" in self.address

    def __repr__(self) -> str:
        # A code or an address must not reach a log line.
        return "Letter()"


class LetterLost(Exception):
    """The letter was not taken: its code is good for minutes, and another can be asked for."""


class Channel(Protocol):
    """Sends letters, wherever they go."""

    def send(self, letter: Letter) -> None:
        """Send one letter; when this returns it has been taken over. Raises LetterLost."""
        ...


class ConsoleChannel:
    """Prints letters where the worker runs: for trying the page out, and nothing else."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def send(self, letter: Letter) -> None:
        """Print one letter."""
        self._stream.write(
            f"--- to {letter.address} (console channel: nothing is sent) ---\n"
            f"{letter.subject}\n{letter.text}---\n"
        )
        self._stream.flush()
