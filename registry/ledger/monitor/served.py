"""A log's tiles and bundles as its server gives them, with what is wrong in their form."""

from __future__ import annotations

from typing import Final

from registry.ledger.monitor.errors import AnswerTooLong
from registry.ledger.monitor.source import LogSource
from signing.errors import MalformedTile, MissingTile
from signing.tlog.merkle import HASH_BYTES
from signing.tlog.tiles import (
    MAX_ENTRY,
    TILE_WIDTH,
    TileId,
    TileReader,
    decode_bundle,
    tile_path,
)

MAX_TILE: Final = TILE_WIDTH * HASH_BYTES
"""Length of a full tile, in bytes."""

MAX_BUNDLE: Final = TILE_WIDTH * (2 + MAX_ENTRY)
"""Longest entry bundle, in bytes."""


class Served:
    """The files of one log. Nothing of it is trusted: all is compared or hashed by the caller."""

    def __init__(self, source: LogSource) -> None:
        self._source = source

    def tile(self, tile: TileId) -> bytes:
        """Return a tile's hashes, joined. Raises MissingTile, MalformedTile, LogUnreachable."""
        data = self._raw(tile)
        if len(data) not in {tile.width * HASH_BYTES, MAX_TILE}:
            raise MalformedTile("a tile has the wrong length")
        return data[: tile.width * HASH_BYTES]

    def bundle(self, tile: TileId) -> list[bytes]:
        """Return a bundle's entries. Raises MissingTile, MalformedTile, LogUnreachable."""
        return decode_bundle(self._raw(tile), tile.width)

    def reader(self) -> TileReader:
        """Return a reader of whole trees, for proofs."""
        return TileReader(lambda path: self._read(path, MAX_TILE))

    def _raw(self, tile: TileId) -> bytes:
        # A partial tile may be deleted once the full one exists; it begins with the same bytes.
        limit = MAX_BUNDLE if tile.level is None else MAX_TILE
        for width in dict.fromkeys((tile.width, TILE_WIDTH)):
            path = tile_path(TileId(level=tile.level, index=tile.index, width=width))
            try:
                return self._read(path, limit)
            except FileNotFoundError:
                continue
        raise MissingTile("the log does not serve the file")

    def _read(self, path: str, limit: int) -> bytes:
        try:
            return self._source.read(path, limit)
        except AnswerTooLong:
            raise MalformedTile("a file of the log is too long") from None
