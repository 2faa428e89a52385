"""Rows through hundreds of faults: at the end both sides are equal, and each row is there once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from registry.centre.store import Certificate as Accepted
from registry.centre.store import read_unit as read_centre
from registry.store.milestones import MilestoneRow
from registry.store.outbox import UploadRow
from registry.store.uploads import Upload, UploadReceipt
from registry.upload.asking import Raw, Unreachable
from registry.upload.collecting import collect

Ask = Callable[[], Raw]
KINDS = ("drop", "lose", "delay", "duplicate", "truncate", "reorder", "restart", "html", "away")


class Faults:
    """Spoils the wire `left` times at random; mutable. Every fault is counted by its kind."""

    def __init__(self, exchange: Any, left: int, chance: random.Random) -> None:
        self.exchange, self.left, self.chance = exchange, left, chance
        self.done: Counter[str] = Counter()
        self.stale: list[Raw] = []
        self.late: list[Ask] = []

    def __call__(self, ask: Ask, _method: str, _target: str) -> Raw:
        while self.late:
            self.late.pop()()
        if not self.left or self.chance.random() < 0.3:
            answer = ask()
            self.stale = [*self.stale[-5:], answer]
            return answer
        self.left -= 1
        kinds = KINDS
        kind = self.chance.choice(kinds)
        self.done[kind] += 1
        return self._spoil(kind, ask)

    def _spoil(self, kind: str, ask: Ask) -> Raw:
        match kind:
            case "drop":
                raise Unreachable
            case "lose":
                # It arrived, was done, and its answer was lost.
                ask()
                raise Unreachable
            case "delay":
                # It is given up here, and arrives there before the next one.
                self.late.append(ask)
                raise Unreachable
            case "duplicate":
                # A proxy sends it twice: the second time the nonce is known.
                ask()
                return ask()
            case "truncate":
                answer = ask()
                cut = answer.body[: self.chance.randrange(len(answer.body) + 1)]
                return Raw(status=answer.status, headers=answer.headers, body=cut)
            case "reorder":
                # The answer to an earlier question comes to this one.
                answer = ask()
                return self.chance.choice(self.stale) if self.stale else answer
            case "restart":
                answer = ask()
                self.exchange.centre.stop()
                self.exchange.centre.start()
                return answer
            case "html":
                body = "<html>请登录</html>".encode()
                return Raw(status=200, headers={"content-type": "text/html"}, body=body)
            case _:
                return Raw(status=502, headers={"content-type": "text/html"}, body=b"bad gateway")


def run(exchange: Any, *, rows: int, each: int, faults: int, chance: random.Random) -> Faults:
    """Issue and send until all is answered; give what was spoilt."""
    spoil = Faults(exchange, faults, chance)
    exchange.wire.spoil = spoil
    for offset in range(0, rows, each):
        exchange.frozen(each, offset)
    for _ in range(40 * faults + 40):
        exchange.send(all_now=False)
        if chance.random() < 0.3:
            collect(exchange.sender)
        uploads = exchange.office.rows(Upload)
        assert not [one.last_problem for one in uploads if one.state == "dead"]
        if not spoil.left and {upload.state for upload in uploads} == {"acknowledged"}:
            return spoil
        exchange.later(minutes=chance.randrange(1, 90))
        if chance.random() < 0.2:
            # The city's program is killed: all it knows is in its database.
            exchange.office.close()
        if spoil.left and {upload.state for upload in uploads} == {"acknowledged"}:
            collect(exchange.sender)
    raise AssertionError(spoil.done)


def equal(exchange: Any, rows: int) -> None:
    """Hold both sides against each other."""
    office = exchange.office
    assert exchange.states() == ["accepted"] * rows
    assert len({(row.status_index, row.kind) for row in office.rows(UploadRow)}) == rows
    from registry.store.certificates import Certificate

    ours = sorted(row.number for row in office.rows(Certificate))
    with read_centre(exchange.centre.opened.engine) as session:
        theirs = sorted(session.scalars(select(Accepted.number)))
    assert ours == theirs
    stored = exchange.centre.receipts()
    kept = office.rows(UploadReceipt)
    assert {one.digest: one.envelope for one in kept} == {
        one.digest: one.envelope for one in stored
    }
    assert all(one.imported_at is not None for one in kept)
    assert sum(one.accepted for one in stored) == rows
    steps = [row.subject for row in office.rows(MilestoneRow)]
    assert sorted(steps) == sorted(upload.upload_id for upload in office.rows(Upload))
    office.run()
    office.audit()


def test_three_hundred_rows_through_twenty_faults(exchange: Any, chance: random.Random) -> None:
    spoil = run(exchange, rows=300, each=50, faults=20, chance=chance)
    assert spoil.done.total() == 20
    equal(exchange, 300)


@pytest.mark.soak
def test_ten_thousand_rows_through_two_hundred_faults(exchange: Any, chance: random.Random) -> None:
    spoil = run(exchange, rows=10_000, each=250, faults=200, chance=chance)
    assert spoil.done.total() == 200
    assert set(spoil.done) == set(KINDS)
    equal(exchange, 10_000)
