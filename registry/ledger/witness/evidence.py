"""Proof that a log lied: two checkpoints of one size with different roots, both signed by it.

Kept in `STATE/forks/` as the notes themselves, so that anybody can check them by the log's key.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from registry.ledger.witness.wire import monitoring_path
from signing.tlog.checkpoint import Checkpoint

FORKS_AT_MOST: Final = 100
"""Notes kept: one is proof enough, and a log gone mad must not fill the disk."""


class Forks:
    """The folder of such notes; `tell` is called with a line for the operator."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell

    def keep(self, new: Checkpoint, *, ours: bytes, theirs: bytes) -> None:
        """Keep both notes and tell the operator. Told once; raises OSError if the disk refuses."""
        log = monitoring_path(new.origin)[:16]
        name = f"{log}-{new.size}-{new.root.hex()[:16]}.theirs"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        known = set(os.listdir(self._folder))  # noqa: PTH208 - names are all that is asked
        if name in known or len(known) >= 2 * FORKS_AT_MOST:
            return
        _write(self._folder / f"{log}-{new.size}.ours", ours)
        _write(self._folder / name, theirs)
        self._tell(
            f"ALARM: the log {new.origin} has signed two histories at {new.size} entries; both "
            f"are kept in {self._folder}: tell the office and the other witnesses"
        )

    def count(self) -> int:
        """How many other histories are kept."""
        return len(list(self._folder.glob("*.theirs")))


def _write(file: Path, data: bytes) -> None:
    part = file.with_name(f".{file.name}.part")
    with part.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(file)
