"""The same code on PostgreSQL, where offices do work at the same time."""

from __future__ import annotations

import random
import signal
import time
import traceback
from collections import Counter
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, make_url, select

from registry.errors import AlreadyHeld, Refused
from registry.ledger import head, sequencer
from registry.ledger.head import HeadMoved
from registry.office import issuing
from registry.office.revising import Reason
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Batch, Certificate, CertificateState
from registry.store.counters import take_range
from registry.store.schema import METADATA, migrate, require_current

fork = get_context("fork")


def at_once(office: Any, *works: Any, meanwhile: Any = None) -> list[Any]:
    """Run each work in a process of its own, all let go together; return what each gave.

    `meanwhile` is called here once they have been let go.
    """
    office.close()
    gate = fork.Barrier(len(works))
    answers = fork.SimpleQueue()

    def run(place: int, work: Any) -> None:
        gate.wait(30)
        try:
            answers.put((place, work()))
        except Exception as error:  # noqa: BLE001 - told to the parent
            answers.put((place, f"{type(error).__name__}: {error}"))

    workers = [fork.Process(target=run, args=item) for item in enumerate(works)]
    for worker in workers:
        worker.start()
    if meanwhile is not None:
        meanwhile()
    found = dict(answers.get() for _ in workers)
    for worker in workers:
        worker.join()
    return [found[place] for place in range(len(works))]


def test_the_migrations_give_exactly_what_the_models_say(office: Any) -> None:
    migrate(office.engine)
    require_current(office.engine)
    with office.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    found = {
        index["name"]
        for table in ("certificates", "event_groups", "upload_rows")
        for index in inspect(office.engine).get_indexes(table)
        if index["dialect_options"].get("postgresql_where")
    }
    assert found == {
        "certificates_holding",
        "certificates_revoked",
        "event_groups_pending",
        "event_groups_unpublished",
        "upload_rows_batch",
        "upload_rows_owed",
        "upload_rows_refused",
        "upload_rows_upload",
    }


def test_the_whole_life_of_certificates(office: Any) -> None:
    people = office.people(300)
    batch = office.issue(people)
    assert office.issue(people) == replace(batch, recognised=True)
    office.run()
    office.note_checkpoint()
    number, gone = batch.ranges[0][0], batch.ranges[1][0]
    assert office.correct(number, {"name": "欧阳龑"}).status_index == 300
    office.revoke(gone)
    with pytest.raises(Refused, match="is revoked"):
        office.revoke(gone)
    office.run()
    office.audit()
    states = Counter(row.state for row in office.rows(Certificate))
    assert states == {
        CertificateState.VALID: 299,
        CertificateState.REVOKED: 1,
        CertificateState.SUPERSEDED: 1,
    }


@pytest.mark.parametrize("chunk", [5, 4096])
def test_a_person_who_holds_it_stops_the_list_and_is_not_named(
    office: Any, monkeypatch: Any, chunk: int
) -> None:
    monkeypatch.setattr(issuing, "CHUNK", chunk)
    holders = office.people(9)
    office.issue(holders)
    before = office.contents()
    people = [*office.people(12, offset=100), replace(holders[3], issued=date(2026, 11, 1))]
    with pytest.raises(AlreadyHeld, match="certreg check") as refused:
        office.issue(people)
    assert refused.value.__cause__ is None
    printed = "".join(traceback.format_exception(refused.value))
    for person in people:
        assert person.id_number not in printed
        assert person.name not in printed
    assert office.contents() == before


def test_correcting_into_a_holder_is_refused(office: Any) -> None:
    people = office.people(2, level="4", occupation_code="6-31-01-03")
    office.issue(people)
    before = office.contents()
    with pytest.raises(AlreadyHeld):
        office.correct(f"{office.prefix}264000001", {"id_number": people[1].id_number})
    assert office.contents() == before
    office.revoke(f"{office.prefix}264000002", Reason.ISSUED_IN_ERROR)
    office.correct(f"{office.prefix}264000001", {"id_number": people[1].id_number})


def test_a_failure_while_issuing_leaves_nothing(office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(issuing, "CHUNK", 5)
    before = office.contents()
    real, calls = issuing.insert_rows, iter(range(100))

    def failing(*args: Any) -> None:
        real(*args)
        if next(calls) == 5:
            raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(issuing, "insert_rows", failing)
        with pytest.raises(ZeroDivisionError):
            office.issue(office.people(30))
    assert office.contents() == before
    office.issue(office.people(30))
    office.run()
    office.audit()


def issue_batches(office: Any, offset: int, batches: int) -> str:
    for batch in range(batches):
        office.issue(office.people(60, offset=offset + 60 * batch))
    return "done"


def test_two_processes_issue_at_once_for_one_company(office: Any) -> None:
    works = [lambda at=at: issue_batches(office, at, 4) for at in (0, 10_000)]
    assert at_once(office, *works) == ["done"] * 2
    assert [batch.count for batch in office.rows(Batch)] == [60] * 8
    office.run()
    office.audit()


def test_the_sequencer_runs_while_others_issue(office: Any) -> None:
    def sequence() -> str:
        for _ in range(12):
            office.anchor()
            office.publish()
            time.sleep(0.02)
        return "done"

    works = [lambda at=at: issue_batches(office, at, 4) for at in (0, 10_000)]
    assert at_once(office, *works, sequence) == ["done"] * 3
    office.note_checkpoint()
    office.run()
    office.audit()


def test_the_same_list_sent_twice_at_once_is_issued_once(office: Any) -> None:
    people = office.people(200)
    answers = at_once(office, *[lambda: office.issue(people)] * 3)
    assert sorted(answer.recognised for answer in answers) == [False, True, True]
    assert len({answer.batch_id for answer in answers}) == 1
    assert len({answer.ranges for answer in answers}) == 1
    assert len(office.rows(Certificate)) == 200


def test_processes_share_a_counter_without_gap_or_overlap(office: Any) -> None:
    def work(seed: int) -> list[int]:
        chance, taken = random.Random(seed), []
        for _ in range(20):
            count = chance.randint(1, 9)
            with write_unit(office.engine) as session:
                first = take_range(session, "shared", count, start=1)
                if chance.random() < 0.3:
                    session.rollback()
                    continue
            taken += range(first, first + count)
        return taken

    answers = at_once(office, *[lambda seed=seed: work(seed) for seed in range(4)])
    taken = sorted(value for answer in answers for value in answer)
    assert taken == list(range(1, len(taken) + 1))
    assert len(taken) > 50


def waited(third: Any) -> None:
    """Let the row go when both others wait for it."""
    end = time.monotonic() + 5
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while time.monotonic() < end and third.execute(query).fetchone()[0] < 2:
        time.sleep(0.02)
    third.rollback()


@pytest.mark.parametrize("second", ["revoke", "correct"])
@pytest.mark.parametrize("first", ["revoke", "correct"])
def test_of_two_revisions_of_one_certificate_one_is_refused(
    office: Any, first: str, second: str
) -> None:
    """Both read a valid certificate; the one that comes second must not overwrite the other."""
    office.issue(office.people(1, level="4"))
    number = f"{office.prefix}264000001"
    works = {
        "revoke": lambda: office.revoke(number).edition,
        "correct": lambda: office.correct(number, {"direction": "数控"}).edition,
    }
    # A third holds the row until both wait for it, or have read past it.
    address = make_url(office.url)
    with psycopg.connect(
        host=address.query["host"], user=address.username, dbname=address.database
    ) as third:
        third.execute("SELECT 1 FROM certificates FOR UPDATE")
        answers = at_once(office, works[first], works[second], meanwhile=lambda: waited(third))
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert len(refused) == 1
    assert refused[0].startswith("Refused: certificate")
    office.run()
    office.audit()
    states = sorted(int(row.state) for row in office.rows(Certificate))
    assert states in ([1], [0, 3])


def test_a_reader_sees_one_moment(office: Any) -> None:
    def note(actor: str) -> None:
        with write_unit(office.engine) as session:
            at = office.clock.now()
            session.add(AuditLine(at=at, actor=actor, action="", subject="", detail=""))

    note("before")
    with read_unit(office.engine) as session:
        before = session.scalars(select(AuditLine.actor)).all()
        note("after")
        assert session.scalars(select(AuditLine.actor)).all() == before
    with read_unit(office.engine) as session:
        assert len(session.scalars(select(AuditLine.actor)).all()) == len(before) + 1


@pytest.mark.parametrize("first", [True, False], ids=["first-head", "later-head"])
def test_whoever_comes_second_commits_no_head(office: Any, monkeypatch: Any, first: bool) -> None:
    """Two machines, one database, no common lock file."""
    if not first:
        office.run()
    office.issue(office.people(5))
    real = sequencer._commit

    def overtaken(session: Any, log: Any, work: Any, **heads: Any) -> None:
        with write_unit(office.engine) as other:
            head.swap_head(other, log.origin, heads["old"], heads["new"], heads["now"])
        real(session, log, work, **heads)

    monkeypatch.setattr(sequencer, "_commit", overtaken)
    with pytest.raises(HeadMoved):
        office.anchor()


def work_for_ever(office: Any, seed: int) -> None:
    while True:
        offset = seed * 20_000 + len(office.rows(Batch)) * 250
        office.issue(office.people(250, offset=offset))
        office.anchor()
        office.publish()


def test_killed_at_random_moments_nothing_is_lost_or_doubled(office: Any, chance: Any) -> None:
    for seed in range(5):
        # On a busy machine nothing may come of a short life: the next is longer.
        life = 1 if office.rows(Certificate) else 1 + seed
        office.close()
        worker = fork.Process(target=work_for_ever, args=(office, seed))
        worker.start()
        time.sleep(chance.uniform(0.1, 0.3) * life)
        worker.kill()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        office.note_checkpoint()
        office.run()
        office.audit()
    assert office.rows(Certificate)
