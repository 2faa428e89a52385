"""The life of a log on a disk that forgets, in any order that Hypothesis thinks of.

Issue, revoke, close, crash, cut the power, start again, put an old database back, let a second
sequencer in: after each the whole log is verified again, with every checkpoint anybody ever saw.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from registry.errors import RegistryError
from registry.ledger import sequencer
from registry.ledger.head import HeadLost, HeadMoved
from registry.ledger.local_storage import LocalStorage
from registry.ledger.storage import StorageConflict, StorageFailed

CALLS = st.integers(0, 70)
"""Places within a round: a small one makes about forty calls, one with new folders more."""


def copied(database: Path, target: Path) -> Path:
    with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target


class LedgerMachine(RuleBasedStateMachine):
    """One log and everything that may befall it; `office` and the rest are set by the test."""

    office: Any
    template: Path
    simulation: Any

    @initialize()
    def found(self) -> None:
        self.patched = pytest.MonkeyPatch()
        self.simulation.put_back(self.office, self.template)
        self.world = self.simulation.World(self.office, self.patched)
        self.database = self.office.home / "registry.db"
        self.old: Path | None = None

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.start_again(None)
                self.start_again(0)
            finally:
                self.office.engine.dispose()
                self.patched.undo()

    def start_again(self, seed: int | None) -> None:
        """Cut the power if there is a seed, and start: the log must be whole."""
        if seed is not None:
            chance = random.Random(seed)
            self.world.disk.power_cut(lambda _change: chance.random() < 0.5)
        self.world.restart()
        self.world.anchor_and_verify()

    @rule(people=st.integers(1, 3))
    def issue(self, people: int) -> None:
        self.world.issue(people)

    @rule(which=st.integers(0, 400))
    def revoke(self, which: int) -> None:
        self.world.revoke(which)

    @rule()
    def close(self) -> None:
        self.world.anchor_and_verify()

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.office.clock.moment += timedelta(hours=hours)

    @rule(at=CALLS, after=st.booleans(), power=st.none() | st.integers(0, 99), start=st.booleans())
    def crash(self, at: int, after: bool, power: int | None, start: bool) -> None:
        disk = self.world.disk
        plan = disk.after if after else disk.plan
        plan[disk.calls + at] = disk.crash
        with suppress(self.simulation.Crash):
            self.office.anchor()
        self.world.restart()
        if start:
            self.start_again(power)
        elif power is not None:
            chance = random.Random(power)
            disk.power_cut(lambda _change: chance.random() < 0.5)

    @rule(at=CALLS, number=st.sampled_from([errno.EIO, errno.ENOSPC]))
    def refuse(self, at: int, number: int) -> None:
        """Let one call fail; the process lives, and the next round is its own."""
        disk = self.world.disk

        def refused() -> None:
            raise OSError(number, os.strerror(number))

        disk.plan[disk.calls + at] = refused
        with suppress(StorageFailed):
            self.office.anchor()
        disk.plan.clear()
        self.world.anchor_and_verify()

    @rule(at=CALLS, issue=st.booleans())
    def let_a_second_sequencer_in(self, at: int, issue: bool) -> None:
        """Two at work: the turn was lost, and the storage has no lock that reaches the other."""
        disk, log = self.world.disk, self.office.log
        others = LocalStorage(disk.root)

        def second() -> None:
            if issue:
                self.world.issue(1)
            # Another process, as its temporary names show.
            with pytest.MonkeyPatch.context() as other, suppress(RegistryError):
                other.setattr(os, "getpid", lambda: 1)
                self.office.anchor(replace(log, storage=others))

        disk.plan[disk.calls + at] = second
        with pytest.MonkeyPatch.context() as unlocked:
            unlocked.setattr(sequencer, "turn", lambda _engine, _log: nullcontext())
            unlocked.setattr(LocalStorage, "exclusive", lambda _self: nullcontext())
            with suppress(HeadMoved):
                self.office.anchor()
        self.world.restart()
        self.world.anchor_and_verify()

    @rule()
    def copy_the_database(self) -> None:
        self.old = copied(self.database, self.office.home / "old.db")

    @precondition(lambda self: self.old is not None)
    @rule(people=st.integers(0, 2))
    def put_an_old_database_back(self, people: int) -> None:
        """The public log is ahead of it: then nothing is signed, whatever waits."""
        assert self.old is not None
        newest = copied(self.database, self.office.home / "newest.db")
        public = self.office.checkpoint() if self.world.disk.seen else None
        self.put(self.old)
        head = self.office.head()
        if public is None or public.size <= head.size:
            # Nobody has seen more: this history may be gone on with, or tiles that were placed
            # and are of another one forbid it.
            with suppress(StorageConflict):
                self.world.anchor_and_verify()
                return
            self.put(newest)
            return
        if people:
            self.world.issue(people)
        before = self.readable()
        with pytest.raises(HeadLost, match="old copy"):
            self.office.anchor()
        assert self.readable() == before
        assert self.office.head() == head
        self.put(newest)

    def put(self, database: Path) -> None:
        self.office.engine.dispose()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)
        copied(database, self.database)

    def readable(self) -> dict[str, bytes]:
        root = self.world.disk.root
        return {str(file): file.read_bytes() for file in root.rglob("[!.]*") if file.is_file()}


def run(office: Any, template: Path, simulation: Any, examples: int, steps: int) -> None:
    names = {"office": office, "template": template, "simulation": simulation}
    machine = type("Machine", (LedgerMachine,), names)
    rules = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(machine, settings=rules)


def test_the_log_survives_whatever_comes(office: Any, template: Path, simulation: Any) -> None:
    run(office, template, simulation, 10, 12)


@pytest.mark.soak
def test_the_log_survives_for_long(office: Any, template: Path, simulation: Any) -> None:
    run(office, template, simulation, 300, 30)
