"""Sequencing as a service, on a time of its own; and waiting for what it publishes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from keys.policy import Policy, PolicyWitness
from keys.vkey import SignatureType, VerifierKey
from registry.errors import NotFound
from registry.ledger.crosscheck import RootsDisagree
from registry.ledger.follow import (
    CATCH_UP,
    INTERVAL,
    LONGEST_PAUSE,
    NotPublishedYet,
    Published,
    follow,
    group_of_batch,
    kinds_waiting,
    wait_published,
    work_waits,
)
from registry.ledger.guards import ClockBehind, LogFrozen, refuse_unsafe
from registry.ledger.head import HeadLost, HeadMoved
from registry.ledger.sequencer import SelfCheckFailed
from registry.ledger.storage import LogBusy, StorageConflict, StorageFailed
from registry.store.base import read_unit
from registry.store.log import EventGroup
from signing.tlog.checkpoint import cosign_checkpoint
from signing.tlog.note import format_note, parse_note

NAME = "欧阳龑"


@dataclass
class Service:
    """A service whose time passes only while it waits; mutable: it notes what it did."""

    office: Any
    run_round: Callable[[], Any] = dict
    now: float = 1000.0
    end: float = 0.0
    rounds: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    meanwhile: Callable[[float], object] = lambda now: None

    def wait(self, seconds: float) -> bool:
        assert seconds >= 0
        self.pauses.append(seconds)
        self.now += seconds
        self.meanwhile(self.now)
        return self.now >= self.end

    def run(self, seconds: float) -> None:
        self.end = self.now + seconds

        def noted() -> Any:
            self.rounds.append(self.now)
            return self.run_round()

        follow(
            self.office.engine,
            noted,
            wait=self.wait,
            monotonic=lambda: self.now,
            tell=lambda facts: self.told.append(dict(facts)),
        )

    @property
    def events(self) -> list[Any]:
        return [facts["event"] for facts in self.told]


def failing(*errors: Exception) -> Callable[[], Any]:
    """Give a round that fails so often, then does nothing."""
    left = list(errors)

    def run() -> None:
        if left:
            raise left.pop(0)

    return run


def database_away() -> OperationalError:
    statement = "SELECT id FROM t WHERE name = ?"
    return OperationalError(statement, {"name": NAME}, Exception("server closed\n" + NAME))


def test_nothing_to_do_costs_one_round_a_minute(office: Any) -> None:
    office.run()
    service = Service(office, run_round=lambda: None)
    service.run(3 * CATCH_UP - 1)
    assert service.rounds == [1000.0, 1000.0 + CATCH_UP, 1000.0 + 2 * CATCH_UP]
    assert set(service.pauses[1:]) == {INTERVAL}
    assert service.told == []


def test_a_round_every_interval_while_there_is_work(office: Any) -> None:
    office.issue(office.people(3))

    def slow() -> dict[str, object]:
        service.now += 0.1
        return {"size": 1}

    service = Service(office, run_round=slow)
    service.run(10 * INTERVAL)
    starts = [round(at - 1000.0, 6) for at in service.rounds]
    assert starts == [INTERVAL * step for step in range(10)]
    assert service.told == [{"event": "round", "size": 1}] * 10


def test_a_round_longer_than_the_interval_is_followed_at_once_by_one_only(office: Any) -> None:
    office.issue(office.people(3))

    def long() -> None:
        service.now += 2.0

    service = Service(office, run_round=long)
    service.run(7.0)
    assert service.rounds == [1000.0, 1002.0, 1004.0, 1006.0]
    assert set(service.pauses) == {0.0}


def test_what_is_issued_while_it_works_is_in_the_log_in_the_next_round(office: Any) -> None:
    def run() -> dict[str, object]:
        done, written = office.run()
        return {"size": done.size, "written": written}

    def meanwhile(now: float) -> None:
        if now in {1005.0, 1005.5}:
            office.issue(office.people(3, offset=int(now * 100)))

    service = Service(office, run_round=run, meanwhile=meanwhile)
    service.run(20.0)
    assert service.rounds == [1000.0, 1005.0, 1005.5]
    assert [facts["written"] for facts in service.told] == [0, 3, 3]
    office.audit()


def test_the_days_status_leaf_comes_by_itself(office: Any) -> None:
    office.run()
    size = office.head().size

    def meanwhile(now: float) -> None:
        if now == 1010.0:
            office.clock.moment += timedelta(hours=21)

    service = Service(office, run_round=lambda: office.run() and None, meanwhile=meanwhile)
    service.run(CATCH_UP - 1)
    assert office.head().size == size
    service.run(2 * CATCH_UP)
    assert office.head().size == size + 1
    office.audit()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LogBusy("another"), "log-busy"),
        (HeadMoved("moved"), "head-moved"),
        (StorageFailed("full"), "storage-failed"),
        (database_away(), "database"),
        (OSError(errno.ENOSPC, "No space left on device", f"/{NAME}"), "system"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_pass_is_told_and_tried_again(office: Any, error: Exception, code: str) -> None:
    service = Service(office, run_round=failing(*[error] * 12))
    service.run(230.0)
    faults = [facts for facts in service.told if facts["event"] == "fault"]
    assert [facts["code"] for facts in faults] == [code] * 12
    pauses = [facts["again_in_seconds"] for facts in faults]
    assert pauses == [min(INTERVAL * 2**step, LONGEST_PAUSE) for step in range(1, 13)]
    assert service.pauses[1:13] == pauses
    assert service.events == ["fault"] * 12 + ["recovered"]
    assert service.told[-1]["after_failures"] == 12
    assert NAME not in str(service.told)
    # And then it goes on as before, with short pauses.
    assert service.pauses[13] == INTERVAL
    assert len(service.rounds) > 13


def test_a_long_outage_does_not_overflow(office: Any) -> None:
    service = Service(office, run_round=failing(*[LogBusy("another")] * 3000))
    service.run(LONGEST_PAUSE * 3000)
    assert service.told[-1] == {"event": "recovered", "after_failures": 3000}


def test_a_database_that_is_away_is_waited_for(office: Any, tmp_path: Any) -> None:
    gone = create_engine(f"sqlite:///{tmp_path}/no/such/folder.db")
    seen: list[Any] = []
    pauses = iter([False] * 5)
    follow(
        gone,
        lambda: work_waits(gone) and None,
        wait=lambda _seconds: next(pauses, True),
        monotonic=lambda: 1.0,
        tell=seen.append,
    )
    assert [facts["code"] for facts in seen] == ["database"] * 5


@pytest.mark.parametrize(
    "error",
    [HeadLost, StorageConflict, SelfCheckFailed, RootsDisagree, ClockBehind, LogFrozen, ValueError],
)
def test_what_does_not_pass_ends_it_at_once(office: Any, error: type[Exception]) -> None:
    service = Service(office, run_round=failing(LogBusy("another"), error("stop")))
    with pytest.raises(error, match="stop"):
        service.run(600.0)
    assert len(service.rounds) == 2
    assert service.events == ["fault"]


def test_it_ends_without_another_round(office: Any) -> None:
    office.issue(office.people(1))
    service = Service(office)
    service.run(0.0)
    assert service.rounds == []


def test_a_disk_that_is_full_for_a_while(office: Any, monkeypatch: Any) -> None:
    office.issue(office.people(5))
    full = {"left": 7}

    def fsync(_descriptor: int) -> None:
        if full["left"]:
            full["left"] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    service = Service(office, run_round=lambda: {"size": office.run()[0].size})
    service.run(70.0)
    assert service.events == ["fault"] * 7 + ["recovered", "round"]
    assert {facts.get("code") for facts in service.told[:7]} <= {"storage-failed", "system"}
    office.audit()


def test_a_clock_set_back_stops_the_real_round(office: Any) -> None:
    def run() -> None:
        with read_unit(office.engine) as session:
            refuse_unsafe(session, office.log, now=office.clock.now())
        office.run()

    def meanwhile(now: float) -> None:
        if now == 1010.0:
            office.clock.moment -= timedelta(hours=1)
            office.issue(office.people(1))

    service = Service(office, run_round=run, meanwhile=meanwhile)
    with pytest.raises(ClockBehind):
        service.run(60.0)


def test_looking_for_work_reads_the_small_index(office: Any) -> None:
    assert kinds_waiting(office.engine) == {"key"}
    office.run()
    assert not work_waits(office.engine)
    assert kinds_waiting(office.engine) == frozenset()
    office.issue(office.people(2))
    assert work_waits(office.engine)
    assert kinds_waiting(office.engine) == {"issue"}
    office.run()
    assert not work_waits(office.engine)
    with office.engine.connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT group_id FROM event_groups WHERE first_index IS NULL LIMIT 1"
        ).all()
    assert "event_groups_pending" in str(plan)


def wait_for(office: Any, group: int, deadline: float, meanwhile: Any = None) -> Published:
    """Wait with a sleep that passes no time; `meanwhile` is done at the first one."""
    left = deadline

    def sleep(seconds: float) -> None:
        nonlocal left, meanwhile
        assert 0 < seconds <= INTERVAL
        left -= seconds
        if meanwhile is not None:
            meanwhile = meanwhile()

    try:
        return wait_published(office.engine, office.log, group, sleep=sleep, deadline=deadline)
    except NotPublishedYet:
        assert abs(left) < 1e-9
        raise


def batch_group(office: Any, people: list[Any]) -> int:
    batch = office.issue(people)
    with read_unit(office.engine) as session:
        return group_of_batch(session, batch.batch_id)


def test_waiting_ends_with_the_leaf_and_a_tree_that_covers_it(office: Any) -> None:
    office.run()
    before = office.head().size
    group = batch_group(office, office.people(3))
    office.issue(office.people(4, offset=50))
    found = wait_for(office, group, 10.0, lambda: office.run() and None)
    assert found == Published(first_index=before, size=office.head().size)
    assert wait_for(office, group, 0.0) == found


@pytest.mark.parametrize("deadline", [0.0, 0.1, 1.0, 3.3])
def test_waiting_in_vain_is_no_answer(office: Any, deadline: float) -> None:
    group = batch_group(office, office.people(3))
    with pytest.raises(NotPublishedYet, match="anchor --follow") as told:
        wait_for(office, group, deadline)
    assert told.value.code == "not-published-yet"
    assert f"{deadline:g} seconds" in str(told.value)


def test_in_the_log_and_not_in_the_mirror_is_not_published(office: Any) -> None:
    group = batch_group(office, office.people(3))
    office.anchor()
    with pytest.raises(NotPublishedYet):
        wait_for(office, group, 1.0)
    office.publish()
    wait_for(office, group, 0.0)


def test_a_committed_head_that_is_not_public_is_waited_for(office: Any) -> None:
    office.run()
    checkpoint = office.site.public / "log" / "checkpoint"
    older = checkpoint.read_bytes()
    group = batch_group(office, office.people(3))
    office.run()
    newer = checkpoint.read_bytes()
    for state in (older, b"no checkpoint at all\n", None):
        checkpoint.unlink()
        if state is not None:
            checkpoint.write_bytes(state)
        with pytest.raises(NotPublishedYet):
            wait_for(office, group, 1.0)
    checkpoint.write_bytes(newer)
    wait_for(office, group, 0.0)


def cosigned(office: Any, note: bytes) -> tuple[bytes, Policy]:
    """Give `note` with a witness's line added, and the policy that asks for this witness."""
    signer = next(iter(office.record_keys.values()))
    key = VerifierKey(
        name="witness.example/w",
        type=SignatureType.ED25519_COSIGNATURE,
        public_key=signer.info.public_key,
    )
    parsed = parse_note(note)
    line = cosign_checkpoint(parsed.text, key.name, signer, now=office.clock.now())
    witness = PolicyWitness(name="w", key=key)
    policy = replace(office.policy, witnesses=(witness,), quorum="w")
    return format_note(replace(parsed, signatures=(*parsed.signatures, line))), policy


@pytest.mark.parametrize("path", ["checkpoint", "checkpoint.witnessed"])
def test_with_a_quorum_only_a_witnessed_tree_counts(office: Any, path: str) -> None:
    group = batch_group(office, office.people(3))
    office.run()
    folder = office.site.public / "log"
    note, policy = cosigned(office, (folder / "checkpoint").read_bytes())
    office.log = replace(office.log, policy=policy)
    with pytest.raises(NotPublishedYet):
        wait_for(office, group, 1.0)
    (folder / path).write_bytes(note)
    assert wait_for(office, group, 0.0).size == office.head().size


def test_a_batch_is_found_by_its_number_alone(office: Any) -> None:
    batch = office.issue(office.people(3))
    office.revoke(batch.ranges[0][0])
    with read_unit(office.engine) as session:
        group = session.get_one(EventGroup, group_of_batch(session, batch.batch_id))
        assert (group.kind, group.batch_id, group.certificates) == ("issue", batch.batch_id, 3)
        with pytest.raises(NotFound, match="no batch none"):
            group_of_batch(session, "none")
