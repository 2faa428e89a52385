"""Reading on: from where the monitor stands to a signed tree head, entry by entry.

The root is computed from the entries alone; tiles are only compared with what the entries give.
Every so often, and before the first entry that does not fit its tile, the part read so far is
proved to be the beginning of the signed tree. Only then is what its entries say held against the
log: a server could otherwise make up findings, or a part, that the log never signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from registry.ledger.monitor.findings import Finding, Kind
from registry.ledger.monitor.replay import OnIssue, Replay
from registry.ledger.monitor.served import Served
from signing.errors import MissingTile, SigningError
from signing.tlog.appender import TileAppender, TileFile
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.merkle import HASH_BYTES, leaf_hashes, verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.tiles import TILE_WIDTH, TileId, parse_tile_path, tile_path, width_at

PART: Final = 65_536
"""Entries after which a part is proved and put down; more in a large log (a quarter of it)."""

FOUND_AT_MOST: Final = 10_000
"""Findings held for one part. With as many files at fault the reading ends: a false size must not
keep us asking for bundles that never were."""

OnPart: TypeAlias = Callable[[list[Finding]], None]
"""Told, with its findings, that what was read so far belongs to the signed tree."""


class Reading:
    """One reading towards `goal`; `size` is that of the tree whose files the server has now."""

    def __init__(
        self,
        served: Served,
        edge: TileAppender,
        replay: Replay,
        *,
        goal: Checkpoint,
        size: int,
        on_issue: OnIssue,
        on_part: OnPart,
    ) -> None:
        self._served, self._edge, self._replay = served, edge, replay
        self._goal, self._size = goal, size
        self._on_issue, self._on_part = on_issue, on_part
        self._proved = edge.size
        self._broken = False
        self._of_files: list[Finding] = []
        self._of_entries: list[Finding] = []

    def run(self) -> bool:
        """Read. True if the entries give the goal's root; the state then stands at the goal.

        Raises LogUnreachable; what was given to `on_part` before stays true.
        """
        known = self._known()
        for bundle in range(self._edge.size // TILE_WIDTH, -(-self._goal.size // TILE_WIDTH)):
            self._bundle(bundle, known)
            known = b""
            if len(self._of_files) >= FOUND_AT_MOST:
                return False
            if self._edge.size - self._proved >= max(PART, self._proved // 4):
                self._prove()
        if not self._broken:
            self._compare(self._edge.finish())
        return self._prove()

    @property
    def of_files(self) -> list[Finding]:
        """What was found wrong with files since the last part."""
        return self._of_files

    def _known(self) -> bytes:
        """Return the leaf hashes, joined, of the bundle that was read in part before."""
        width = self._edge.size % TILE_WIDTH
        if not width:
            return b""
        tile = TileId(level=0, index=self._edge.size // TILE_WIDTH, width=width)
        return dict(self._edge.finish())[tile_path(tile)]

    def _bundle(self, index: int, known: bytes) -> None:
        """Take one bundle: compare it with its tile, then let its entries speak."""
        width = width_at(self._size, 0, index)
        where = tile_path(TileId(level=None, index=index, width=width))
        entries = self._entries(index, width, where)
        if entries is None:
            self._break()
            return
        leaves = leaf_hashes(entries)
        fits = self._fits(index, leaves)
        if not b"".join(leaves).startswith(known):
            self._add(Kind.BUNDLE, where, "begins with other entries than were read before")
            self._break()
        if not fits and not self._broken:
            self._prove()
        if self._broken:
            return
        first = self._edge.size
        new = slice(first - index * TILE_WIDTH, self._goal.size - index * TILE_WIDTH)
        appended = self._edge.append(entries[new])
        found = self._replay.take(first, entries[new], appended.leaf_hashes, self._on_issue)
        self._of_entries += found[: FOUND_AT_MOST - len(self._of_entries)]
        self._compare(appended.files)

    def _break(self) -> None:
        """Prove what came before an unreadable bundle; what follows is only compared."""
        if not self._broken:
            self._prove()
        self._broken = True

    def _entries(self, index: int, width: int, where: str) -> list[bytes] | None:
        try:
            return self._served.bundle(TileId(level=None, index=index, width=width))
        except MissingTile:
            self._add(Kind.MISSING, where, "the log does not serve it")
        except SigningError:
            self._add(Kind.BUNDLE, where, "is cut short, too long, or no entry bundle")
        return None

    def _fits(self, index: int, leaves: list[bytes]) -> bool:
        """Tell whether entries hash to their level-0 tile, or there is no tile to say."""
        tile = TileId(level=0, index=index, width=len(leaves))
        data = self._tile(tile)
        if data is None or data == b"".join(leaves):
            return True
        for place, leaf in enumerate(leaves):
            if data[place * HASH_BYTES : (place + 1) * HASH_BYTES] != leaf:
                what = f"entry {index * TILE_WIDTH + place} does not hash to its leaf"
                self._add(Kind.TILE, tile_path(tile), what)
        return False

    def _tile(self, tile: TileId) -> bytes | None:
        try:
            return self._served.tile(tile)
        except MissingTile:
            self._add(Kind.MISSING, tile_path(tile), "the log does not serve it")
        except SigningError:
            self._add(Kind.TILE, tile_path(tile), "has the wrong length")
        return None

    def _compare(self, files: Iterable[TileFile]) -> None:
        """Compare the tiles above level 0 with what the entries give.

        Where the entries then prove false, it was they that differed: such a finding is dropped.
        """
        for path, wanted in files:
            tile = parse_tile_path(path)
            # Served are the widths of the newest tree; its wider tile begins with ours.
            if tile.level:
                width = width_at(self._size, tile.level, tile.index)
                data = self._tile(TileId(level=tile.level, index=tile.index, width=width))
                if data is not None and not data.startswith(wanted):
                    what = "is not what the entries give"
                    self._of_entries.append(Finding(kind=Kind.TILE, where=path, what=what))

    def _add(self, kind: Kind, where: str, what: str) -> None:
        if len(self._of_files) < FOUND_AT_MOST:
            self._of_files.append(Finding(kind=kind, where=where, what=what))

    def _prove(self) -> bool:
        """Prove the part read so far against the goal; if it holds, hand its findings on."""
        edge, goal = self._edge, self._goal
        if edge.size == goal.size:
            holds = edge.root() == goal.root
        else:
            holds = edge.size > self._proved and self._is_beginning()
        if holds:
            self._proved = edge.size
            found = [*self._of_files, *self._of_entries]
            self._of_files, self._of_entries = [], []
            self._on_part(found)
        return holds and edge.size == goal.size

    def _is_beginning(self) -> bool:
        edge, goal = self._edge, self._goal
        tree = self._served.reader().at(goal.size)
        try:
            proof = consistency_path(edge.size, goal.size, tree)
            verify_consistency(edge.size, goal.size, edge.root(), goal.root, proof)
        except SigningError:
            return False
        return True
