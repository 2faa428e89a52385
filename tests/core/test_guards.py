"""What is refused before anything is signed: a clock set back, a frozen log, a head too far."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger import guards
from registry.ledger.guards import (
    CLOCK_SLACK,
    ClockBehind,
    LogFrozen,
    refuse_clock_behind,
    refuse_frozen,
    refuse_unsafe,
    refuse_witnessed_ahead,
    status_time,
)
from registry.ledger.head import Head, HeadLost, load_head
from registry.store.base import read_unit, write_unit
from registry.store.log import LogEra, LogHead
from signing.canonical import encode
from signing.tlog.entry import Status, format_time, parse_time

SECOND = timedelta(seconds=1)


def status_at(time: str) -> bytes:
    return encode(Status(before=0, count=0, root="00" * 32, time=time))


def head_at(time: str = "", size: int = 7, root: bytes = b"r" * 32) -> Head:
    entry = status_at(time) if time else b""
    return Head(size=size, root=root, note=b"note", status_leaf=size - 1, status_entry=entry)


def check_clock(office: Any) -> None:
    with read_unit(office.engine) as session:
        refuse_clock_behind(session, office.origin, office.clock.now())


def check_all(office: Any) -> Head:
    with read_unit(office.engine) as session:
        return refuse_unsafe(session, office.log, now=office.clock.now())


def freeze(office: Any, number: int, origin: str, *, frozen: bool) -> None:
    now = office.clock.now()
    era = LogEra(number=number, origin=origin, started_at=now, frozen_at=now if frozen else None)
    with write_unit(office.engine) as session:
        session.add(era)


def test_a_log_without_a_head_is_safe(office: Any) -> None:
    assert check_all(office).size == 0


def test_a_clock_set_back_by_more_than_a_minute_is_refused_with_both_times(office: Any) -> None:
    office.run()
    signed = office.clock.moment
    for back in (timedelta(0), SECOND, CLOCK_SLACK):
        office.clock.moment = signed - back
        check_all(office)
    office.clock.moment = signed - CLOCK_SLACK - SECOND
    for check in (check_clock, check_all):
        with pytest.raises(ClockBehind, match="NTP") as refused:
            check(office)
        assert refused.value.code == "clock-behind"
        assert format_time(signed) in str(refused.value)
        assert format_time(office.clock.moment) in str(refused.value)
    office.clock.moment = signed + timedelta(days=1000)
    check_all(office)


def test_a_status_leaf_ahead_of_the_heads_own_time_counts_too(office: Any) -> None:
    """A clock that crept back within the slack leaves the leaf's time the newest."""
    office.run()
    head, signed = office.head(), office.clock.moment
    later = status_at(format_time(signed + 50 * SECOND))
    with write_unit(office.engine) as session:
        session.get_one(LogHead, office.origin).status_entry = later
    office.clock.moment = signed - 9 * SECOND
    check_clock(office)
    assert office.head().status_entry != head.status_entry
    office.clock.moment = signed - 12 * SECOND
    with pytest.raises(ClockBehind):
        check_clock(office)


def test_the_status_leaf_never_goes_back(office: Any) -> None:
    time = "2026-11-23T02:03:04Z"
    head, signed = head_at(time), parse_time(time)
    assert status_time(head, signed + SECOND) == signed + SECOND
    assert status_time(head, signed) == signed
    assert status_time(head, signed - SECOND) == signed
    assert status_time(head, signed - CLOCK_SLACK) == signed
    with pytest.raises(ClockBehind, match=r"2026-11-23T02:02:03Z.*2026-11-23T02:03:04Z"):
        status_time(head, signed - CLOCK_SLACK - SECOND)
    assert status_time(head_at(), signed) == signed


@given(st.lists(st.integers(-70, 200), min_size=1, max_size=20))
def test_over_many_rounds_it_runs_forward_or_is_refused(steps: list[int]) -> None:
    now = parse_time("2026-11-23T02:03:04Z")
    head, last = head_at(), now
    for step in steps:
        now += step * SECOND
        try:
            time = status_time(head, now)
        except ClockBehind:
            assert now < last - CLOCK_SLACK
            continue
        assert time >= last or not head.status_entry
        assert now <= time <= max(now, now + CLOCK_SLACK)
        head, last = head_at(format_time(time)), time


def test_a_frozen_log_is_refused_and_names_its_successor(office: Any) -> None:
    with read_unit(office.engine) as session:
        refuse_frozen(session, office.origin)
    freeze(office, 1, office.origin, frozen=True)
    for again in (check_all, check_all):
        with pytest.raises(LogFrozen, match="until its successor is started") as refused:
            again(office)
    assert refused.value.code == "log-frozen"
    assert office.origin in str(refused.value)
    assert format_time(office.clock.moment) in str(refused.value)
    freeze(office, 2, "registry.example/log-2", frozen=False)
    with pytest.raises(LogFrozen, match=r"succeeded by registry\.example/log-2"):
        check_all(office)
    with read_unit(office.engine) as session:
        refuse_frozen(session, "registry.example/log-2")


def test_an_open_era_is_no_frozen_one(office: Any) -> None:
    freeze(office, 1, office.origin, frozen=False)
    check_all(office)


def put_head_back(office: Any, older: Head) -> None:
    with write_unit(office.engine) as session:
        row = session.get_one(LogHead, office.origin)
        for name in ("size", "root", "note", "status_leaf", "status_entry"):
            setattr(row, name, getattr(older, name))


def test_a_public_head_that_is_ahead_is_refused(office: Any) -> None:
    office.run()
    older = office.head()
    office.issue(office.people(3))
    office.run()
    newer = office.head()
    put_head_back(office, older)
    with pytest.raises(HeadLost, match=f"says {newer.size} entries, the database {older.size}"):
        check_all(office)
    put_head_back(office, replace(newer, root=bytes(32), note=older.note))
    with pytest.raises(HeadLost):
        check_all(office)
    put_head_back(office, newer)
    assert check_all(office).size == newer.size
    (office.site.public / "log" / "checkpoint").write_bytes(b"damaged")
    with pytest.raises(HeadLost, match="cannot be read"):
        check_all(office)


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_sequencer_at_work_meanwhile_does_not_look_like_a_lost_head(
    office: Any, monkeypatch: Any, rounds: int
) -> None:
    """It commits and publishes after our look at the database and before that at the file."""
    office.run()
    left = iter(range(rounds))

    def overtaken(session: Any, origin: str) -> Head:
        head = load_head(session, origin)
        if next(left, None) is not None:
            office.issue(office.people(2, offset=head.size * 100))
            with monkeypatch.context() as real:
                real.setattr(guards, "load_head", load_head)
                office.anchor()
        return head

    before = office.head().size
    monkeypatch.setattr(guards, "load_head", overtaken)
    assert check_all(office).size > before


def test_witnesses_that_have_seen_less_or_the_same_say_nothing() -> None:
    head = head_at(size=7, root=b"r" * 32)
    refuse_witnessed_ahead(head, [])
    refuse_witnessed_ahead(head, [("a", 7, b"r" * 32), ("b", 3, b"x" * 32), ("c", 0, b"")])
    # An empty tree has one root only, however a witness writes that it has seen nothing.
    refuse_witnessed_ahead(replace(head, size=0), [("a", 0, bytes(32))])


def test_a_witness_that_is_ahead_is_named_with_its_size() -> None:
    witnessed = [("province", 9, b"x" * 32), ("university", 7, b"r" * 32), ("guild", 8, b"y" * 32)]
    with pytest.raises(HeadLost) as refused:
        refuse_witnessed_ahead(head_at(size=7), witnessed)
    told = str(refused.value)
    assert "the database has (7 entries)" in told
    assert "province has 9 entries" in told
    assert "guild has 8 entries" in told
    assert "university" not in told
    assert "restore the newest backup" in told
    assert refused.value.code == "head-lost"


def test_a_fork_is_named_with_both_roots() -> None:
    with pytest.raises(HeadLost) as refused:
        refuse_witnessed_ahead(head_at(size=7), [("guild", 7, b"\xab" * 32), ("far", 9, bytes(32))])
    told = str(refused.value)
    for said in ("guild has root " + "ab" * 32, "root " + b"r".hex() * 32, "7 entries", "freeze"):
        assert said in told
