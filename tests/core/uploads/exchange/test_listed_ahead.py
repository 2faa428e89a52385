"""A day to come in the centre's national list: the reading stands still, and the desk says so."""

from __future__ import annotations

from datetime import date
from json import dumps
from typing import Any

import msgspec
import pytest

from registry.office.almanac import read_almanac
from registry.office.upload_due import UploadMatter, UploadTask, upload_matters
from registry.rules.terms import Turn
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.upload.asking import Raw, Visibility
from registry.upload.collecting import Collected, collect
from registry.upload.visible import load_visibility, stands_still

CENTRE = "示例省技能服务指导中心"


def load(exchange: Any, *entries: tuple[str, str], place: int) -> None:
    body = {"visible": [{"number": n, "seen_on": day} for n, day in entries], "next": place}
    found = msgspec.json.decode(dumps(body), type=Visibility)
    with write_unit(exchange.office.engine) as session:
        load_visibility(session, found, exchange.centre.card(), exchange.outbox.doing)


def today(exchange: Any) -> date:
    day: date = exchange.office.clock.now().date()
    return day


def ahead(exchange: Any) -> list[UploadMatter]:
    """Return what the due list says of it, which is what the page of the spot check says."""
    with read_unit(exchange.office.engine) as session:
        found = upload_matters(session, read_almanac(session), today=today(exchange))
        standing = stands_still(session, today(exchange))
    listed = [one for one in found if one.task is UploadTask.AHEAD]
    assert [one.subject for one in listed] == ([standing.number] if standing else [])
    return listed


def told(exchange: Any) -> list[str]:
    lines = exchange.office.rows(AuditLine)
    return [line.detail for line in lines if line.action == "visibility-wait"]


@pytest.fixture
def numbers(exchange: Any) -> list[str]:
    """Give two certificates that the centre has accepted."""
    exchange.frozen(2)
    exchange.send()
    return [row.number for row in exchange.office.rows(Certificate)]


def test_centre_number_and_day_are_told_until_the_day_comes(
    exchange: Any, numbers: list[str]
) -> None:
    first, second = numbers
    assert ahead(exchange) == []
    load(exchange, (first, "2026-11-23"), (second, "2026-11-24"), place=2)
    (matter,) = ahead(exchange)
    assert (matter.name, matter.subject) == (CENTRE, second)
    assert "2026年11月24日" in matter.note
    assert (matter.turn, matter.due_on, matter.address) == (Turn.OFFICE, None, "/visibility")
    before = exchange.office.contents()
    load(exchange, (first, "2026-11-23"), (second, "2026-11-24"), place=2)
    assert exchange.office.contents() == before
    exchange.later(days=1)
    assert ahead(exchange) == []
    load(exchange, (first, "2026-11-23"), (second, "2026-11-24"), place=2)
    # Settled by the reading, and not by the clock alone.
    exchange.later(days=-1)
    assert ahead(exchange) == []
    assert told(exchange) == [f"2026-11-24; {CENTRE}"]


def test_each_other_day_to_come_is_told_anew(exchange: Any, numbers: list[str]) -> None:
    first, second = numbers
    load(exchange, (first, "2099-01-01"), place=1)
    load(exchange, (first, "2099-01-01"), place=1)
    assert [one.subject for one in ahead(exchange)] == [first]
    load(exchange, (first, "2098-01-01"), place=1)
    assert "2098年1月1日" in ahead(exchange)[0].note
    # Mended at the centre: the list is read on, and nothing stands in its way.
    load(exchange, (first, "2026-11-23"), place=1)
    assert ahead(exchange) == []
    load(exchange, (second, "2098-01-01"), place=2)
    assert [one.subject for one in ahead(exchange)] == [second]
    # The day of a number that is not here stops nothing.
    load(exchange, (second, "2026-11-23"), ("Y" * 22, "2098-01-01"), place=3)
    assert ahead(exchange) == []
    assert len(told(exchange)) == 3


def test_a_list_that_is_empty_now_stands_in_nobodys_way(exchange: Any, numbers: list[str]) -> None:
    first, second = numbers
    load(exchange, (second, "2026-11-23"), place=3)
    load(exchange, (first, "2099-01-01"), place=4)
    assert [one.subject for one in ahead(exchange)] == [first]
    asked: list[str] = []

    def answer(ask: Any, _method: str, target: str) -> Raw:
        if "/visibility" not in target:
            return ask()
        asked.append(target.rpartition("=")[2])
        # Whoever writes this must not have the list read on from elsewhere.
        body = dumps({"visible": [], "next": 900}).encode()
        return Raw(status=200, headers={"content-type": "application/json"}, body=body)

    exchange.wire.spoil = answer
    assert collect(exchange.sender) == Collected()
    assert ahead(exchange) == []
    before = exchange.office.contents()
    assert collect(exchange.sender) == Collected()
    assert exchange.office.contents() == before
    assert asked == ["3", "3"]
