"""What somebody typed, inside ``LIKE``: its signs mean themselves."""

from __future__ import annotations

from typing import Final

ESCAPE: Final = "\\"
"""The sign to name as ``escape`` beside the pattern."""


def like_text(text: str) -> str:
    """Return a text for a pattern, in which ``%``, ``_`` and the escape stand for themselves."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text
