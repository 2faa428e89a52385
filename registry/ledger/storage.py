"""Where the published log's files lie (C2SP tlog-tiles layout): one small interface, two kinds.

A file of the log is *staged* under a round's id, out of everybody's sight, and *placed* at its
path once the head it belongs to is committed. So what stands at a tile's path was signed for:
it never changes, and a round that came to nothing leaves nothing that a later one could meet.
Only checkpoints are replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from registry.errors import RegistryError


class LogBusy(RegistryError):
    """Another sequencer of this home is at work."""

    code: ClassVar[str] = "log-busy"


class StorageFailed(RegistryError):
    """The disk or the object store refused: full, read-only, damaged or out of reach."""

    code: ClassVar[str] = "storage-failed"


class StorageConflict(RegistryError):
    """Other bytes stand at the path of a tile that this round would write."""

    code: ClassVar[str] = "storage-conflict"


class LogStorage(Protocol):
    """The files of one log; ``path`` is relative, with ``/`` between its parts.

    Readers may look at any moment, also after a power cut: a path holds either nothing or whole
    bytes. All methods raise ``StorageFailed`` when the storage refuses; what was asked for may
    then be done, undone or half done, and nothing of it counts as durable.
    """

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold what lock the storage has; ``LogBusy`` if another process does.

        Freed by a crash. It spares work; what keeps the log whole is the head's
        compare-and-swap.
        """

    def read(self, path: str) -> bytes:
        """Return the bytes at ``path``; ``FileNotFoundError`` if there are none.

        Promises nothing about durability: what is read may be gone after a power cut, unless
        `place` or `replace` has returned for it.
        """

    def names(self, folder: str) -> frozenset[str]:
        """Return the names of the files that stand directly in ``folder``, which need not be."""

    def stage(self, round_id: str, items: Iterable[tuple[str, bytes]]) -> None:
        """Keep files for the round; all of them durable when this returns, none before.

        They are invisible at their paths. May be called many times in a round, and holds no
        more than a few files in memory. ``StorageConflict`` if other bytes already stand at a
        path: found here, before anything is signed, rather than in `place`.
        """

    def read_staged(self, round_id: str, path: str) -> bytes:
        """Return staged bytes; ``FileNotFoundError`` if the round has none for ``path``."""

    def place(self, round_id: str) -> None:
        """Put every staged file of the round at its path; all durable when this returns.

        To be called once the round's head is committed, and again until it has returned once:
        a crash leaves some files placed and all others still staged. Bytes that already stand
        there are let be if they are the same; ``StorageConflict`` if not, nothing overwritten.
        A round of which nothing is staged (any more) is placed.
        """

    def rounds(self) -> frozenset[str]:
        """Return the rounds of which something is staged."""

    def discard(self, round_ids: Iterable[str]) -> None:
        """Forget what these rounds staged. Not durable: it may be back after a power cut.

        Only for rounds that can never be committed, or that are placed.
        """

    def replace(self, path: str, data: bytes) -> None:
        """Put ``data`` at ``path``, over what is there; durable when this returns.

        A reader, and a crash, see the old bytes or the new, never a part and never nothing.
        """


def conflict(path: str) -> StorageConflict:
    """Return the error for a tile that would change; what a person must do stands in it."""
    return StorageConflict(
        f"{path} stands in the log with other bytes: a tile that was signed would change, so "
        "another history is being written. Stop issuing and signing, run `certreg log fsck`, "
        "and find out which database belongs to this log (docs/operations.md, disasters)"
    )
