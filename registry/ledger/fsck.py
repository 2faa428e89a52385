"""Checking the whole published log from its files alone (`certreg log fsck`).

Every bundle is read, every leaf hashed, every tile and the root computed again, every entry
parsed and its promises kept: no number twice, batch counts and range roots true, status roots
equal to what the events give. All faults are reported, not the first; nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from keys.policy import Policy
from registry.ledger.replay import Replay
from signing.errors import MissingTile, SigningError
from signing.tlog.checkpoint import Checkpoint, open_checkpoint
from signing.tlog.merkle import leaf_hashes, root_of
from signing.tlog.tiles import TILE_WIDTH, TileId, TileReader, tile_path, tiles_of, width_at

REPORTED_AT_MOST = 10_000
"""More faults than this are counted, not listed: a log of zeros must not fill the memory."""


class FaultKind(StrEnum):
    """What is wrong with one file or entry."""

    CHECKPOINT = "checkpoint"
    MISSING = "missing"
    DAMAGED = "damaged"
    ROOT = "root"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFault:
    """One fault: its kind, where (a path or an entry's index), and what is wrong."""

    kind: FaultKind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """The result: ``size`` is the checkpoint's (-1 if unreadable), ``entries`` were read."""

    size: int
    entries: int
    faults: tuple[LogFault, ...]


def fsck(root: Path, policy: Policy) -> LogReport:
    """Check the log below ``root``; always ends, whatever the files hold."""
    return _Check(root, policy).run()


class _Check:
    """One pass over the log, collecting faults."""

    def __init__(self, root: Path, policy: Policy) -> None:
        self._root = root
        self._policy = policy
        self._faults: dict[tuple[str, str], LogFault] = {}
        self._reader = TileReader(self._read)

    def _read(self, path: str) -> bytes:
        try:
            return (self._root / path).read_bytes()
        except OSError as error:
            # An unreadable sector is a fault of this file, not the end of the check.
            raise FileNotFoundError(path) from error

    def run(self) -> LogReport:
        """Check checkpoint, tiles from the top down, bundles and entries."""
        checkpoint = self._checkpoint()
        if checkpoint is None:
            return self._report(-1, 0)
        self._tiles(checkpoint)
        replay, entries = Replay(), 0
        for bundle in range(-(-checkpoint.size // TILE_WIDTH)):
            tile = TileId(level=None, index=bundle, width=width_at(checkpoint.size, 0, bundle))
            found = self._bundle(tile)
            entries += len(found)
            for place, entry in enumerate(found):
                for what in replay.take(bundle * TILE_WIDTH + place, entry):
                    self._add(FaultKind.ENTRY, f"entry {bundle * TILE_WIDTH + place}", what)
        return self._report(checkpoint.size, entries)

    def _report(self, size: int, entries: int) -> LogReport:
        return LogReport(size=size, entries=entries, faults=tuple(self._faults.values()))

    def _add(self, kind: FaultKind, where: str, what: str) -> None:
        if len(self._faults) < REPORTED_AT_MOST:
            self._faults.setdefault((where, what), LogFault(kind=kind, where=where, what=what))

    def _checkpoint(self) -> Checkpoint | None:
        try:
            data = (self._root / "checkpoint").read_bytes()
            return open_checkpoint(data, self._policy).checkpoint
        except OSError:
            self._add(FaultKind.MISSING, "checkpoint", "the file cannot be read")
        except SigningError as error:
            self._add(FaultKind.CHECKPOINT, "checkpoint", f"not acceptable ({error.code})")
        return None

    def _tiles(self, checkpoint: Checkpoint) -> None:
        """Check that every tile is there and hashes to its place in the tile above it."""
        for tile in tiles_of(checkpoint.size):
            if tile.level is not None and (hashes := self._hashes(tile)) is not None:
                self._place(checkpoint.size, tile, hashes)
        try:
            if self._reader.at(checkpoint.size).root() != checkpoint.root:
                self._add(FaultKind.ROOT, "checkpoint", "the tiles' right edge gives another root")
        except SigningError:
            self._add(FaultKind.ROOT, "checkpoint", "the root cannot be computed: see the tiles")

    def _hashes(self, tile: TileId) -> list[bytes] | None:
        try:
            return self._reader.hashes(tile.level or 0, tile.index, tile.width)
        except MissingTile:
            self._add(FaultKind.MISSING, tile_path(tile), "the file is missing or unreadable")
        except SigningError as error:
            self._add(FaultKind.DAMAGED, tile_path(tile), f"wrong length or form ({error.code})")
        return None

    def _place(self, size: int, tile: TileId, hashes: list[bytes]) -> None:
        wanted = self._parent(size, tile)
        if wanted is not None and root_of(hashes) != wanted:
            self._add(
                FaultKind.DAMAGED, tile_path(tile), "does not hash to its place in the tile above"
            )

    def _parent(self, size: int, tile: TileId) -> bytes | None:
        """Return the hash that the tile above has for this full tile, if it can be read."""
        above = (tile.level or 0) + 1
        if tile.width < TILE_WIDTH:
            return None
        index, place = divmod(tile.index, TILE_WIDTH)
        try:
            return self._reader.hashes(above, index, width_at(size, above, index))[place]
        except SigningError:
            return None  # reported where that tile itself is checked

    def _bundle(self, tile: TileId) -> list[bytes]:
        path = tile_path(tile)
        try:
            entries = self._reader.entries(tile.index, tile.width)
        except MissingTile:
            self._add(FaultKind.MISSING, path, "the file is missing or unreadable")
            return []
        except SigningError as error:
            self._add(FaultKind.DAMAGED, path, f"wrong length or form ({error.code})")
            return []
        try:
            hashes = self._reader.hashes(0, tile.index, tile.width)
        except SigningError:
            return entries  # the tile's own fault is reported; the entries are still looked at
        own = leaf_hashes(entries)
        for place, (mine, theirs) in enumerate(zip(own, hashes, strict=True)):
            if mine != theirs:
                what = f"entry {tile.index * TILE_WIDTH + place} does not hash to its leaf"
                self._add(FaultKind.DAMAGED, path, what)
        return entries
