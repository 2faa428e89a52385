"""Making names durable: directories held open from before a change until they are synced.

The handle comes before the change because Linux reports a failed write to the handles that were
open when it failed; one that is opened afterwards may be told that all is well.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MARK: Final = ".mark"
"""Made and removed again to change a directory; one name, so that a crash leaves one at most."""
OPEN_AT_MOST: Final = 64
"""Directories held open at a time; beyond that they are synced early, which is always right."""


class Directories:
    """The directories that get names in one step of work; all methods raise ``OSError``.

    ``anew_below``: every directory from a file's own up to this one is changed before it is
    synced. For names that an earlier process, or an attempt whose fsync failed, may have left
    in memory alone: the fsync of a directory that looks unchanged writes nothing.
    """

    __slots__ = ("_anew_below", "_open")

    def __init__(self, *, anew_below: Path | None = None) -> None:
        self._open: dict[Path, int] = {}
        self._anew_below = anew_below

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the handles; what was not synced by then has failed in some other way."""
        while self._open:
            os.close(self._open.popitem()[1])

    def hold(self, directory: Path) -> None:
        """Open an existing directory that is about to get a name, unless it is open already."""
        if directory not in self._open:
            self._open[directory] = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)

    def make(self, directory: Path) -> None:
        """Make ``directory`` and those above it where they are missing, and hold all concerned."""
        if directory in self._open:
            return
        if len(self._open) >= OPEN_AT_MOST:
            self.sync()
            self.__exit__(None, None, None)
        missing, step = [], directory
        while not step.exists():
            missing.append(step)
            step = step.parent
        self.hold(step)
        self._stir(step)
        for new in reversed(missing):
            new.mkdir(exist_ok=True)
            self.hold(new)

    def sync(self) -> None:
        """Make every name given meanwhile durable."""
        for descriptor in self._open.values():
            os.fsync(descriptor)

    def _stir(self, directory: Path) -> None:
        """Change ``directory`` and all above it up to ``anew_below``, held open from before."""
        top = self._anew_below
        if top is None:
            return
        for place in (directory, *directory.parents):
            if place != top and top not in place.parents:
                return
            self.hold(place)
            mark = place / MARK
            mark.touch()
            mark.unlink(missing_ok=True)
