"""What can be found in a PDF that was handed in."""

from __future__ import annotations

from enum import StrEnum


class PdfFinding(StrEnum):
    """The first thing found; nothing of the file itself."""

    NOTHING = "nothing"
    """It can be read to its end and neither runs, starts nor carries anything."""
    RUNS = "runs"
    """It holds a script (JavaScript, XFA) or plays something."""
    STARTS = "starts"
    """It starts a program, or takes in or sends the data of a form."""
    CARRIES = "carries"
    """It has files or media inside."""
    LOCKED = "locked"
    """It asks for a password."""
    UNREADABLE = "unreadable"
    """It is damaged or no PDF."""
    TOO_MUCH = "too-much"
    """Looking into it went over the limits of memory, time or objects."""
