"""Looking into a PDF that was handed in: scripts, launching, files inside; the parent's side.

The file is parsed in a process of its own (`registry.documents.pdf_worker`); what that says is one
word of a list, and anything else is taken for a file that cannot be read. A file about which
nothing can be said is never called clean.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from registry.confined import STOPPED_BY_A_LIMIT, child, start_of
from registry.documents.pdf_finding import PdfFinding

MEMORY_BYTES: Final = 512 * 1024 * 1024
CPU_SECONDS: Final = 10
WALL_SECONDS: Final = 30.0
MOST_OBJECTS: Final = 1_000_000
"""Dictionaries and streams; a scanned file of twenty mebibytes has some hundreds."""

_START: Final = start_of("registry.documents.pdf_worker")
_LONGEST_WORD: Final = 16


def look_into(path: Path) -> PdfFinding:
    """Say what a PDF holds that a reader could run. Raises ``OSError`` if it cannot be opened."""
    figures = [str(n) for n in (MEMORY_BYTES, CPU_SECONDS, MOST_OBJECTS)]
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with child(_START, figures, stdin=descriptor, wall_seconds=WALL_SECONDS) as process:
            word = process.stdout.read(_LONGEST_WORD) if process.stdout else b""
            ended = process.wait()
    finally:
        os.close(descriptor)
    if ended in STOPPED_BY_A_LIMIT:
        return PdfFinding.TOO_MUCH
    try:
        return PdfFinding(word.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return PdfFinding.UNREADABLE
