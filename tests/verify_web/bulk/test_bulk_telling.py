"""Notices on their way: under one id, with growing pauses, by webhook or mail, across kills."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from signing.tlog.entry import State
from verify_web.bulk.addresses import CallFault
from verify_web.bulk.store import purge
from verify_web.bulk.telling import LONGEST_PAUSE, Postman, tell_due
from verify_web.bulk.watches import (
    NoSuchWatch,
    secret_of,
    send_again,
    watches_of,
)
from verify_web.bulk.watching import compare
from verify_web.work import tell_once

ADDRESS = "https://hr.example.com/hooks"


def test_a_kill_before_the_end_sends_the_same_notice_again(
    bulk: Any, receiver: Any, receivers: Any, postman: Any
) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    snapshot = bulk.bench.site.public.snapshot()
    real = bulk.desk.random
    dying = replace(bulk.desk, random=lambda size: killed() if size == 10 else real(size))
    with pytest.raises(KeyboardInterrupt):
        compare(dying, snapshot)
    assert watches_of(bulk.desk, employer.employer)[0].pending == 0
    assert compare(bulk.desk, snapshot) == 1
    assert compare(bulk.desk, snapshot) == 0

    class Dying(receivers):
        def post(self, address: str, headers: dict[str, str], body: bytes) -> None:
            super().post(address, headers, body)
            killed()

    first = Dying()
    with pytest.raises(KeyboardInterrupt):
        tell_due(bulk.desk, Postman(caller=first, channel=bulk.letters, jitter=Random(1)))
    assert tell_due(bulk.desk, postman) == 0
    bulk.clock.moment += timedelta(minutes=2)
    assert tell_due(bulk.desk, postman) == 1
    assert first.posted[0][2] == receiver.posted[0][2]
    assert first.posted[0][1]["Certreg-Event"] == receiver.posted[0][1]["Certreg-Event"]


def test_two_processes_tell_once(bulk: Any, receiver: Any, receivers: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    snapshot = bulk.bench.site.public.snapshot()

    class Second(receivers):
        def post(self, address: str, headers: dict[str, str], body: bytes) -> None:
            super().post(address, headers, body)
            # While the first is still sending, the second looks for work.
            assert compare(bulk.desk, snapshot) == 0
            assert tell_due(bulk.desk, postman) == 0

    first = Second()
    compare(bulk.desk, snapshot)
    assert tell_due(bulk.desk, Postman(caller=first, channel=bulk.letters, jitter=Random(1))) == 1
    assert len(first.posted) == 1
    assert receiver.posted == []


def test_pauses_grow_spread_and_end_in_a_dead_letter(
    bulk: Any, receiver: Any, postman: Any
) -> None:
    employer, _ = bulk.organisation()
    job = bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    compare(bulk.desk, bulk.bench.site.public.snapshot())
    receiver.fault = CallFault.TLS
    started, tries = bulk.clock.moment, []
    while watches_of(bulk.desk, employer.employer)[0].pending:
        tell_due(bulk.desk, postman)
        tries.append(bulk.clock.moment)
        assert len(receiver.posted) == len(tries)
        with bulk.desk.state.transaction() as connection:
            (due,) = connection.execute("SELECT due FROM events").fetchone()
        bulk.clock.moment = datetime.fromtimestamp(due - 1, UTC)
        assert tell_due(bulk.desk, postman) == 0
        assert len(receiver.posted) == len(tries)
        bulk.clock.moment += timedelta(seconds=2)
        assert bulk.clock.moment - started < timedelta(days=4)
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(tries)]
    for at, pause in enumerate(pauses):
        usual = min(60 * 2**at, LONGEST_PAUSE)
        assert 0.75 * usual <= pause <= 1.25 * usual + 2
    assert len({round(pause / LONGEST_PAUSE, 4) for pause in pauses[-6:]}) > 1
    assert timedelta(days=2, hours=16) < tries[-1] - started <= timedelta(days=3)
    (watch,) = watches_of(bulk.desk, employer.employer)
    (dead,) = watch.undelivered
    assert dead.fault == CallFault.TLS
    assert len({headers["Certreg-Event"] for _, headers, _ in receiver.posted}) == 1
    assert tell_due(bulk.desk, postman) == 0
    receiver.fault = None
    send_again(bulk.desk, employer.employer, job)
    assert tell_due(bulk.desk, postman) == 1
    assert receiver.bodies[-1]["event"] == dead.event
    with pytest.raises(NoSuchWatch):
        send_again(bulk.desk, employer.employer, job)


def test_a_dead_letter_is_kept_a_month(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    receiver.fault = CallFault.NAME
    for _ in range(80):
        tell_once(bulk.bench, postman)
        bulk.clock.moment += timedelta(hours=1)
    assert len(watches_of(bulk.desk, employer.employer)[0].undelivered) == 1
    purge(bulk.desk)
    bulk.clock.moment += timedelta(days=29)
    purge(bulk.desk)
    assert len(watches_of(bulk.desk, employer.employer)[0].undelivered) == 1
    bulk.clock.moment += timedelta(days=2)
    purge(bulk.desk)
    assert watches_of(bulk.desk, employer.employer)[0].undelivered == []


def test_an_account_by_mail_is_told_by_mail(bulk: Any, postman: Any) -> None:
    employer = bulk.by_mail("hr@example.com")
    job = bulk.subscribe(employer, bulk.row("second"), bulk.row("valid"), to="")
    assert secret_of(bulk.desk, employer.employer, job) == ""
    bulk.publish(valid=State.REVOKED)
    assert tell_once(bulk.bench, postman) == 1
    letter = bulk.letters.messages[-1]
    assert letter.address == "hr@example.com"
    assert "第 2 行 row 2: 已撤销 revoked" in letter.text
    assert "截至北京时间 2026-11-23 19:02，" in letter.text
    assert "as of 2026-11-23 19:02 Beijing time" in letter.text
    assert job in letter.text
    for fact in (bulk.world.records["valid"].name, bulk.world.records["valid"].number):
        assert fact not in letter.text
        assert fact not in letter.subject


def test_a_slow_receiver_holds_up_no_other_account(bulk: Any, receiver: Any, postman: Any) -> None:
    one, _ = bulk.organisation()
    other, _ = bulk.organisation("示例另一单位")
    for _ in range(3):
        bulk.subscribe(one, bulk.row("valid"))
    bulk.subscribe(other, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    compare(bulk.desk, bulk.bench.site.public.snapshot())
    receiver.fault = CallFault.TIME
    tell_due(bulk.desk, postman)
    # One of each account's in a round.
    assert len(receiver.posted) == 2
