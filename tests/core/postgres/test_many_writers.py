"""Many writers, two sequencers, one log, and any of them may be killed at any moment (SIGKILL).

Afterwards the indices are contiguous, every committed event is in the log exactly once, and all
checkpoints that were ever public are heads of one history. The checks are tried on planted faults.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select as query

from registry.ledger import sequencer
from registry.ledger.events import group_entries
from registry.ledger.follow import follow
from registry.ledger.head import HeadLost
from registry.ledger.local_storage import LocalStorage
from registry.ledger.sequencer import SelfCheckFailed
from registry.ledger.storage import LogBusy, StorageConflict
from registry.store.base import read_unit
from registry.store.log import EventGroup
from signing.errors import SigningError
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.entry import BatchClose, parse_entry
from signing.tlog.merkle import verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.tiles import TileReader

fork = get_context("fork")
PATIENCE = 60.0
PREFIXES = ("Y000044999001", "Y000044999002")
Group = tuple[int | None, Sequence[bytes]]


def sequence_faults(groups: Sequence[Group], log: Sequence[bytes]) -> list[str]:
    """Compare what was committed, as (first index, leaves), with what stands in the log."""
    taken: Counter[int] = Counter()
    faults = []
    for number, (first, leaves) in enumerate(groups):
        if first is None:
            faults.append(f"group {number} is not in the log")
            continue
        indices = range(first, first + len(leaves))
        taken.update(indices)
        faults += [
            f"leaf {index} is not what group {number} says"
            for index, leaf in zip(indices, leaves, strict=True)
            if index >= len(log) or log[index] != leaf
        ]
    faults += [
        f"index {index} is taken {taken[index]} times"
        for index in range(max(len(log), *taken, 0))
        if taken[index] != 1
    ]
    return faults + [f"{n} times: {leaf!r}" for leaf, n in Counter(log).items() if n != 1]


def told_faults(told: Sequence[str], log: Sequence[bytes]) -> list[str]:
    """Compare the batches that writers were told are committed with those the log closes."""
    closed = Counter(
        entry.batch for entry in map(parse_entry, log) if isinstance(entry, BatchClose)
    )
    return [f"batch {batch}: {closed[batch]} times" for batch in told if closed[batch] != 1]


def checkpoint_faults(seen: Sequence[Checkpoint], tree: TileReader) -> list[str]:
    """Hold each checkpoint, in the order they were seen, against the next one."""
    faults = []
    for old, new in pairwise(seen):
        if new.size < old.size:
            faults.append(f"{old.size} entries were followed by {new.size}")
            continue
        try:
            proof = consistency_path(old.size, new.size, tree.at(new.size))
            verify_consistency(old.size, new.size, old.root, new.root, proof)
        except SigningError as error:
            faults.append(f"{old.size} and {new.size} are of two histories ({error.code})")
    return faults


def committed_groups(office: Any) -> list[Group]:
    with read_unit(office.engine) as session:
        rows = session.execute(
            query(EventGroup.group_id, EventGroup.first_index).order_by(EventGroup.group_id)
        )
        return [(row.first_index, leaves_of(session, row.group_id)) for row in rows.all()]


def leaves_of(session: Any, group_id: int) -> list[bytes]:
    return [leaf for leaves in group_entries(session, group_id, 16) for leaf in leaves]


def all_faults(office: Any, seen: Sequence[Checkpoint], told: Sequence[str]) -> list[str]:
    log = office.entries()
    return [
        *sequence_faults(committed_groups(office), log),
        *told_faults(told, log),
        *checkpoint_faults([*seen, office.checkpoint()], TileReader(office.log.storage.read)),
    ]


def write_for_ever(office: Any, seed: int) -> None:
    """Issue small batches and revise some; tell of each batch once its commit has returned."""
    chance, offset = random.Random(seed), seed * 20_000
    out = os.open(office.home / "told" / str(seed), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        count = chance.randint(1, 6)
        people = office.people(count, offset=offset)
        batch = office.issue(people, prefix=chance.choice(PREFIXES))
        os.write(out, f"{batch.batch_id}\n".encode())
        offset += count
        if chance.random() < 0.2:
            office.revoke(chance.choice(batch.ranges)[0])
        elif chance.random() < 0.2:
            office.correct(chance.choice(batch.ranges)[1], {"direction": f"方向{offset}"})
        time.sleep(chance.uniform(0, 0.05))


def sequence_for_ever(office: Any, seed: int) -> None:
    """Run the service, as `certreg anchor --follow` does; it ends by being killed only."""
    serve(office, seed, office.anchor)


def sequence_without_turn(office: Any, seed: int) -> None:
    """Be at work whoever else is: nothing but the head's compare-and-swap is between them."""
    sequencer.turn = lambda _engine, _log: nullcontext()
    LocalStorage.exclusive = lambda _storage: nullcontext()  # type: ignore[method-assign]

    def anchor() -> Any:
        try:
            return office.anchor()
        except (HeadLost, StorageConflict, SelfCheckFailed) as error:
            # What another one's work looks like to who takes it for his own; see `turn`.
            raise LogBusy(str(error)) from error

    serve(office, seed, anchor)


def serve(office: Any, seed: int, anchor: Callable[[], Any]) -> None:
    chance = random.Random(seed)
    out = os.open(office.home / "rounds", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def run() -> dict[str, object]:
        done = anchor()
        # The mirror has a disk to wait for; most lives would end in there.
        if chance.random() < 0.1:
            office.publish()
        return {"size": done.size}

    def wait(seconds: float) -> bool:
        # Sooner than the service would: more rounds, more moments to be killed in.
        time.sleep(min(seconds, 0.05))
        return False

    def tell(facts: Any) -> None:
        os.write(out, f"{facts['event']} {seed}\n".encode())

    follow(office.engine, run, wait=wait, monotonic=time.monotonic, tell=tell)


@dataclass
class Crowd:
    """The processes of one show; mutable: the killed are replaced."""

    office: Any
    chance: random.Random
    writers: int
    sequence: Callable[[Any, int], None] = sequence_for_ever
    lives: int = 0
    kills: int = 0
    alive: list[tuple[Any, Callable[[Any, int], None]]] = field(default_factory=list)
    seen: list[Checkpoint] = field(default_factory=list)

    def start(self, work: Callable[[Any, int], None]) -> None:
        self.lives += 1
        process = fork.Process(target=work, args=(self.office, self.lives))
        process.start()
        self.alive.append((process, work))

    def kill_one(self, place: int) -> Callable[[Any, int], None]:
        process, work = self.alive.pop(place)
        # Whoever ended by itself has found a fault.
        assert process.is_alive(), process.exitcode
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        self.kills += 1
        return work

    def look(self) -> None:
        if (self.office.site.public / "log" / "checkpoint").exists():
            found = self.office.checkpoint()
            if not self.seen or found != self.seen[-1]:
                self.seen.append(found)

    def run(self, seconds: float) -> None:
        (self.office.home / "told").mkdir()
        self.office.close()
        for work in [write_for_ever] * self.writers + [self.sequence] * 2:
            self.start(work)
        begun, next_kill = time.monotonic(), 0.0
        try:
            while (late := time.monotonic() - begun) < seconds or self.is_short(late):
                self.look()
                time.sleep(0.005)
                if time.monotonic() >= next_kill:
                    # A sequencer as often as a writer, though there are fewer of them.
                    kinds = [work for _, work in self.alive]
                    kind = self.chance.choice([write_for_ever, self.sequence])
                    places = [place for place, work in enumerate(kinds) if work is kind]
                    self.start(self.kill_one(self.chance.choice(places)))
                    # On a busy machine a life may be shorter than a round: later ones last.
                    last = self.chance.uniform(0.05, 0.5) * max(1.0, late / seconds)
                    next_kill = time.monotonic() + last
        finally:
            for _ in range(len(self.alive)):
                self.kill_one(0)

    def is_short(self, late: float) -> bool:
        """Say whether it must go on to be a show: batches, rounds of several lives, kills."""
        return late < PATIENCE and not (
            len(self.told()) > self.writers
            and len(self.seen) > 3
            and self.kills > self.writers + 4
            and len(self.rounds()) > 1
        )

    def told(self) -> list[str]:
        files = (self.office.home / "told").iterdir()
        return [line for file in files for line in file.read_text().splitlines()]

    def rounds(self) -> set[str]:
        file = self.office.home / "rounds"
        lines = file.read_text().splitlines() if file.exists() else []
        return {line for line in lines if line.startswith("round ")}


def show(
    office: Any, chance: random.Random, writers: int, seconds: float, *, turns: bool = True
) -> None:
    crowd = Crowd(office, chance, writers)
    if not turns:
        crowd.sequence = sequence_without_turn
    crowd.run(seconds)
    told = crowd.told()
    # The next plain run makes everything good.
    office.run()
    if not turns:
        # Of two that publish at once, the slower may put the older head back for a moment.
        crowd.seen.sort(key=lambda checkpoint: checkpoint.size)
    assert all_faults(office, crowd.seen, told) == []
    office.seen = crowd.seen
    office.audit()
    # And it was a show: batches were issued, several lives ran rounds, and kills fell.
    assert len(told) > writers
    assert len(crowd.seen) > 3
    assert crowd.kills > writers + 4
    assert len(crowd.rounds()) > 1


@pytest.fixture
def embedded(founded: Path, open_office: Any, tmp_path: Path) -> Iterator[Any]:
    """Give an office of this test's own, on SQLite."""
    shutil.copytree(founded, tmp_path / "home")
    office = open_office(tmp_path / "home")
    yield office
    office.close()


def test_eight_writers_and_two_sequencers_on_postgresql(office: Any, chance: Any) -> None:
    show(office, chance, writers=8, seconds=1.5)


def test_three_writers_and_two_sequencers_on_sqlite(embedded: Any, chance: Any) -> None:
    show(embedded, chance, writers=3, seconds=1.0)


def test_the_compare_and_swap_alone_keeps_the_log_whole(office: Any, chance: Any) -> None:
    show(office, chance, writers=4, seconds=1.0, turns=False)


@pytest.mark.soak
def test_the_compare_and_swap_alone_for_half_a_minute(office: Any, chance: Any) -> None:
    show(office, chance, writers=8, seconds=30.0, turns=False)


@pytest.mark.soak
def test_eight_writers_and_two_sequencers_for_half_a_minute(office: Any, chance: Any) -> None:
    show(office, chance, writers=8, seconds=30.0)


@pytest.mark.soak
def test_three_writers_on_sqlite_for_half_a_minute(embedded: Any, chance: Any) -> None:
    show(embedded, chance, writers=3, seconds=30.0)


LOG = [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize(
    ("groups", "log", "fault"),
    [
        ([(0, LOG[:2]), (2, LOG[2:])], LOG, None),
        ([(2, LOG[2:]), (0, LOG[:2])], LOG, None),
        ([(0, LOG[:2])], LOG, "index 2 is taken 0 times"),
        ([(0, LOG[:2]), (None, LOG[2:])], LOG[:2], "group 1 is not in the log"),
        ([(0, LOG[:2]), (3, LOG[3:])], LOG, "index 2 is taken 0 times"),
        ([(0, LOG), (2, LOG[2:])], LOG, "index 2 is taken 2 times"),
        ([(0, LOG[:2]), (2, [b"c", b"x"])], LOG, "leaf 3 is not what group 1 says"),
        ([(0, LOG)], LOG[:3], "leaf 3 is not what group 0 says"),
        ([(0, [b"a", b"b"]), (2, [b"b"])], [b"a", b"b", b"b"], "2 times: b'b'"),
    ],
)
def test_a_planted_gap_or_duplicate_is_found(
    groups: list[Group], log: list[bytes], fault: str | None
) -> None:
    found = sequence_faults(groups, log)
    assert (fault in found) if fault else (found == [])


def test_planted_faults_are_found_in_a_real_log(embedded: Any) -> None:
    office = embedded
    seen, told = [], []
    for round_ in range(3):
        told.append(office.issue(office.people(2, offset=10 * round_)).batch_id)
        office.run()
        seen.append(office.checkpoint())
    assert all_faults(office, seen, told) == []
    assert all_faults(office, seen, [*told, "Y000044999001-2026-9999"])
    assert all_faults(office, seen[::-1], told)
    forked = Checkpoint(origin=seen[1].origin, size=seen[1].size, root=bytes(32))
    assert all_faults(office, [seen[0], forked], told)
    older = Checkpoint(origin=forked.origin, size=seen[2].size, root=bytes(32))
    assert all_faults(office, [older], told)
    office.issue(office.people(1, offset=900))
    last = len(committed_groups(office)) - 1
    assert all_faults(office, seen, told) == [f"group {last} is not in the log"]
