"""Reading a log's files for `fsck`: each once, whole or not at all, and which of them there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import StorageFailed
from signing.errors import MalformedTile, MissingTile, SigningError
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.merkle import HASH_BYTES
from signing.tlog.tiles import (
    MAX_ENTRY,
    TILE_WIDTH,
    TileId,
    TileReader,
    decode_bundle,
    parse_tile_path,
    tile_path,
)

MAX_FILE: Final = TILE_WIDTH * (2 + MAX_ENTRY)
"""Longest file of a log, in bytes: a bundle of the longest entries."""


class LogFiles:
    """The tiles and bundles below ``root``. An unreadable sector is a missing file, no more.

    ``round_id`` names the round whose staged files stand in for what is not in its place yet.
    """

    def __init__(self, root: Path, round_id: str = "") -> None:
        self._root = root
        self._staged = _Staged(root, round_id)

    def raw(self, tile: TileId) -> bytes | None:
        """Return a file's bytes, of the full tile where the partial one is gone; None if none."""
        widths = dict.fromkeys((tile.width, TILE_WIDTH))
        paths = [tile_path(TileId(level=tile.level, index=tile.index, width=w)) for w in widths]
        for path in paths:
            with suppress(OSError), (self._root / path).open("rb") as file:
                return file.read(MAX_FILE + 1)
        for path in paths:
            with suppress(FileNotFoundError):
                return self._staged.read(path)
        return None

    def tile(self, tile: TileId) -> bytes:
        """Return the hashes of a tile, joined. Raises MissingTile or MalformedTile."""
        data = self.raw(tile)
        if data is None:
            raise MissingTile("the file is missing or unreadable")
        if len(data) not in {tile.width * HASH_BYTES, TILE_WIDTH * HASH_BYTES}:
            raise MalformedTile("a tile has the wrong length")
        return data[: tile.width * HASH_BYTES]

    def bundle(self, tile: TileId) -> list[bytes]:
        """Return the entries of a bundle. Raises MissingTile or MalformedTile."""
        data = self.raw(tile)
        if data is None:
            raise MissingTile("the file is missing or unreadable")
        return decode_bundle(data, tile.width)

    def reader(self) -> TileReader:
        """Return a reader of the tree, for its right edge."""
        return TileReader(self.file)

    def file(self, path: str) -> bytes:
        """Return the file at ``path``. Raises FileNotFoundError."""
        with suppress(OSError):
            return (self._root / path).read_bytes()
        return self._staged.read(path)


class _Staged:
    """The staged files of one round; none for the round ``""``."""

    def __init__(self, root: Path, round_id: str) -> None:
        self._storage = LocalStorage(root)
        self._round_id = round_id

    def read(self, path: str) -> bytes:
        """Return a file. Raises FileNotFoundError, also for one that cannot be read."""
        if self._round_id:
            with suppress(FileNotFoundError, StorageFailed):
                return self._storage.read_staged(self._round_id, path)
        raise FileNotFoundError(path)


def staged_round(root: Path, head: Checkpoint) -> str:
    """Return the round whose staged files, with those in place, give ``head``; "" if none does.

    Whatever else lies there, of rounds that came to nothing, gives another root or lacks the last
    tile, which every round stages.
    """
    last = head.size - 1
    edge = tile_path(TileId(level=0, index=last // TILE_WIDTH, width=last % TILE_WIDTH + 1))
    rounds: frozenset[str] = frozenset()
    with suppress(StorageFailed):
        rounds = LocalStorage(root).rounds()
    for round_id in sorted(rounds):
        staged, placed = _Staged(root, round_id), LogFiles(root)

        def read(path: str, staged: _Staged = staged, placed: LogFiles = placed) -> bytes:
            # Staged before placed: what took a tile's place is to be named, and hides nothing.
            with suppress(FileNotFoundError):
                return staged.read(path)
            return placed.file(path)

        with suppress(FileNotFoundError, SigningError):
            staged.read(edge)
            if TileReader(read).at(head.size).root() == head.root:
                return round_id
    return ""


def partial_files(root: Path) -> Iterator[TileId]:
    """Yield every partial tile and bundle that lies below ``root``, whatever its size's fate."""
    for tile in _files(root, "tile"):
        if tile.width < TILE_WIDTH:
            yield tile


def reach(root: Path) -> int:
    """Return a size that no file below ``root`` reaches beyond (256 entries to a bundle)."""
    kinds = ("tile/entries", "tile/0")
    last = max((tile.index for kind in kinds for tile in _files(root, kind)), default=-1)
    return (last + 1) * TILE_WIDTH


def _files(root: Path, below: str) -> Iterator[TileId]:
    for file in (root / below).rglob("[0-9]*"):
        # What is no tile of ours harms no reader: a server may keep its own files there.
        try:
            yield parse_tile_path(file.relative_to(root).as_posix())
        except SigningError:
            continue
