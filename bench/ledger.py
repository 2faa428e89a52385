"""Sequencing by batch size, beside pymerkle's SQLite tree and merkletools rebuilding; and P7.

Ours is the product's own `anchor` on SQLite and a local directory: read the pending events, hash,
write every tile and bundle with fsync, second root by merkletools, self-check, sign, commit the
head, publish the checkpoint. pymerkle's SQLite tree (WAL, synchronous FULL, one transaction for a
batch) stores the same leaves and computes the root; it signs and publishes nothing. merkletools
has no append and no storage: it builds the tree of all leaves anew, in memory. Leaves are those of
issued batches with their close and status leaves; rates count certificates. The other two sides
work on the piece before ours, so that the order can be reversed; all roots are compared.

The fsyncs column counts the files and directories of one round; SQLite's own come on top.

P7: from the commit of one certificate to its public checkpoint, beside one SQLite commit and one
file written and fsynced. Wall time, since waiting for the disk is what there is.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymerkle
from measure import PREFIX, Spent, make_services, ratio, steady, timed, today
from sqlalchemy import text

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA
from registry.cli.demo_people import demo_people
from registry.ledger import crosscheck
from registry.ledger.head import load_head
from registry.ledger.sequencer import anchor
from registry.office.issuing import IssueOrder, issue_batch
from registry.rules.candidate import Candidate
from registry.store.base import read_unit, write_unit
from signing.tlog.merkle import leaf_hashes
from signing.tlog.tiles import TileReader

SIZES = (1, 10, 100, 1_000, 10_000)
ROUNDS = 7
PIECES = {1: 8, 10: 8, 100: 8, 1_000: 2, 10_000: 1}
"""Batches timed together: a single small one is shorter than the machine's own noise."""
BASES = {1: 10_000, 10: 10_000, 100: 10_000, 1_000: 20_000, 10_000: 80_000}
"""Certificates in the log to begin with: merkletools' time must not double within a table row."""
MEMORY_ONLY = frozenset({"tmpfs", "ramfs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One timed piece: what it took, its batches' leaves, and our fsyncs in the last round."""

    spent: Spent
    batches: list[list[bytes]]
    syncs: int


class Syncs:
    """Counts real fsyncs on their way through."""

    def __init__(self) -> None:
        self.count = 0
        self._real = os.fsync
        assert type(self._real).__name__ == "builtin_function_or_method"
        os.fsync = self._counted

    def _counted(self, descriptor: int) -> None:
        self.count += 1
        self._real(descriptor)


class Ours:
    """A home whose log grows batch by batch."""

    def __init__(self, folder: Path) -> None:
        self.services = make_services(folder)
        self._signer = self.services.record_signer(PREFIX)
        self._issued = today().astimezone(CHINA).date() - timedelta(days=3)
        self._people = 0
        with self.services.engine.connect() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"

    def issue(self, count: int) -> None:
        """Commit a batch of ``count`` certificates."""
        people = [
            Candidate(
                row=row,
                name=person.name,
                id_type="resident-id",
                id_number=person.id_number,
                admission=person.admission,
                occupation=person.occupation,
                occupation_code=person.occupation_code,
                direction=person.direction,
                level=person.level,
                issued=person.issued,
            )
            for row, person in enumerate(
                demo_people(count, offset=self._people, issued=self._issued)
            )
        ]
        self._people += count
        order = IssueOrder(
            prefix=PREFIX,
            approval="深技鉴备〔2026〕第001号",
            digest=f"{self._people:064x}",
            tally=Counter((person.issued.year, person.level) for person in people),
            candidates=people,
        )
        with write_unit(self.services.engine) as session:
            issue_batch(session, order, signer=self._signer, context=self.services.context)

    def anchor(self) -> None:
        """Run one round of the sequencer."""
        anchor(self.services.engine, self.services.log, clock=CLOCK)

    def head(self) -> tuple[int, bytes]:
        """Return size and root of the committed head."""
        with read_unit(self.services.engine) as session:
            head = load_head(session, self.services.log.origin)
        return head.size, head.root

    def entries(self, start: int) -> list[bytes]:
        """Return the published leaves from ``start`` on."""
        size, _ = self.head()
        return list(TileReader(self.services.log.storage.read).at(size).entries(start))


class SqliteSide:
    """pymerkle's SQLite tree, as durable as ours."""

    def __init__(self, folder: Path) -> None:
        self._tree = pymerkle.SqliteTree(str(folder / "pymerkle.db"), algorithm="sha256")
        self._tree.con.execute("PRAGMA journal_mode=WAL")
        self._tree.con.execute("PRAGMA synchronous=FULL")
        self._tree.con.row_factory, kept = None, self._tree.con.row_factory
        assert self._tree.con.execute("PRAGMA synchronous").fetchone() == (2,)
        assert self._tree.con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        self._tree.con.row_factory = kept
        self.root = b""

    def work(self, entries: list[bytes]) -> None:
        """Append a batch and compute the root."""
        self._tree.append_entries(entries)
        self.root = self._tree.get_root()


class RebuildSide:
    """merkletools with the prefixes of RFC 6962, building everything anew each time."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # It warns that SHA-3 is missing, which is not used here.
            warnings.simplefilter("ignore")
            import merkletools  # noqa: PLC0415 - to keep its warning quiet
        self._make: Callable[..., Any] = merkletools.MerkleTools
        self._hashes: list[bytes] = []
        self.root = b""

    def work(self, entries: list[bytes]) -> None:
        """Hash the new leaves and build the tree of all."""
        self._hashes += leaf_hashes(entries)
        tree = self._make(hash_type="sha256")
        tree.hash_function = crosscheck._node  # noqa: SLF001 - the product's own adaptation
        tree.leaves = list(self._hashes)
        tree.make_tree()
        self.root = bytes(tree.levels[0][0])


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds ``folder``."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        _, place, kind, *_ = line.split(" ")
        if folder.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1]


def run_sizes(folder: Path, syncs: Syncs, *, quick: bool) -> Ours:
    """Print the table of sequencing rates; return our side, its log grown."""
    ours, sqlite, rebuild = Ours(folder), SqliteSide(folder), RebuildSide()
    _print_heads()
    for count in SIZES[:3] if quick else SIZES:
        size, _ = ours.head()
        ours.issue(max(1, (BASES[count] // 20 if quick else BASES[count]) - size))
        ours.anchor()
        for side in (sqlite, rebuild):
            side.work(ours.entries(size))
            assert side.root == ours.head()[1]
        # The lag of one piece: the first, untimed, is what the two others are fed next.
        waiting = _grow(ours, count, syncs).batches
        spent: dict[str, list[Spent]] = {"certreg": [], "pymerkle": [], "merkletools": []}
        for turn in range(ROUNDS):
            before = ours.head()[1]
            works: dict[str, Callable[[], Piece]] = {
                "certreg": lambda count=count: _grow(ours, count, syncs),
                "pymerkle": lambda batches=waiting: _feed(sqlite.work, batches),
                "merkletools": lambda batches=waiting: _feed(rebuild.work, batches),
            }
            done = {name: works[name]() for name in (works if turn % 2 else reversed(works))}
            assert sqlite.root == rebuild.root == before
            for name, piece in done.items():
                spent[name].append(piece.spent)
            waiting = done["certreg"].batches
        _feed(sqlite.work, waiting), _feed(rebuild.work, waiting)
        assert sqlite.root == rebuild.root == ours.head()[1]
        _print(count, spent, done["certreg"].syncs)
    print("wall, CPU: the other side's time over ours; (…) where a side's max/min is over 2")
    print(
        f"the log has {ours.head()[0]:,} leaves at the end, which merkletools builds anew each time"
    )
    return ours


def _grow(ours: Ours, count: int, syncs: Syncs) -> Piece:
    """Issue (untimed) and anchor (timed) a piece's batches, one round for each."""
    spent, writes = Spent(cpu=0.0, wall=0.0), 0
    batches: list[list[bytes]] = []
    for _ in range(PIECES[count]):
        size, _root = ours.head()
        ours.issue(count)
        before = syncs.count
        spent += timed(ours.anchor)
        writes = syncs.count - before
        assert writes > 0
        batches.append(ours.entries(size))
        assert len(batches[-1]) == count + 2
    return Piece(spent=spent, batches=batches, syncs=writes)


def _feed(work: Callable[[list[bytes]], None], batches: list[list[bytes]]) -> Piece:
    spent = timed(lambda: [work(entries) for entries in batches])
    return Piece(spent=spent, batches=batches, syncs=0)


def _print_heads() -> None:
    columns = f"{'a second':>9} {'µs CPU':>8}"
    ratios = f"{columns} {'wall':>6} {'CPU':>6}"
    sides = f"{'certreg':^19}|{'pymerkle SQLite':^33}|{'merkletools rebuilt':^33}"
    print(f"{'':>14} |{sides}")
    print(f"{'batch':>6} {'fsyncs':>7} |{columns} |{ratios} |{ratios}")


def _print(count: int, spent: dict[str, list[Spent]], writes: int) -> None:
    items = count * PIECES[count]
    cpu = {name: [each.cpu / items for each in rounds] for name, rounds in spent.items()}
    wall = {name: [each.wall / items for each in rounds] for name, rounds in spent.items()}
    cells = [f"{count:>6,} {writes:>7,} "]
    for name in spent:
        rate, each = 1 / statistics.median(wall[name]), statistics.median(cpu[name]) * 1e6
        cell = f"{rate:>9,.0f} {each:>8,.1f} "
        if name != "certreg":
            cell += f"{_against(wall, name):>6} {_against(cpu, name):>6} "
        cells.append(cell)
    print("|".join(cells))


def _against(rounds: dict[str, list[float]], other: str) -> str:
    """Give the other side's time over ours: above 1 we are faster; no figure if unsteady."""
    if not (steady(rounds[other]) and steady(rounds["certreg"])):
        return "(…)"
    return ratio(rounds[other], rounds["certreg"])


def publish_latency(ours: Ours, folder: Path, syncs: Syncs, rounds: int) -> None:
    """Print P7."""
    rows = sqlite3.connect(folder / "bare.db", isolation_level=None)
    rows.execute("PRAGMA journal_mode=WAL")
    rows.execute("PRAGMA synchronous=FULL")
    assert rows.execute("PRAGMA synchronous").fetchone() == (2,)
    rows.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, data BLOB)")

    def bare() -> None:
        rows.execute("BEGIN IMMEDIATE")
        rows.execute("INSERT INTO bare (data) VALUES (?)", (bytes(500),))
        rows.execute("COMMIT")
        with (folder / "bare.file").open("wb") as file:
            file.write(bytes(500))
            file.flush()
            os.fsync(file.fileno())

    def ours_timed() -> Spent:
        return _grow(ours, 1, syncs).spent

    def bare_timed() -> Spent:
        return timed(lambda: [bare() for _ in range(PIECES[1])])

    found: dict[str, list[Spent]] = {"certreg": [], "bare": []}
    sides = {"certreg": ours_timed, "bare": bare_timed}
    for turn in range(rounds):
        for name in sides if turn % 2 else reversed(sides):
            found[name].append(sides[name]())
    each = PIECES[1]
    wall = {name: [piece.wall / each for piece in spent] for name, spent in found.items()}
    cpu = {name: [piece.cpu / each for piece in spent] for name, spent in found.items()}
    for name in found:
        print(
            f"{name:<8} {statistics.median(wall[name]) * 1e3:7.2f} ms wall,"
            f" {statistics.median(cpu[name]) * 1e3:6.2f} ms CPU"
            f" (fastest {min(wall[name]) * 1e3:.2f}, slowest {max(wall[name]) * 1e3:.2f} ms wall)"
        )
    print(
        "P7 commit to published checkpoint / (commit + fsync): wall"
        f" {ratio(wall['certreg'], wall['bare'])} (bar 6),"
        f" CPU {ratio(cpu['certreg'], cpu['bare'])}"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    syncs = Syncs()
    assert crosscheck.available()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind = file_system(folder.resolve())
        assert kind not in MEMORY_ONLY, "fsync costs nothing in memory: set TMPDIR to a disk"
        print(f"file system {kind}; every file of ours is fsynced")
        ours = run_sizes(folder, syncs, quick=quick)
        publish_latency(ours, folder, syncs, 7 if quick else 15)


if __name__ == "__main__":
    main()
