"""A forked or lost log is frozen and followed by the next one: nothing of the past is repaired."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from keys.policy import Policy, PolicyLog
from keys.vkey import SignatureType, VerifierKey
from registry import publish
from registry.ledger import sequencer
from registry.ledger.fsck import fsck
from registry.ledger.guards import LogFrozen
from registry.ledger.head import load_head
from registry.ledger.local_storage import LocalStorage
from registry.ledger.sequencer import anchor
from registry.ledger.succession import (
    Era,
    SuccessionRefused,
    current_era,
    freeze,
    predecessors,
    serials_given,
    succeed,
)
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.log import EventGroup, LogEra
from signing.tlog.entry import Issue, Status, Succession, parse_entry
from signing.tlog.tiles import TileReader

NOW = datetime(2026, 11, 23, 2, 3, 5, tzinfo=UTC)
NEXT = "127.0.0.1:8000/log2"


def era_of(office: Any) -> Era:
    with read_unit(office.engine) as session:
        return current_era(session, office.origin)


def freeze_log(office: Any, reason: str = "两份签章不一致") -> None:
    with write_unit(office.engine) as session:
        era = current_era(session, office.origin)
        folder = office.site.public / era.origin.rpartition("/")[2]
        note = (folder / "checkpoint").read_bytes()
        freeze(session, era, reason, final_note=note, actor="test", now=office.clock.now())


def start_next(office: Any, given: dict[str, int] | None = None, origin: str = NEXT) -> Any:
    """Start the successor and return its log, with files of its own."""
    with write_unit(office.engine) as session:
        era = current_era(session, office.origin)
        succeed(session, era, origin, given=given or {}, actor="test", now=office.clock.now())
    return next_log(office, origin)


def next_log(office: Any, origin: str) -> Any:
    key = VerifierKey(
        name=origin, type=SignatureType.ED25519, public_key=office.log_key.info.public_key
    )
    folder = office.site.public / origin.rpartition("/")[2]
    return replace(
        office.log,
        origin=origin,
        storage=LocalStorage(folder),
        policy=Policy(logs=(PolicyLog(key=key),)),
    )


def entries_of(log: Any, size: int) -> list[Any]:
    return [parse_entry(data) for data in TileReader(log.storage.read).at(size).entries()]


def issues(entries: list[Any]) -> Counter[Issue]:
    return Counter(entry for entry in entries if isinstance(entry, Issue))


@pytest.fixture
def forked(office: Any) -> Any:
    """Give an office with a batch, a correction and a revocation in a log that is now frozen."""
    first = office.issue(office.people(30))
    office.run()
    office.correct(first.ranges[0][0], {"name": "欧阳龑"})
    office.revoke(first.ranges[1][0])
    office.run()
    freeze_log(office)
    return office


def test_the_first_log_needs_no_row(office: Any) -> None:
    assert era_of(office) == Era(number=1, origin=office.origin, frozen=False)


def test_a_log_is_frozen_once_and_keeps_its_last_checkpoint(forked: Any) -> None:
    assert era_of(forked) == Era(number=1, origin=forked.origin, frozen=True)
    (row,) = forked.rows(LogEra)
    assert row.final_note == forked.head().note
    assert row.reason == "两份签章不一致"
    assert [line.action for line in forked.rows(AuditLine)][-1] == "log-freeze"
    with pytest.raises(SuccessionRefused, match="frozen already"):
        freeze_log(forked)


def test_an_open_log_has_no_successor(office: Any) -> None:
    office.run()
    before = office.contents()
    with pytest.raises(SuccessionRefused, match="freeze it first"):
        start_next(office)
    assert office.contents() == before


def test_the_successor_takes_up_every_event_once_in_order(forked: Any) -> None:
    old = forked.head()
    old_entries = entries_of(forked.log, old.size)
    log = start_next(forked)
    done = anchor(forked.engine, log, clock=forked.clock)
    assert fsck(forked.site.public / "log2", log.policy).faults == ()
    entries = entries_of(log, done.size)
    link = entries[0]
    assert isinstance(link, Succession)
    assert (link.origin, link.size, link.root) == (forked.origin, old.size, old.root.hex())
    assert issues(entries) == issues(old_entries)
    # Of the old log's status leaves none, of the new one's own exactly one.
    assert [isinstance(entry, Status) for entry in entries].count(True) == 1
    with read_unit(forked.engine) as session:
        assert load_head(session, NEXT).size == done.size
        assert predecessors(session, NEXT) == (forked.origin,)
        groups = session.scalars(select(EventGroup)).all()
    assert all(group.first_index is not None for group in groups)


def test_the_frozen_logs_files_stay_as_they_were(forked: Any) -> None:
    root = forked.site.public / "log"

    def files() -> dict[str, bytes]:
        return {
            str(file.relative_to(root)): file.read_bytes()
            for file in root.rglob("*")
            if file.is_file()
        }

    before = files()
    anchor(forked.engine, start_next(forked), clock=forked.clock)
    assert files() == before
    assert forked.fsck().faults == ()


def test_states_are_the_same_in_the_successor(forked: Any) -> None:
    log = start_next(forked)
    anchor(forked.engine, log, clock=forked.clock)
    with read_unit(forked.engine) as session:
        head = load_head(session, NEXT)
    old, new = parse_entry(forked.head().status_entry), parse_entry(head.status_entry)
    assert isinstance(old, Status)
    assert isinstance(new, Status)
    assert (new.count, new.root) == (old.count, old.root)


def test_numbers_that_only_the_public_saw_are_not_given_again(office: Any) -> None:
    office.issue(office.people(20))
    office.run()
    copy = office.site.public.parent / "old.db"
    office.close()
    copy.write_bytes((office.home / "registry.db").read_bytes())
    lost = office.issue(office.people(20, offset=300))
    office.run()
    public = office.checkpoint()
    given = serials_given(iter(office.entries()))
    office.close()
    for file in office.home.glob("registry.db*"):
        file.unlink()
    copy.rename(office.home / "registry.db")
    freeze_log(office)
    log = start_next(office, given)
    again = office.issue(office.people(20, offset=600))
    assert again.batch_id != lost.batch_id
    taken = {last[:16]: int(last[16:]) for _first, last in lost.ranges}
    for first, _last in again.ranges:
        assert int(first[16:]) > taken.get(first[:16], 0)
    done = anchor(office.engine, log, clock=office.clock)
    link = entries_of(log, done.size)[0]
    assert isinstance(link, Succession)
    # The database had forgotten it; the public has not.
    assert (link.size, link.root) == (public.size, public.root.hex())
    assert len(office.rows(Certificate)) == 40


def test_each_log_links_to_the_one_before_it(forked: Any) -> None:
    anchor(forked.engine, start_next(forked), clock=forked.clock)
    freeze_log(forked)
    third = start_next(forked, origin="127.0.0.1:8000/log3")
    done = anchor(forked.engine, third, clock=forked.clock)
    links = [e for e in entries_of(third, done.size) if isinstance(e, Succession)]
    assert [link.origin for link in links] == [NEXT]
    assert era_of(forked).number == 3


def test_a_round_that_began_before_the_freeze_takes_nothing(office: Any, monkeypatch: Any) -> None:
    office.issue(office.people(20))
    office.run()
    office.issue(office.people(9, offset=300))
    frozen_at, build = office.head().size, sequencer.build

    def slow(*args: Any, **kwargs: Any) -> Any:
        built = build(*args, **kwargs)
        with write_unit(office.engine) as session:
            era = current_era(session, office.origin)
            freeze(session, era, "x", final_note=office.head().note, actor="t", now=NOW)
            succeed(
                session, current_era(session, office.origin), NEXT, given={}, actor="t", now=NOW
            )
        return built

    with monkeypatch.context() as patched:
        patched.setattr(sequencer, "build", slow)
        with pytest.raises(LogFrozen):
            office.anchor()
    # The frozen log stands where it stood, and every certificate waits for the successor.
    assert office.head().size == office.checkpoint().size == frozen_at
    log = next_log(office, NEXT)
    done = anchor(office.engine, log, clock=office.clock)
    assert sum(issues(entries_of(log, done.size)).values()) == 29
    assert fsck(office.site.public / "log2", log.policy).faults == ()


def test_a_publication_that_began_before_the_freeze_marks_nothing(
    office: Any, monkeypatch: Any
) -> None:
    office.issue(office.people(20))
    office.anchor()
    whole = publish._publish_group

    def slow(engine: Any, group: Any, *args: Any) -> int:
        with write_unit(office.engine) as session:
            session.execute(update(EventGroup).values(first_index=None))
        return whole(engine, group, *args)

    with monkeypatch.context() as patched:
        patched.setattr(publish, "_publish_group", slow)
        office.publish()
    assert not any(group.published for group in office.rows(EventGroup))


def test_nothing_of_a_frozen_log_is_published(forked: Any) -> None:
    with pytest.raises(LogFrozen):
        forked.publish()


def test_the_successors_status_pages_stay(office: Any) -> None:
    office.issue(office.people(30))
    office.run()
    for _ in range(5):
        office.clock.moment += timedelta(hours=21)
        office.run()
    freeze_log(office)
    log = start_next(office)
    anchor(office.engine, log, clock=office.clock)
    publish.publish(office.engine, log, office.site, office.context)
    latest = json.loads((office.site.public / "status" / "latest.json").read_bytes())
    assert (office.site.public / "status" / f"pages-{latest['entry_index']}.bin").is_file()
