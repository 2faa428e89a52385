"""The chain of a certificate, step by step: days, what was waited, whose turn; and what is due."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from registry.centre.store import write_unit as write_centre
from registry.centre.visibility import load_visible
from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.chain import ChainStep, Step, chain_of_number
from registry.office.upload_due import UploadTask, upload_matters
from registry.rules.terms import Turn
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.outbox import UploadRow
from registry.store.uploads import ChainChange
from registry.upload.by_hand import mark_sent, withdraw_row
from registry.upload.collecting import collect
from registry.upload.visible import mark_seen, unseen_count
from signing.mirror import Chain, Factor, open_entry, open_index, tag_and_key

MONDAY = date(2026, 11, 23)


def today(exchange: Any) -> date:
    return exchange.office.clock.now().date()  # type: ignore[no-any-return]


def chain(exchange: Any, place: int = 0) -> Any:
    number = exchange.office.rows(Certificate)[place].number
    with read_unit(exchange.office.engine) as session:
        almanac = read_almanac(session)
        return chain_of_number(session, number, almanac, today=today(exchange))


def steps(exchange: Any, place: int = 0) -> list[tuple[Any, Any, Any]]:
    return [(one.day, one.waited, one.turn) for one in chain(exchange, place)[0].steps]


def due(exchange: Any) -> list[tuple[Any, ...]]:
    with read_unit(exchange.office.engine) as session:
        found = upload_matters(session, read_almanac(session), today=today(exchange))
    return [(one.task, one.rows, one.working_days, one.turn) for one in found]


def hand_over(exchange: Any, upload: str) -> bytes:
    with write_unit(exchange.office.engine) as session:
        mark_sent(session, upload, exchange.outbox.doing)
    data: bytes = exchange.by_hand(upload)
    return data


def test_the_chain_goes_on_step_by_step(exchange: Any) -> None:
    exchange.issue(2)
    issued, filed = date(2026, 11, 20), MONDAY
    # Issued on Friday, filed on Monday, and the office's turn since.
    assert steps(exchange) == [
        (issued, None, None),
        (filed, 1, None),
        (None, 0, Turn.OFFICE),
        (None, None, None),
        (None, None, None),
    ]
    exchange.later(days=4)
    assert steps(exchange)[2] == (None, 4, Turn.OFFICE)
    upload = exchange.frozen()
    receipt = hand_over(exchange, upload)
    friday = MONDAY + timedelta(days=4)
    assert steps(exchange)[2:] == [
        (friday, 4, None),
        (None, 0, Turn.CENTRE),
        (None, None, None),
    ]
    exchange.later(days=3)
    assert steps(exchange)[3] == (None, 1, Turn.CENTRE)
    exchange.receive(receipt)
    # The centre's own day counts, and not that of the import.
    assert steps(exchange)[3:] == [(friday, 0, None), (None, 1, Turn.CENTRE)]
    number = exchange.office.rows(Certificate)[0].number
    with write_unit(exchange.office.engine) as session:
        mark_seen(session, number, today(exchange), exchange.outbox.doing)
    assert steps(exchange)[4] == (today(exchange), 1, None)
    assert {one.turn for one in chain(exchange)[0].steps} == {None}
    with pytest.raises(NotFound), read_unit(exchange.office.engine) as session:
        chain_of_number(session, "Y" * 22, read_almanac(session), today=MONDAY)


def test_the_next_step_has_its_last_day_by_the_rule(exchange: Any) -> None:
    exchange.issue(1)
    (view,) = chain(exchange)
    dues = {one.step: one.due_on for one in view.steps}
    # Five working days from the next, the office's own rule.
    assert dues == {**dict.fromkeys(Step), Step.REPORTED: date(2026, 11, 30)}
    upload = exchange.frozen()
    hand_over(exchange, upload)
    assert chain(exchange)[0].steps[3].due_on == date(2026, 12, 7)


def test_each_edition_has_its_own_chain(exchange: Any) -> None:
    exchange.frozen(2)
    exchange.send()
    number = exchange.office.rows(Certificate)[0].number
    exchange.office.correct(number, {"direction": "数控车工"})
    exchange.office.run()
    new, old = chain(exchange)
    assert (new.edition, old.edition) == (2, 1)
    assert [one.day is None for one in new.steps] == [False, False, True, True, True]
    assert old.steps[3].day == MONDAY
    exchange.frozen()
    exchange.send()
    assert chain(exchange)[0].steps[3].day == MONDAY
    assert exchange.states() == ["accepted"] * 3
    exchange.office.run()
    exchange.office.audit()


def test_a_correction_that_the_centre_has_not_is_seen_by_nobody(exchange: Any) -> None:
    exchange.frozen(2)
    exchange.send()
    numbers = [row.number for row in exchange.office.rows(Certificate)]
    for number in numbers:
        exchange.office.correct(number, {"direction": "数控车工"})
    exchange.office.run()
    # By the centre's list and by a clerk: the day is the edition's that the centre has.
    table = f"证书编号,全国联网可查日期\n{numbers[0]},{MONDAY}\n".encode()
    with write_centre(exchange.centre.opened.engine) as session:
        load_visible(session, table, who="test", now=exchange.office.clock.now())
    assert collect(exchange.sender).visible == 1
    with write_unit(exchange.office.engine) as session:
        assert mark_seen(session, numbers[1], MONDAY, exchange.outbox.doing)
    for place in (0, 1):
        new, old = chain(exchange, place)
        assert (new.steps[4].day, old.steps[4].day) == (None, MONDAY)
        assert new.steps[2].turn is Turn.OFFICE
    exchange.frozen()
    exchange.send()
    # The lookup goes by the number, which was seen: nothing is left to look for.
    exchange.later(days=60)
    with read_unit(exchange.office.engine) as session:
        assert unseen_count(session) == 0
    assert due(exchange) == []


def public_chain(exchange: Any) -> Chain:
    """Open the public entry of the one certificate, as its QR code does."""
    site, (row,) = exchange.office.site, exchange.office.rows(Certificate)
    tag, wrapping = tag_and_key(site.pepper, {Factor.TOKEN: row.token})
    with closing(sqlite3.connect(site.public / "mirror.db")) as mirror:
        (wrapped,) = mirror.execute("SELECT wrapped FROM tags WHERE tag = ?", (tag,)).fetchone()
        entry_id, key = open_index(wrapping, tag, wrapped)
        query = "SELECT sealed FROM entries WHERE entry_id = ?"
        return open_entry(entry_id, key, *mirror.execute(query, (entry_id,)).fetchone()).chain


def refused_one(exchange: Any) -> str:
    """Let the centre refuse the one row of an upload, whose id is given."""
    exchange.issue(1)
    number = exchange.office.rows(Certificate)[0].number
    with closing(sqlite3.connect(exchange.centre.home.database)) as centre, centre:
        centre.execute(
            "INSERT INTO certificates (number, city, edition, record, withdrawn, received, receipt)"
            " VALUES (?, 'shizhou', 1, ?, 0, '2026-11-01T00:00:00Z', 77)",
            (number, "0" * 64),
        )
    upload: str = exchange.frozen()
    exchange.send()
    return upload


def test_a_row_that_is_not_reported_any_more_is_nobodys_turn(exchange: Any) -> None:
    upload = refused_one(exchange)
    exchange.office.run()
    assert exchange.office.rows(ChainChange) == []
    with write_unit(exchange.office.engine) as session:
        withdraw_row(session, upload, 1, "编号归属待核实", exchange.outbox.doing)
    (view,) = chain(exchange)
    assert (view.ended, view.ended_on) == (True, today(exchange))
    assert view.reason == "number-differs"
    assert {(one.turn, one.due_on) for one in view.steps} == {(None, None)}
    assert view.steps[3:] == (
        ChainStep(step=Step.ACCEPTED, day=None, waited=None, turn=None, due_on=None),
        ChainStep(step=Step.LISTED, day=None, waited=None, turn=None, due_on=None),
    )
    # The public entry is written anew, and says so with the day, however long ago it was.
    assert len(exchange.office.rows(ChainChange)) == 1
    decided = today(exchange)
    exchange.later(days=3)
    exchange.office.run()
    assert public_chain(exchange).ended == decided.isoformat()


@pytest.mark.parametrize("reason", ["already-accepted", "number-differs"])
def test_what_the_centre_had_already_can_be_seen_nationally(exchange: Any, reason: str) -> None:
    upload = refused_one(exchange)
    number = exchange.office.rows(Certificate)[0].number
    with write_unit(exchange.office.engine) as session:
        session.execute(update(UploadRow).values(reason=reason))
        withdraw_row(session, upload, 1, "省中心已接收过", exchange.outbox.doing)
    table = f"证书编号,全国联网可查日期\n{number},{MONDAY}\n".encode()
    with write_centre(exchange.centre.opened.engine) as session:
        load_visible(session, table, who="test", now=exchange.office.clock.now())
    had = reason == "already-accepted"
    exchange.office.run()
    # What the centre has had before is reported: the public is told of no end.
    assert public_chain(exchange).ended == ("" if had else today(exchange).isoformat())
    assert collect(exchange.sender).visible == int(had)
    assert chain(exchange)[0].steps[4].day == (MONDAY if had else None)


def test_a_refused_row_is_the_offices_turn_again(exchange: Any) -> None:
    refused_one(exchange)
    (view,) = chain(exchange)
    assert not view.ended
    assert view.reason == "number-differs"
    assert view.steps[3].turn is Turn.OFFICE
    assert due(exchange) == [(UploadTask.MEND, 1, 5, Turn.OFFICE)]


def test_what_waits_too_long_is_on_the_due_list(exchange: Any) -> None:
    exchange.issue(3)
    assert due(exchange) == [(UploadTask.REPORT, 3, 5, Turn.OFFICE)]
    exchange.later(days=10)
    assert due(exchange) == [(UploadTask.REPORT, 3, -3, Turn.OFFICE)]
    upload = exchange.frozen()
    # Put together is not reported: the days go on from the issue.
    assert due(exchange) == [(UploadTask.REPORT, 3, -3, Turn.OFFICE)]
    receipt = hand_over(exchange, upload)
    assert due(exchange) == [(UploadTask.RECEIPT, 3, 10, Turn.CENTRE)]
    exchange.later(days=21)
    # What the centre owes for too long is the office's to ask for.
    assert due(exchange)[0][3] is Turn.OFFICE
    exchange.receive(receipt)
    exchange.later(days=1)
    assert due(exchange) == []
    exchange.later(days=30)
    ((task, rows, left, turn),) = due(exchange)
    assert (task, rows, turn) == (UploadTask.LISTING, 3, Turn.OFFICE)
    assert left < 0
    with write_unit(exchange.office.engine) as session:
        for row in exchange.office.rows(Certificate):
            mark_seen(session, row.number, today(exchange), exchange.outbox.doing)
    assert due(exchange) == []


def test_withdrawals_are_owed_once_each(exchange: Any) -> None:
    exchange.frozen(4)
    exchange.send()
    for row in exchange.office.rows(Certificate)[:3]:
        exchange.office.revoke(row.number)
    exchange.office.run()
    assert due(exchange) == [(UploadTask.REPORT, 3, 5, Turn.OFFICE)]
    exchange.frozen()
    exchange.send()
    assert due(exchange) == []
    assert exchange.states() == ["accepted"] * 7
