"""Growing a tiled log (C2SP tlog-tiles) in chunks, with memory bounded by one chunk.

What is kept between chunks is the right edge: below 256 hashes a tile level and below 256
entries. `append` gives the tiles and bundles that became full, `finish` the partial ones of
the size reached. Nothing is written here and nothing is decided: the sequencer writes the
files durably, compares `root()` with what it expects, and only then commits the new head; a
crash in between leaves files that the next run writes again with the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from signing.errors import MalformedTile
from signing.tlog.merkle import CompactRange, leaf_hashes, next_level
from signing.tlog.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileId,
    encode_bundle,
    tile_path,
    width_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from signing.tlog.tiles import TileReader

TileFile = tuple[str, bytes]
"""A file to be written: its path below the log's prefix, and its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What one chunk brought: its `leaf_hashes` in order, and the `files` that became full."""

    leaf_hashes: list[bytes]
    files: list[TileFile]


class TileAppender:
    """A log of `size` leaves being extended; its right edge is read through `tiles`.

    Raises MissingTile or MalformedTile if the edge cannot be read, and MalformedTile if the
    partial bundle does not hash to the partial tile. Compare `root()` with the committed
    root before appending.
    """

    def __init__(self, size: int, tiles: TileReader) -> None:
        self._size = size
        self._rows: list[list[bytes]] = []
        self._entries: list[bytes] = []
        level = 0
        while size >> TILE_HEIGHT * level:
            index = size >> TILE_HEIGHT * (level + 1)
            width = width_at(size, level, index)
            self._rows.append(list(tiles.hashes(level, index, width)) if width else [])
            level += 1
        if size % TILE_WIDTH:
            self._entries = tiles.entries(size // TILE_WIDTH, size % TILE_WIDTH)
            if leaf_hashes(self._entries) != self._rows[0]:
                raise MalformedTile("the last entry bundle does not belong to the last tile")

    @property
    def size(self) -> int:
        """Number of leaves, those appended included."""
        return self._size

    def append(self, entries: Sequence[bytes]) -> Appended:
        """Add leaf data. Raises MalformedTile, changing nothing, for an entry over 65,535 bytes."""
        bundle = self._size // TILE_WIDTH
        waiting = [*self._entries, *entries]
        full = len(waiting) - len(waiting) % TILE_WIDTH
        files = [
            (
                tile_path(TileId(level=None, index=bundle + at // TILE_WIDTH)),
                encode_bundle(waiting[at : at + TILE_WIDTH]),
            )
            for at in range(0, full, TILE_WIDTH)
        ]
        encode_bundle(waiting[full:])
        self._entries = waiting[full:]
        hashes = leaf_hashes(entries)
        files += self._grow(hashes)
        return Appended(leaf_hashes=hashes, files=files)

    def _grow(self, hashes: list[bytes]) -> Iterator[TileFile]:
        """Add hashes to the tiles, level by level; the roots of full tiles go one level up."""
        old_size = self._size
        self._size += len(hashes)
        rising, level = hashes, 0
        while rising:
            if level == len(self._rows):
                self._rows.append([])
            row = self._rows[level] + rising
            full = len(row) - len(row) % TILE_WIDTH
            first = old_size >> TILE_HEIGHT * (level + 1)
            for at in range(0, full, TILE_WIDTH):
                tile = TileId(level=level, index=first + at // TILE_WIDTH)
                yield tile_path(tile), b"".join(row[at : at + TILE_WIDTH])
            self._rows[level] = row[full:]
            rising = row[:full]
            for _ in range(TILE_HEIGHT):
                rising = next_level(rising)
            level += 1

    def finish(self) -> Iterator[TileFile]:
        """Partial tiles and the partial bundle of the present size; more may be appended after."""
        for level, row in enumerate(self._rows):
            if row:
                index = self._size >> TILE_HEIGHT * (level + 1)
                yield tile_path(TileId(level=level, index=index, width=len(row))), b"".join(row)
        if self._entries:
            tile = TileId(level=None, index=self._size // TILE_WIDTH, width=len(self._entries))
            yield tile_path(tile), encode_bundle(self._entries)

    def edge(self) -> CompactRange:
        """Right edge of the tree of the present size; its `root()` is the tree's."""
        peaks: list[bytes] = []
        for row in reversed(self._rows):
            within = CompactRange()
            within.extend(row)
            peaks += within.hashes
        return CompactRange.from_hashes(self._size, peaks)

    def root(self) -> bytes:
        """Root of the tree of the present size."""
        return self.edge().root()
