"""Reading a log's files for `fsck`: each once, whole or not at all, and which of them there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from signing.errors import MalformedTile, MissingTile, SigningError
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
    """The tiles and bundles below ``root``. An unreadable sector is a missing file, no more."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def raw(self, tile: TileId) -> bytes | None:
        """Return a file's bytes, of the full tile where the partial one is gone; None if none."""
        for width in dict.fromkeys((tile.width, TILE_WIDTH)):
            path = tile_path(TileId(level=tile.level, index=tile.index, width=width))
            try:
                with (self._root / path).open("rb") as file:
                    return file.read(MAX_FILE + 1)
            except OSError:
                continue
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
        return TileReader(self._read)

    def _read(self, path: str) -> bytes:
        try:
            return (self._root / path).read_bytes()
        except OSError as error:
            raise FileNotFoundError(path) from error


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
