"""One upload to the centre and back: acknowledged, refused, away, wrong; nothing doubled."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from json import dumps
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.store.base import write_unit
from registry.store.certificates import Certificate
from registry.store.milestones import MilestoneRow
from registry.store.outbox import UploadRow
from registry.store.uploads import UploadEvent, UploadReceipt
from registry.upload.asking import Raw, Unreachable
from registry.upload.by_hand import give_back, mark_sent, owe_again, send_again, withdraw_row
from registry.upload.collecting import Collected, collect
from registry.upload.errors import UploadStateRefused
from registry.upload.problems import Problem
from registry.upload.sending import LONGEST_PAUSE, MOST_TRIES, Outcome, pause
from signing.mirror import Factor

HTML = Raw(status=200, headers={"content-type": "text/html"}, body="<p>请登录</p>".encode())


def doing(exchange: Any, act: Any, *given: Any) -> Any:
    with write_unit(exchange.office.engine) as session:
        return act(session, *given, exchange.outbox.doing)


def away(*_: Any) -> Raw:
    raise Unreachable


def test_from_issue_to_receipt_and_the_public_chain(exchange: Any) -> None:
    upload = exchange.frozen(5)
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.ACKNOWLEDGED, "")
    found = exchange.upload(upload)
    assert (found.state, found.sent_way, found.last_problem) == ("acknowledged", "push", "")
    assert exchange.states() == ["accepted"] * 5
    (kept,) = exchange.office.rows(UploadReceipt)
    assert kept.envelope == exchange.centre.receipts()[0].envelope
    (milestone,) = exchange.office.rows(MilestoneRow)
    assert (milestone.kind, milestone.subject) == ("upload-receipt", upload)
    _, written = exchange.office.run()
    assert written == 5
    for row in exchange.office.rows(Certificate):
        (entry,) = exchange.office.look_up({Factor.TOKEN: row.token})
        assert entry.chain.reported == entry.chain.accepted == "2026-11-23"
        assert entry.chain.listed == ""
    exchange.office.audit()
    assert exchange.send() == []


def test_the_centre_away_for_a_day_loses_nothing_and_doubles_nothing(exchange: Any) -> None:
    upload = exchange.frozen(3)
    exchange.wire.spoil = away
    waited = timedelta()
    tries = 0
    while waited < timedelta(days=1):
        (sent,) = exchange.send(all_now=False)
        tries += 1
        assert (sent.outcome, sent.problem) == (Outcome.LATER, Problem.UNREACHABLE)
        found = exchange.upload(upload)
        span = found.next_try_at - exchange.office.clock.now()
        assert timedelta(seconds=15) <= span <= LONGEST_PAUSE
        assert exchange.send(all_now=False) == []
        exchange.office.clock.moment += span
        waited += span
    assert tries < MOST_TRIES
    # A day of tries is one line, not one each.
    kinds = [event.kind for event in exchange.office.rows(UploadEvent)]
    assert kinds == ["prepare", "freeze", "send", "problem"]
    exchange.wire.spoil = lambda ask, _method, _target: ask()
    (sent,) = exchange.send(all_now=False)
    assert sent.outcome is Outcome.ACKNOWLEDGED
    assert len(exchange.centre.receipts()) == 1


def test_after_the_last_try_a_human_is_asked(exchange: Any) -> None:
    upload, other = exchange.frozen(2), exchange.frozen(2, offset=10)
    exchange.wire.spoil = lambda *_: HTML
    for _ in range(MOST_TRIES - 1):
        (sent,) = exchange.send()
        assert (sent.outcome, sent.problem) == (Outcome.LATER, Problem.NOT_AN_ANSWER)
    (sent,) = exchange.send()
    assert sent.outcome is Outcome.DEAD
    # The centre would take no later one before it.
    assert exchange.send() == []
    exchange.wire.spoil = lambda ask, _method, _target: ask()
    doing(exchange, send_again, upload)
    assert [one.upload_id for one in exchange.send()] == [upload, other]
    assert exchange.states() == ["accepted"] * 4


@pytest.mark.parametrize("place", ["GET", "HEAD", "PUT", "POST"])
@pytest.mark.parametrize("answer", ["html", "half", "lost"])
def test_no_answer_is_never_taken_as_done(exchange: Any, place: str, answer: str) -> None:
    upload = exchange.frozen(3)
    spoilt = []

    def spoil(ask: Any, method: str, _target: str) -> Raw:
        if method != place or spoilt:
            return ask()
        spoilt.append(method)
        match answer:
            case "html":
                return HTML
            case "half":
                raw = ask()
                body, headers = raw.body[: len(raw.body) // 2], dict(raw.headers)
                headers.pop("upload-offset", None)
                return Raw(status=raw.status, headers=headers, body=body)
            case _:
                ask()
                raise Unreachable

    exchange.wire.spoil = spoil
    (first,) = exchange.send()
    assert first.outcome is Outcome.LATER
    assert exchange.upload(upload).state == "sending"
    assert exchange.states() == ["in_upload"] * 3
    (second,) = exchange.send()
    assert second.outcome is Outcome.ACKNOWLEDGED
    assert len(exchange.centre.receipts()) == 1


def test_the_package_goes_on_where_the_centre_has_it(exchange: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("registry.upload.asking.PIECE", 4096)
    exchange.frozen(20)
    sent = []

    def spoil(ask: Any, method: str, _target: str) -> Raw:
        if method == "PUT":
            sent.append(method)
            if len(sent) == 3:
                raise Unreachable
        return ask()

    exchange.wire.spoil = spoil
    (first,) = exchange.send()
    assert first.outcome is Outcome.LATER
    before = len(sent)
    (second,) = exchange.send()
    assert second.outcome is Outcome.ACKNOWLEDGED
    package = exchange.outbox.package("U00000001")
    assert before == 3
    assert len(sent) - 1 == -(-len(package) // 4096)


def test_clock_skew_is_told_and_passes(exchange: Any) -> None:
    exchange.frozen(2)
    centre_clock = type(exchange.office.clock)()
    centre_clock.moment = exchange.office.clock.now() + timedelta(minutes=6)
    opened = exchange.centre.opened
    from registry.centre.api import create_app
    from registry.centre.rate import Buckets

    skewed = replace(opened, clock=centre_clock)
    straight = exchange.centre.app
    exchange.centre.app = create_app(skewed, exchange.centre.worker, buckets=Buckets())
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.LATER, "clock-skew")
    exchange.centre.app = straight
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED


def test_an_upload_carried_by_hand_gets_its_receipt_by_the_net(exchange: Any) -> None:
    upload = exchange.frozen(2)
    doing(exchange, mark_sent, upload)
    doing(exchange, mark_sent, upload)
    assert exchange.send() == []
    exchange.by_hand(upload)
    assert collect(exchange.sender) == Collected(receipts=1)
    assert exchange.upload(upload).state == "acknowledged"
    assert collect(exchange.sender) == Collected()


def test_a_refused_row_waits_for_a_clerk(exchange: Any) -> None:
    exchange.issue(3)
    number = exchange.office.rows(Certificate)[1].number
    # The centre has another record under the number; no constraint asks where it comes from.
    with closing(sqlite3.connect(exchange.centre.home.database)) as centre, centre:
        centre.execute(
            "INSERT INTO certificates (number, city, edition, record, withdrawn, received, receipt)"
            " VALUES (?, 'shizhou', 1, ?, 0, '2026-11-01T00:00:00Z', 77)",
            (number, "0" * 64),
        )
    upload = exchange.frozen()
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED
    assert exchange.states() == ["accepted", "refused", "accepted"]
    with pytest.raises(Refused):
        doing(exchange, withdraw_row, upload, 2, " ")
    with pytest.raises(NotFound):
        doing(exchange, owe_again, upload, 1)
    doing(exchange, owe_again, upload, 2)
    assert exchange.states() == ["accepted", "owed", "accepted"]
    again = exchange.frozen()
    assert exchange.send()[0].outcome is Outcome.REFUSED
    doing(exchange, withdraw_row, again, 1, "编号归属待核实")
    assert exchange.states() == ["accepted", "withdrawn", "accepted"]


def test_what_the_centre_refuses_as_a_whole_may_be_owed_again(
    exchange: Any, refusal_of: Any
) -> None:
    upload = exchange.frozen(2)
    refusal = refusal_of(upload, "package-other-form")
    exchange.wire.spoil = lambda ask, method, _target: refusal if method == "POST" else ask()
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, "package-other-form")
    doing(exchange, give_back, upload)
    assert exchange.states() == ["owed"] * 2
    with pytest.raises(UploadStateRefused):
        doing(exchange, give_back, upload)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_denied_request_is_no_refusal_of_the_package(exchange: Any, method: str) -> None:
    upload = exchange.frozen(2)
    problem = {"content-type": "application/problem+json"}
    denied = Raw(status=403, headers=problem, body=b'{"code": "key-retired", "later": false}')

    def deny(ask: Any, asked: str, _target: str) -> Raw:
        # The centre has it, and judged it, before the key was taken from the list.
        answer = ask()
        return denied if asked == method else answer

    exchange.wire.spoil = deny
    # Nobody signed that: it is tried again, and the reason is shown.
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.LATER, "key-retired")
    assert exchange.upload(upload).last_problem == "key-retired"
    assert exchange.office.rows(UploadEvent)[-1].kind == "problem"
    with pytest.raises(UploadStateRefused):
        doing(exchange, give_back, upload)
    exchange.wire.spoil = lambda ask, _method, _target: ask()
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED
    assert exchange.states() == ["accepted"] * 2


def test_one_damaged_package_stops_nothing(exchange: Any) -> None:
    exchange.frozen(2), exchange.frozen(2, offset=10)
    first = min((exchange.office.home / "uploads").glob("*.sealed"))
    first.write_bytes(first.read_bytes()[:-1])
    assert [one.outcome for one in exchange.send()] == [Outcome.ACKNOWLEDGED] * 2


def test_a_package_that_cannot_be_made_again_asks_for_a_human(exchange: Any) -> None:
    upload = exchange.frozen(2)
    (file,) = (exchange.office.home / "uploads").glob("*.sealed")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    kit = exchange.outbox.kit
    exchange.outbox.kit = lambda: kit(draw=lambda _summary: b"%PDF of another font")
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, Problem.PACKAGE_LOST)
    with pytest.raises(UploadStateRefused):
        doing(exchange, give_back, upload)
    file.write_bytes(whole)
    doing(exchange, send_again, upload)
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED


def test_what_was_tried_in_vain_stays_counted_while_the_centre_is_at_work(exchange: Any) -> None:
    upload = exchange.frozen(2)
    exchange.wire.spoil = away
    exchange.send()
    json = {"content-type": "application/json", "retry-after": "5"}
    exchange.wire.spoil = lambda *_: Raw(status=202, headers=json, body=b"{}")
    (sent,) = exchange.send()
    assert sent.outcome is Outcome.WAITING
    exchange.wire.spoil = away
    for _ in range(MOST_TRIES - 1):
        (sent,) = exchange.send()
    assert (sent.outcome, exchange.upload(upload).tries) == (Outcome.DEAD, MOST_TRIES)


def test_rows_of_a_wrong_receipt_are_not_owed_again(exchange: Any) -> None:
    upload = exchange.frozen(2)
    exchange.wire.spoil = lambda *_: HTML
    for _ in range(MOST_TRIES):
        exchange.send()
    with pytest.raises(UploadStateRefused):
        doing(exchange, give_back, upload)
    assert exchange.states() == ["in_upload"] * 2


def test_pauses_grow_to_an_hour_and_are_spread() -> None:
    chance = random.Random(1)
    spans = [[pause(tries, chance) for _ in range(50)] for tries in range(1, 60)]
    for tries, found in enumerate(spans):
        longest = min(timedelta(seconds=30) * 2 ** min(tries, 16), LONGEST_PAUSE)
        assert all(longest / 2 <= span <= longest for span in found)
        assert len(set(found)) > 40


def test_the_centres_list_is_not_read_past_a_day_to_come(exchange: Any) -> None:
    exchange.frozen(2)
    exchange.send()
    first, second = (row.number for row in exchange.office.rows(Certificate))
    days = ((first, "2026-11-23"), (second, "2026-11-24"))
    entries = [{"number": number, "seen_on": day} for number, day in days]
    asked: list[str] = []

    def answer(ask: Any, _method: str, target: str) -> Raw:
        if "/visibility" not in target:
            return ask()
        asked.append(target.rpartition("=")[2])
        body = {"visible": entries if asked[-1] == "0" else [], "next": 2}
        json = {"content-type": "application/json"}
        return Raw(status=200, headers=json, body=dumps(body).encode())

    exchange.wire.spoil = answer
    assert collect(exchange.sender).visible == 1
    before = exchange.office.contents()
    assert collect(exchange.sender) == Collected()
    assert exchange.office.contents() == before
    exchange.later(days=1)
    assert collect(exchange.sender).visible == 1
    assert asked == ["0", "0", "0", "2"]


def test_a_place_in_the_centres_list_has_a_bound(exchange: Any) -> None:
    exchange.frozen(1)
    exchange.send()
    number = exchange.office.rows(Certificate)[0].number

    def answer(ask: Any, _method: str, target: str) -> Raw:
        body = {"visible": [{"number": number, "seen_on": "2026-11-23"}], "next": 10**9}
        json = {"content-type": "application/json"}
        raw = Raw(status=200, headers=json, body=dumps(body).encode())
        return raw if "/visibility" in target else ask()

    exchange.wire.spoil = answer
    before = exchange.office.contents()
    assert collect(exchange.sender) == Collected(problem=Problem.NOT_AN_ANSWER)
    assert exchange.office.contents() == before


def test_visibility_comes_from_the_centre_and_from_the_clerk(exchange: Any) -> None:
    from registry.centre.store import write_unit as write_centre
    from registry.centre.visibility import load_visible
    from registry.upload.visible import mark_seen, sample_unseen, unseen_count

    office = exchange.office
    exchange.frozen(4)
    numbers = [row.number for row in office.rows(Certificate)]
    today = date(2026, 11, 23)
    with pytest.raises(Refused):
        doing(exchange, mark_seen, numbers[0], today)
    exchange.send()
    table = f"证书编号,全国联网可查日期\n{numbers[0]},2026-11-22\n".encode()
    with write_centre(exchange.centre.opened.engine) as session:
        load_visible(session, table, who="test", now=office.clock.now())
    assert collect(exchange.sender).visible == 1
    assert collect(exchange.sender).visible == 0
    assert doing(exchange, mark_seen, numbers[1], today) is True
    assert doing(exchange, mark_seen, numbers[1], today) is False
    for day in (today + timedelta(days=1), date(2020, 1, 1)):
        with pytest.raises(Refused):
            doing(exchange, mark_seen, numbers[2], day)
    with pytest.raises(NotFound):
        doing(exchange, mark_seen, numbers[0][:-6] + "999999", today)
    with write_unit(office.engine) as session:
        assert unseen_count(session) == 2
        drawn = sample_unseen(session, random.Random(1), size=10)
        assert {one.number for one in drawn} == set(numbers[2:])
        assert len(sample_unseen(session, random.Random(1), size=1)) == 1
    office.run()
    listed = []
    for row in office.rows(Certificate):
        (entry,) = office.look_up({Factor.TOKEN: row.token})
        listed.append(entry.chain.listed)
    assert listed == ["2026-11-22", "2026-11-23", "", ""]
    assert {row.state for row in office.rows(UploadRow)} == {"accepted"}
