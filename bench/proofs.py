"""Proofs from tiles at 10^4 to 10^7 entries: time, tiles read, bytes; and P3.

One log of 10^7 leaves is built, hash tiles only; the smaller trees are its beginnings, each with
the partial tiles of its own size. A proof is made of random leaves (or from random old sizes) in
two ways: by a reader with an empty cache, so that every tile is read and hashed again, and by one
that keeps its last thousand tiles. The system's file cache is warm both times. Every proof timed
was verified before against the root computed while building. Tiles read are counted once more by
a reader that has the tree's right edge, which is the same for all proofs under one checkpoint.

P3's second half stands beside pymerkle's tree in memory: same leaves, roots and paths compared.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pymerkle
from measure import now, ratio, timed

from signing.tlog.merkle import (
    HASH_BYTES,
    CompactRange,
    leaf_hash,
    leaf_hashes,
    next_level,
    verify_consistency,
    verify_inclusion,
)
from signing.tlog.paths import consistency_path, inclusion_path, tree_root
from signing.tlog.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileId,
    TileReader,
    tile_path,
    width_at,
)

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
CHUNK = 1 << 16
PROOFS = 200
ROUNDS = 7
REPEATS = 5
READS_BAR = 4


def leaf(index: int) -> bytes:
    """Return the data of a leaf: about as long as a short entry's."""
    return b"%064d" % index


def build(folder: Path, sizes: Sequence[int]) -> dict[int, bytes]:
    """Write the hash tiles of the largest size, and the edges of all; return the roots."""
    roots: dict[int, bytes] = {}
    edge = CompactRange()
    rows: list[list[bytes]] = []
    done: list[int] = []
    for start, end in _steps(sizes):
        hashes = leaf_hashes([leaf(index) for index in range(start, end)])
        edge.extend(hashes)
        level = 0
        while hashes:
            if level == len(rows):
                rows.append([])
                done.append(0)
            rows[level] += hashes
            full = len(rows[level]) - len(rows[level]) % TILE_WIDTH
            for at in range(0, full, TILE_WIDTH):
                _write(folder, level, done[level], rows[level][at : at + TILE_WIDTH])
                done[level] += 1
            hashes, rows[level] = rows[level][:full], rows[level][full:]
            for _ in range(TILE_HEIGHT):
                hashes = next_level(hashes)
            level += 1
        if end in sizes:
            roots[end] = edge.root()
            for level, row in enumerate(rows):
                if row:
                    assert width_at(end, level, done[level]) == len(row)
                    _write(folder, level, done[level], row)
    return roots


def _steps(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for size in sizes:
        while start < size:
            end = min(size, start + CHUNK)
            yield start, end
            start = end


def _write(folder: Path, level: int, index: int, hashes: list[bytes]) -> None:
    file = folder / tile_path(TileId(level=level, index=index, width=len(hashes)))
    if index % 1000 == 0 or len(hashes) < TILE_WIDTH:
        file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(hashes))


@dataclass(slots=True)  # mutable: it counts; positional for short
class Counted:
    """Reads tiles of a folder and counts them."""

    folder: Path
    reads: int = 0

    def __call__(self, path: str) -> bytes:
        """Return a tile; a partial one that became full is not there under its old name."""
        data = (self.folder / path).read_bytes()
        self.reads += 1
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of proof at one size, and the leaves or old sizes it is made for."""

    name: str
    size: int
    prove: Callable[[TileReader, int], list[bytes]]
    places: list[int]

    def from_nothing(self, folder: Path) -> list[int]:
        """Make every proof by a reader with an empty cache; return the reads of each."""
        reads = []
        for place in self.places:
            source = Counted(folder)
            self.prove(TileReader(source), place)
            reads.append(source.reads)
        return reads

    def beyond_the_edge(self, folder: Path) -> list[int]:
        """Return the reads of each proof by a reader that has read the tree's right edge."""
        reads = []
        for place in self.places:
            source = Counted(folder)
            reader = TileReader(source)
            reader.at(self.size).root()
            edge = source.reads
            self.prove(reader, place)
            reads.append(source.reads - edge)
        return reads

    def again(self, reader: TileReader) -> None:
        """Make every proof by a reader that has its tiles."""
        for _ in range(REPEATS):
            for place in self.places:
                self.prove(reader, place)


def kinds(folder: Path, roots: dict[int, bytes]) -> list[Kind]:
    """Return both kinds at every size, each of their proofs verified."""
    chance, found = random.Random(1), []
    for size, root in roots.items():
        leaves = [0, size - 1, *(chance.randrange(size) for _ in range(PROOFS - 2))]
        olds = [1, size - 1, *(chance.randrange(1, size) for _ in range(PROOFS - 2))]

        def include(reader: TileReader, place: int, size: int = size) -> list[bytes]:
            return inclusion_path(place, size, reader.at(size))

        def consist(reader: TileReader, place: int, size: int = size) -> list[bytes]:
            return consistency_path(place, size, reader.at(size))

        reader = TileReader(Counted(folder))
        for place in leaves:
            verify_inclusion(leaf_hash(leaf(place)), place, size, include(reader, place), root)
        for place in olds:
            old = tree_root(place, reader.at(size))
            verify_consistency(place, size, old, root, consist(reader, place))
        found += [
            Kind(name="inclusion", size=size, prove=include, places=leaves),
            Kind(name="consistency", size=size, prove=consist, places=olds),
        ]
    return found


def measure_kinds(folder: Path, found: list[Kind]) -> None:
    """Print time, reads and bytes of every kind, and the growth from the least to the most."""
    cold: dict[tuple[str, int], list[float]] = {(kind.name, kind.size): [] for kind in found}
    kept: dict[tuple[str, int], list[float]] = {(kind.name, kind.size): [] for kind in found}
    reads: dict[tuple[str, int], tuple[int, int]] = {}
    readers = {}
    for kind in found:
        readers[kind.name, kind.size] = reader = TileReader(Counted(folder))
        kind.again(reader)
        most = max(kind.from_nothing(folder)), max(kind.beyond_the_edge(folder))
        reads[kind.name, kind.size] = most
    for turn in range(ROUNDS):
        for kind in found if turn % 2 else reversed(found):
            key = (kind.name, kind.size)
            spent = timed(lambda kind=kind: kind.from_nothing(folder))
            cold[key].append(spent.cpu / PROOFS)
            spent = timed(lambda kind=kind, key=key: kind.again(readers[key]))
            kept[key].append(spent.cpu / PROOFS / REPEATS)
    print(f"{'':<24}{'µs CPU a proof':>24}{'tiles read, most':>24}{'most':>9}{'':>8}")
    print(f"{'':<24}{'empty cache':>13}{'kept':>11}", end="")
    print(f"{'empty cache':>13}{'edge kept':>11}{'hashes':>9}{'bytes':>8}")
    for kind in found:
        key = (kind.name, kind.size)
        longest = max(len(kind.prove(readers[key], place)) for place in kind.places)
        print(
            f"{kind.name:<12}{kind.size:>12,}{statistics.median(cold[key]) * 1e6:>13,.1f}"
            f"{statistics.median(kept[key]) * 1e6:>11,.1f}{reads[key][0]:>13}{reads[key][1]:>11}"
            f"{longest:>9}{longest * HASH_BYTES:>8,}"
        )
    _print_growth(found, cold, kept, reads)


def _print_growth(
    found: list[Kind],
    cold: dict[tuple[str, int], list[float]],
    kept: dict[tuple[str, int], list[float]],
    reads: dict[tuple[str, int], tuple[int, int]],
) -> None:
    small, large = found[0].size, found[-1].size
    by_log = math.log(large) / math.log(small)
    for name in dict.fromkeys(kind.name for kind in found):
        print(
            f"P3 {name} from {small:,} to {large:,} leaves: empty cache"
            f" ×{ratio(cold[name, large], cold[name, small])}, kept"
            f" ×{ratio(kept[name, large], kept[name, small])} (log n: ×{by_log:.2f}; bar ×5)"
        )
        whole, beyond = (
            max(most[place] for key, most in reads.items() if key[0] == name) for place in (0, 1)
        )
        print(f"   {name}: at most {whole} tiles with an empty cache, {_bar(whole)}; {beyond} once")
        print(f"   the checkpoint's right edge is kept, {_bar(beyond)}")
        # One tile a level leads from a leaf to the root, and 10^7 leaves have three levels.
        assert beyond <= READS_BAR


def _bar(reads: int) -> str:
    return f"{'within' if reads <= READS_BAR else 'MORE THAN'} the bar of {READS_BAR}"


def beside_pymerkle(folder: Path, size: int, root: bytes) -> None:
    """Print P3's second half: our proofs from tiles beside pymerkle's from memory."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for start, end in _steps((size,)):
        tree.append_entries([leaf(index) for index in range(start, end)])
    assert tree.get_root() == root
    chance = random.Random(2)
    places = [chance.randrange(size) for _ in range(PROOFS)]
    reader = TileReader(Counted(folder))
    for place in places:
        theirs = tree.prove_inclusion(place + 1, size)
        assert inclusion_path(place, size, reader.at(size)) == list(theirs.path[1:])

    def ours(kept: TileReader | None) -> None:
        for place in places:
            inclusion_path(place, size, (kept or TileReader(Counted(folder))).at(size))

    works: dict[str, Callable[[], object]] = {
        "certreg, empty cache": lambda: ours(None),
        "certreg, kept": lambda: [ours(reader) for _ in range(REPEATS)],
        "pymerkle in memory": lambda: [tree.prove_inclusion(at + 1, size) for at in places],
    }
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(ROUNDS):
        for name in works if turn % 2 else reversed(works):
            times = REPEATS if name == "certreg, kept" else 1
            found[name].append(timed(works[name]).cpu / PROOFS / times)
    print(f"\ninclusion at {size:,} leaves, µs CPU a proof:")
    for name, rounds in found.items():
        print(f"  {name:<22}{statistics.median(rounds) * 1e6:>10,.1f}")
    for name in ("certreg, kept", "certreg, empty cache"):
        print(f"P3 pymerkle / {name}: {ratio(found['pymerkle in memory'], found[name])} (bar 8)")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    sizes = SIZES[:2] if quick else SIZES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = now()
        roots = build(folder, sizes)
        spent = now() - before
        print(f"hash tiles of {sizes[-1]:,} leaves: {spent.cpu:.1f} s CPU, {spent.wall:.1f} s wall")
        measure_kinds(folder, kinds(folder, roots))
        size = SIZES[0] if quick else 1_000_000
        beside_pymerkle(folder, size, roots[size])


if __name__ == "__main__":
    main()
