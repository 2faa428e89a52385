"""Checking the whole published log from its files alone (`certreg log fsck`).

Every bundle is read, every leaf hashed, every tile and the root computed again, every entry
parsed and its promises kept (`monitor.replay`); partial tiles of earlier sizes must be the
beginning of what stands now. All faults are reported, not the first; nothing is changed. A
checkpoint that is not acceptable, or is not up to the database's head, is one fault more: the
files are checked at that head (what a crash left staged counts), or at the size it claims, as far
as they go. It always ends, whatever the files hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from keys.policy import Policy
from registry.ledger.fsck_files import LogFiles, partial_files, reach, staged_round
from registry.ledger.monitor.findings import FINDINGS_AT_MOST
from registry.ledger.monitor.replay import Replay
from signing.errors import MissingTile, SigningError
from signing.tlog.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from signing.tlog.merkle import HASH_BYTES, leaf_hashes, root_of
from signing.tlog.note import parse_note
from signing.tlog.paths import tree_root
from signing.tlog.tiles import MAX_LEVEL, TILE_WIDTH, TileId, decode_bundle, tile_path, width_at

REPORTED_AT_MOST = FINDINGS_AT_MOST
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
    """The result: ``size`` was checked (-1 if none is known), ``entries`` were read.

    ``unlisted``: faults beyond the most that are listed.
    """

    size: int
    entries: int
    faults: tuple[LogFault, ...]
    unlisted: int = 0


def fsck(root: Path, policy: Policy, *, head: Checkpoint | None = None) -> LogReport:
    """Check the log below ``root``.

    ``head`` is the database's head: it says how far to look where the public checkpoint claims
    less or cannot be believed, which would hide the rest of the log.
    """
    return _Check(root, policy).run(head if head and head.size else None)


class _Check:
    """One pass over the log, collecting faults."""

    def __init__(self, root: Path, policy: Policy) -> None:
        self._root = root
        self._policy = policy
        # Found in one pass over the files, told in this order: what stands above comes first.
        self._of_tiles: dict[tuple[str, str], LogFault] = {}
        self._of_entries: dict[tuple[str, str], LogFault] = {}
        self._unlisted = 0
        self._files = LogFiles(root)
        self._round = ""
        self._public: Checkpoint | None = None
        self._newest: tuple[TileId | None, bytes | None] = None, None

    def run(self, head: Checkpoint | None) -> LogReport:
        """Check checkpoint, tiles, bundles and entries, then what is left of earlier sizes."""
        checkpoint = self._checkpoint(head)
        if checkpoint is None:
            return self._report(-1, 0)
        # Staged files that give the head's root are all there is to a size: no false claim.
        size = checkpoint.size if self._round else self._bounded(checkpoint.size)
        above = self._upper_tiles(size)
        replay, entries = Replay(), 0
        for bundle in range(-(-size // TILE_WIDTH)):
            leaves = self._leaf_tile(size, bundle, above)
            found = self._bundle(size, bundle)
            own = leaf_hashes(found)
            self._compare(size, bundle, own, leaves)
            entries += len(found)
            for finding in replay.take(bundle * TILE_WIDTH, found, own):
                self._add(FaultKind.ENTRY, finding.where, finding.what, self._of_entries)
        self._edge(checkpoint, size)
        self._beginning(checkpoint, size)
        self._partials(size)
        return self._report(size, entries)

    def _report(self, size: int, entries: int) -> LogReport:
        faults = (*self._of_tiles.values(), *self._of_entries.values())
        return LogReport(size=size, entries=entries, faults=faults, unlisted=self._unlisted)

    def _add(
        self,
        kind: FaultKind,
        where: str,
        what: str,
        among: dict[tuple[str, str], LogFault] | None = None,
    ) -> None:
        if len(self._of_tiles) + len(self._of_entries) >= REPORTED_AT_MOST:
            self._unlisted += 1
            return
        fault = LogFault(kind=kind, where=where, what=what)
        (self._of_tiles if among is None else among).setdefault((where, what), fault)

    def _checkpoint(self, head: Checkpoint | None) -> Checkpoint | None:
        """Return the head to check: the public one, or a larger ``head``, or what a bad one claims.

        Where the public one is bad ``head`` goes before what it claims.
        """
        try:
            data = (self._root / "checkpoint").read_bytes()
        except OSError:
            self._add(FaultKind.MISSING, "checkpoint", "the file cannot be read")
            return self._at(head)
        try:
            public = open_checkpoint(data, self._policy).checkpoint
        except SigningError as error:
            self._add(FaultKind.CHECKPOINT, "checkpoint", f"not acceptable ({error.code})")
            with suppress(SigningError):
                return self._at(head) or parse_checkpoint(parse_note(data).text)
            return None
        if head is None or head.size < public.size:
            return public
        if head.size > public.size:
            self._public = public
            self._at(head)
            self._add(FaultKind.CHECKPOINT, "checkpoint", self._behind(public, head))
        elif head.root != public.root:
            what = "another root than the database's head of the same size"
            self._add(FaultKind.ROOT, "checkpoint", what)
        return head

    def _at(self, head: Checkpoint | None) -> Checkpoint | None:
        """Take in what was staged for ``head`` and is not in its place yet."""
        if head is not None:
            self._round = staged_round(self._root, head)
            self._files = LogFiles(self._root, self._round)
        return head

    def _behind(self, public: Checkpoint, head: Checkpoint) -> str:
        where = " (its files wait in .staging)" if self._round else ""
        return (
            f"says {public.size} entries, the database's head {head.size}{where}: "
            "`certreg anchor` publishes it if no other fault is named"
        )

    def _bounded(self, size: int) -> int:
        """Return how much of ``size`` there are files for: a false size must not keep us busy."""
        reached = reach(self._root)
        if size <= reached + TILE_WIDTH * REPORTED_AT_MOST:
            return size
        what = f"says {size} entries; the files end before entry {reached}"
        self._add(FaultKind.CHECKPOINT, "checkpoint", what)
        return reached

    def _upper_tiles(self, size: int) -> list[bytes | None]:
        """Check the tiles above level 0; return those of level 1."""
        above: list[bytes | None] = []
        for level in range(MAX_LEVEL, 0, -1):
            count = -(-(size >> 8 * level) // TILE_WIDTH)
            row = [self._tile(size, level, index) for index in range(count)]
            for index, data in enumerate(row):
                self._place(TileId(level=level, index=index), data, above)
            above = row
        return above

    def _leaf_tile(self, size: int, index: int, above: Sequence[bytes | None]) -> bytes | None:
        data = self._tile(size, 0, index)
        self._place(TileId(level=0, index=index), data, above)
        return data

    def _tile(self, size: int, level: int, index: int) -> bytes | None:
        tile = TileId(level=level, index=index, width=width_at(size, level, index))
        try:
            return self._files.tile(tile)
        except MissingTile:
            self._add(FaultKind.MISSING, tile_path(tile), "the file is missing or unreadable")
        except SigningError as error:
            self._add(FaultKind.DAMAGED, tile_path(tile), f"wrong length or form ({error.code})")
        return None

    def _place(self, tile: TileId, data: bytes | None, above: Sequence[bytes | None]) -> None:
        """Check that a full tile hashes to its place in the tile above, if that can be read."""
        index, place = divmod(tile.index, TILE_WIDTH)
        if data is None or len(data) < TILE_WIDTH * HASH_BYTES:
            return
        parent = above[index] if index < len(above) else None
        if parent is not None and root_of(_hashes(data)) != _hashes(parent)[place]:
            what = "does not hash to its place in the tile above"
            self._add(FaultKind.DAMAGED, tile_path(tile), what)

    def _bundle(self, size: int, index: int) -> list[bytes]:
        tile = TileId(level=None, index=index, width=width_at(size, 0, index))
        where = tile_path(tile)
        try:
            return self._files.bundle(tile)
        except MissingTile:
            what = "the file is missing or unreadable"
            self._add(FaultKind.MISSING, where, what, self._of_entries)
        except SigningError as error:
            what = f"wrong length or form ({error.code})"
            self._add(FaultKind.DAMAGED, where, what, self._of_entries)
        return []

    def _compare(self, size: int, index: int, own: list[bytes], tile: bytes | None) -> None:
        if tile is None or not own or tile == b"".join(own):
            return  # the tile's own fault is reported; the entries are still looked at
        where = tile_path(TileId(level=None, index=index, width=width_at(size, 0, index)))
        for place, (mine, theirs) in enumerate(zip(own, _hashes(tile), strict=True)):
            if mine != theirs:
                what = f"entry {index * TILE_WIDTH + place} does not hash to its leaf"
                self._add(FaultKind.DAMAGED, where, what, self._of_entries)

    def _edge(self, checkpoint: Checkpoint, size: int) -> None:
        """Check that the tiles' right edge gives the checkpoint's root."""
        if size != checkpoint.size:
            return  # reported: there are no files for it
        try:
            root = self._files.reader().at(size).root()
        except SigningError:
            self._add(FaultKind.ROOT, "checkpoint", "the root cannot be computed: see the tiles")
            return
        if root != checkpoint.root:
            self._add(FaultKind.ROOT, "checkpoint", "the tiles' right edge gives another root")

    def _beginning(self, checkpoint: Checkpoint, size: int) -> None:
        """Check that a public checkpoint that is behind is of the history checked here."""
        public = self._public
        if public is None or not public.size or size != checkpoint.size:
            return
        try:
            root = tree_root(public.size, self._files.reader().at(size))
        except SigningError:
            return  # the tiles' own faults are reported
        if root != public.root:
            what = f"the tiles give another root for its {public.size} entries"
            self._add(FaultKind.ROOT, "checkpoint", what)

    def _partials(self, size: int) -> None:
        """Check what is left of earlier sizes: such a tile is the beginning of the one now."""
        blamed = {where for where, _what in (*self._of_tiles, *self._of_entries)}
        for tile in partial_files(self._root):
            now = width_at(size, tile.level or 0, tile.index)
            newest = TileId(level=tile.level, index=tile.index, width=now)
            # At the present width or beyond the head: not an earlier size's. Where the newer file
            # has a fault of its own, nothing can be said of the older one.
            if tile.width >= now or tile_path(newest) in blamed:
                continue
            if not self._is_beginning(tile, newest):
                what = "is not the beginning of the tile that stands now"
                self._add(FaultKind.DAMAGED, tile_path(tile), what, self._of_entries)

    def _is_beginning(self, tile: TileId, newest: TileId) -> bool:
        older = self._files.raw(tile)
        if self._newest[0] != newest:
            # One tile may have 255 older parts, which lie together.
            self._newest = newest, self._files.raw(newest)
        whole = self._newest[1]
        if older is None or whole is None or not whole.startswith(older):
            return False
        if tile.level is not None:
            return len(older) == tile.width * HASH_BYTES
        try:
            return len(decode_bundle(older, tile.width)) == tile.width
        except SigningError:
            return False


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
