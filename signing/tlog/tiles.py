"""The tile layout of C2SP tlog-tiles: paths, entry bundles, and reading a tree from tiles.

A tile of level L holds up to 256 hashes of nodes at height 8·L; the heights between are
hashed from it on demand. Tiles never change, so what was read once may be kept. Whoever
reads a tile trusts nothing in it: every hash goes into a proof or root that is checked.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from signing.errors import MalformedProof, MalformedTile, MissingTile
from signing.tlog.merkle import HASH_BYTES, MAX_SIZE, fold, next_level
from signing.tlog.paths import range_nodes, tree_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from signing.tlog.paths import Node

TILE_HEIGHT: Final = 8
"""Levels of the tree that one level of tiles spans."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile, entries in a full bundle."""

MAX_ENTRY: Final = 0xFFFF
"""Longest entry in bytes: a bundle gives its length two bytes."""

MAX_LEVEL: Final = 7
"""Highest tile level a tree of MAX_SIZE leaves has."""

ReadTile: TypeAlias = Callable[[str], bytes]
"""Reads a file of the log by its path; raises FileNotFoundError or KeyError if there is none."""

_LENGTH = struct.Struct(">H")
_CACHED_TILES: Final = 1024
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9])/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileId:
    """Which tile: `level` (None for a bundle of entries), `index` in it, `width` 1 to 256."""

    level: int | None
    index: int
    width: int = TILE_WIDTH


def tile_path(tile: TileId) -> str:
    """Path below the log's prefix, such as "tile/0/x001/x234/067.p/112"."""
    level = "entries" if tile.level is None else str(tile.level)
    digits = str(tile.index)
    groups = digits.zfill(len(digits) + -len(digits) % 3)
    parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
    suffix = f".p/{tile.width}" if tile.width < TILE_WIDTH else ""
    return f"tile/{level}/{'/'.join([*(f'x{part}' for part in parts[:-1]), parts[-1]])}{suffix}"


def parse_tile_path(path: str) -> TileId:
    """Read what `tile_path` writes, and nothing else (no "..", no second spelling).

    Raises MalformedTile.
    """
    found = _PATH.fullmatch(path) if len(path) <= len("tile/entries/") + 7 * 5 + 5 else None
    if found is None:
        raise MalformedTile("this is not the path of a tile")
    level = None if found["level"] == "entries" else int(found["level"])
    tile = TileId(
        level=level,
        index=int(re.sub("[x/]", "", found["index"])),
        width=int(found["width"] or TILE_WIDTH),
    )
    if tile_path(tile) != path or tile.index > MAX_SIZE >> TILE_HEIGHT or (level or 0) > MAX_LEVEL:
        raise MalformedTile("this is not the path of a tile")
    return tile


def width_at(size: int, level: int, index: int) -> int:
    """How many hashes tile `index` of `level` holds in a tree of `size`: 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def tiles_of(size: int) -> Iterator[TileId]:
    """Every tile and bundle a tree of `size` leaves is served as, level by level, bundles last."""
    for level in (*range(MAX_LEVEL + 1), None):
        count = size >> TILE_HEIGHT * (level or 0)
        for index in range(-(-count // TILE_WIDTH)):
            yield TileId(level=level, index=index, width=width_at(size, level or 0, index))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entry bundle: each entry as big-endian u16 length, then its bytes.

    Raises MalformedTile for an entry over MAX_ENTRY bytes.
    """
    length = _LENGTH.pack
    try:
        return b"".join([length(len(entry)) + entry for entry in entries])
    except struct.error:
        raise MalformedTile(f"a log entry is longer than {MAX_ENTRY} bytes") from None


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Read the first `width` entries of a bundle; a full bundle must hold nothing behind them.

    Raises MalformedTile.
    """
    entries: list[bytes] = []
    at, end = 0, len(data)
    try:
        while at < end:
            start = at + 2
            at = start + (data[at] << 8 | data[at + 1])
            entries.append(data[start:at])
    except IndexError:
        at = end + 1
    if at > end:
        raise MalformedTile("an entry bundle ends in the middle of an entry")
    if len(entries) < width or len(entries) > TILE_WIDTH:
        raise MalformedTile("an entry bundle holds too few or too many entries")
    return entries[:width]


class TileReader:
    """Reads a log's tiles through `read`, keeping the last thousand used (about 16 KB each).

    Safe to share between threads if `read` is. `at(size)` gives the tree of that size.
    """

    def __init__(self, read: ReadTile) -> None:
        self._read = read
        self._rows = lru_cache(_CACHED_TILES)(self._load_rows)

    def at(self, size: int) -> TreeReader:
        """Return the tree of `size` leaves. Nothing is read yet, nothing is checked."""
        return TreeReader(self, size)

    def hashes(self, level: int, index: int, width: int) -> list[bytes]:
        """Hashes of a tile, the first `width` of it. Raises MissingTile or MalformedTile."""
        return self._rows(level, index, width)[0]

    def rows(self, level: int, index: int, width: int) -> list[list[bytes]]:
        """Rows of all heights within a tile: its hashes, then the nodes above them."""
        return self._rows(level, index, width)

    def entries(self, index: int, width: int) -> list[bytes]:
        """Entries of a bundle, the first `width` of it. Raises MissingTile or MalformedTile."""
        return decode_bundle(self._fetch(None, index, width), width)

    def _load_rows(self, level: int, index: int, width: int) -> list[list[bytes]]:
        if not width:
            raise MissingTile("the tree is too small to have this tile")
        data = self._fetch(level, index, width)
        if len(data) not in {width * HASH_BYTES, TILE_WIDTH * HASH_BYTES}:
            raise MalformedTile("a tile has the wrong length")
        rows = [[data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]]
        while len(rows[-1]) > 1:
            rows.append(next_level(rows[-1]))
        return rows

    def _fetch(self, level: int | None, index: int, width: int) -> bytes:
        # A partial tile may be deleted once the full one exists; it begins with the same bytes.
        for tried in dict.fromkeys((width, TILE_WIDTH)):
            path = tile_path(TileId(level=level, index=index, width=tried))
            try:
                return self._read(path)
            except (FileNotFoundError, KeyError):
                continue
        raise MissingTile("a tile of the log cannot be read: try again later")


class TreeReader:
    """The tree of one size, read from tiles. Calling it reads nodes: it is a `HashReader`."""

    __slots__ = ("_edges", "_tiles", "size")

    def __init__(self, tiles: TileReader, size: int) -> None:
        self._tiles = tiles
        self.size = size
        # By the height of a perfect subtree on the right edge: the end of its leaves' paths. As
        # many as the size has 1-bits; of a tree of one size they do not change.
        self._edges: dict[int, list[bytes]] = {}

    def path(self, index: int) -> tuple[bytes, ...]:
        """Give what `inclusion_path` gives for leaf `index`, with the right edge hashed only once.

        Raises MalformedProof when the tree has no such leaf, MissingTile or MalformedTile.
        """
        if not 0 <= index < self.size:
            raise MalformedProof("the leaf's index lies outside the tree")
        # The perfect subtree that holds the leaf ends where index and size first differ.
        height = (index ^ self.size).bit_length() - 1
        edge = self._edges.get(height)
        if edge is None:
            edge = self._edges[height] = self._edge_of(height)
        path, at = [], index
        for level in range(0, height, TILE_HEIGHT):
            tile, place = at >> TILE_HEIGHT, at & TILE_WIDTH - 1
            full = (tile + 1) << level + TILE_HEIGHT <= self.size
            width = TILE_WIDTH if full else width_at(self.size, level // TILE_HEIGHT, tile)
            rows = self._tiles.rows(level // TILE_HEIGHT, tile, width)
            for row in rows[: min(TILE_HEIGHT, height - level)]:
                path.append(row[place ^ 1])
                place >>= 1
            at = tile
        return (*path, *edge)

    def _edge_of(self, height: int) -> list[bytes]:
        """Hashes that end every path of the perfect subtree of this height: right of it, left."""
        nodes = range_nodes(0, self.size)
        peaks = self(nodes)
        own = [level for level, _ in nodes].index(height)
        after = peaks[own + 1 :]
        return [*([fold(after)] if after else []), *reversed(peaks[:own])]

    def __call__(self, nodes: Sequence[Node]) -> list[bytes]:
        """Return the hashes of stored nodes. Raises MissingTile or MalformedTile."""
        found = []
        rows, here = [], None
        for level, index in nodes:
            tile_level, height = divmod(level, TILE_HEIGHT)
            tile, place = index >> TILE_HEIGHT - height, index & (TILE_WIDTH >> height) - 1
            if here != (tile_level, tile):
                # A proof climbs: it takes several nodes from one tile, then goes to the next.
                width = width_at(self.size, tile_level, tile)
                rows, here = self._tiles.rows(tile_level, tile, width), (tile_level, tile)
            if height >= len(rows) or place >= len(rows[height]):
                raise MissingTile("the tree is too small to have this node")
            found.append(rows[height][place])
        return found

    def root(self) -> bytes:
        """Root of the tree, from its right edge. Raises MissingTile or MalformedTile."""
        return tree_root(self.size, self)

    def entry(self, index: int) -> bytes:
        """Leaf data number `index`; its place in the tree is unproven.

        Raises MissingTile (also for an index outside the tree) or MalformedTile.
        """
        if not 0 <= index < self.size:
            raise MissingTile("the tree is too small to have this entry")
        bundle, place = divmod(index, TILE_WIDTH)
        return self._tiles.entries(bundle, width_at(self.size, 0, bundle))[place]

    def entries(self, start: int = 0) -> Iterator[bytes]:
        """Leaf data from number `start` to the end, one bundle at a time in memory."""
        for bundle in range(start // TILE_WIDTH, -(-self.size // TILE_WIDTH)):
            found = self._tiles.entries(bundle, width_at(self.size, 0, bundle))
            yield from found[max(0, start - bundle * TILE_WIDTH) :]
