"""The holder's page where something goes wrong: replays, guesses, kills, other people's things."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry.cli import holder_work
from registry.cli.holder_work import send_waiting, work_one
from registry.store.base import write_unit
from registry.store.holders import HolderAsk, HolderSession, ShareLink
from signing.exchange import Exchange
from signing.holder_messages import Begin, Enter, Entered, Look, Refusal, Share, Shared


def test_a_code_is_good_for_five_tries_five_minutes_and_one_use(holders: Any) -> None:
    number = holders.numbers[0]
    facts = {"number": number, "name": holders.names[number]}

    def begun() -> tuple[str, str]:
        answer = holders.ask(Begin(facts=facts, network=""))
        assert send_waiting(holders.bench, holders.letters) == 1
        return answer.handle, holders.letters.code()

    def entered(handle: str, code: str) -> Any:
        return holders.ask(Enter(handle=handle, code=code, network=""))

    handle, code = begun()
    assert isinstance(entered(handle, code), Entered)
    assert entered(handle, code) == Refusal(code="bad-code")
    handle, code = begun()
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(5):
        assert entered(handle, wrong) == Refusal(code="bad-code")
    assert entered(handle, code) == Refusal(code="bad-code")
    handle, code = begun()
    holders.clock.ahead += timedelta(minutes=5)
    assert entered(handle, code) == Refusal(code="bad-code")
    other, _ = begun()
    assert entered(other, code) == Refusal(code="bad-code")


def test_the_sixth_code_of_an_hour_is_not_sent_and_nobody_is_told(holders: Any) -> None:
    number = holders.numbers[0]
    ask = Begin(facts={"number": number, "name": holders.names[number]}, network="")
    answers = [type(holders.ask(ask)).__name__ for _ in range(7)]
    assert set(answers) == {"Begun"}
    assert send_waiting(holders.bench, holders.letters) == 5


def test_a_session_ends_by_itself_and_none_is_made_up(holders: Any) -> None:
    session = holders.session(holders.numbers[0])
    for _ in range(4):
        holders.clock.ahead += timedelta(minutes=14)
        assert not isinstance(holders.ask(Look(session=session)), Refusal)
    holders.clock.ahead += timedelta(minutes=5)
    assert holders.ask(Look(session=session)) == Refusal(code="session-over")
    session = holders.session(holders.numbers[0])
    holders.clock.ahead += timedelta(minutes=15)
    assert holders.ask(Look(session=session)) == Refusal(code="session-over")
    assert holders.ask(Look(session="0" * 32)) == Refusal(code="session-over")
    # The next sign-in sweeps what is over.
    holders.session(holders.numbers[0])
    assert holders.count(HolderSession) == 1


def test_anothers_certificate_is_not_there(holders: Any) -> None:
    session, other = holders.session(holders.numbers[0]), holders.numbers[1]
    share = Share(session=session, number=other, recipient="示例单位", days=7)
    assert holders.ask(share) == Refusal(code="not-found")
    assert holders.ask(
        msgspec.structs.replace(share, days=31, number=holders.numbers[0])
    ) == Refusal(code="share-refused")
    assert holders.count(ShareLink) == 0


class Killed(BaseException):
    """The worker's process is gone."""


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
def test_a_killed_worker_leaves_an_ask_that_is_carried_out_once(
    holders: Any, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, exchange = holders.session(holders.numbers[0]), holders.bench.exchange
    ask = Share(session=session, number=holders.numbers[0], recipient="示例单位", days=7)
    ask_id = exchange.ask(ask, now=holders.clock.now().timestamp())

    def die(*_arguments: object, **_named: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if when == "before the commit":
            patched.setattr(holder_work, "keep_answer", die)
        else:
            patched.setattr(Exchange, "answer", die)
        with pytest.raises(Killed):
            work_one(holders.bench)
    assert holders.count(ShareLink) == (when == "after the commit")
    assert not work_one(holders.bench)  # left alone for a minute
    holders.clock.ahead += timedelta(seconds=61)
    assert work_one(holders.bench)
    answer = exchange.collect(ask_id)
    assert isinstance(answer, Shared)
    assert holders.count(ShareLink) == 1
    assert exchange.collect(ask_id) is None


def test_two_workers_at_one_ask_carry_it_out_once(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, exchange = holders.session(holders.numbers[0]), holders.bench.exchange
    ask = Share(session=session, number=holders.numbers[0], recipient="示例单位", days=7)
    ask_id = exchange.ask(ask, now=holders.clock.now().timestamp())
    taken = exchange.take(now=holders.clock.now().timestamp())
    assert taken is not None
    both = threading.Barrier(2)
    # Both have seen that nobody was there before them.
    monkeypatch.setattr(holder_work, "kept_answer", lambda *_a: None)
    answers: list[Any] = []

    def work() -> None:
        both.wait()
        answers.append(holder_work._answer(holders.bench, taken, ask))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert holders.count(ShareLink) == 1
    assert ask_id is not None


def test_a_form_of_another_site_is_refused_and_asks_nothing(holders: Any) -> None:
    answer = holders.client.post(
        "/holder/begin",
        data={"number": holders.numbers[0], "name": "示例"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert not work_one(holders.bench)


def test_a_forged_cookie_opens_nothing(holders: Any) -> None:
    holders.client.set_cookie("holder", "f" * 32, path="/holder")
    with holders.working():
        answer = holders.client.get("/holder")
        assert answer.status_code == 303
        assert "holder=;" in answer.headers["Set-Cookie"]


def test_a_made_up_session_takes_no_write_lock(holders: Any) -> None:
    with write_unit(holders.bench.engine):
        # Whoever issues holds the lock: a flood of made-up sessions neither waits nor delays.
        assert holders.ask(Look(session="f" * 32)) == Refusal(code="session-over")


def test_asks_of_one_address_are_limited(holders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = holders.clock.now()
    # A slow machine must not fill the bucket again meanwhile.
    monkeypatch.setattr(holders.clock, "now", lambda: moment)
    with holders.working():
        answers = []
        for _ in range(62):
            holders.client.set_cookie("holder", "f" * 32, path="/holder")
            answers.append(holders.client.get("/holder").status_code)
    assert answers == [303] * 60 + [429] * 2


def test_a_damaged_exchange_is_trouble_and_mended_by_deleting_it(holders: Any) -> None:
    file = holders.home.path / "site" / "exchange.db"
    holders.ask(Look(session="0" * 32))
    for side in ("", "-wal", "-shm"):
        Path(f"{file}{side}").unlink(missing_ok=True)
    file.write_bytes(b"no database" * 500)
    assert holders.begin(holders.numbers[0]).status_code == 503
    file.unlink()
    with holders.working():
        assert holders.begin(holders.numbers[0]).status_code == 200


def test_what_the_site_did_not_seal_is_dropped(holders: Any) -> None:
    exchange = holders.bench.exchange
    stranger = Exchange(holders.home.path / "site" / "exchange.db", b"x" * 32, os.urandom)
    ask_id = stranger.ask(Look(session="0" * 32), now=holders.clock.now().timestamp())
    assert work_one(holders.bench)
    assert not exchange.is_waiting(ask_id)
    assert holders.count(HolderAsk) == 0


def test_nothing_of_a_person_stands_readable_in_the_exchange(holders: Any) -> None:
    number = holders.numbers[0]
    ask = Begin(facts={"number": number, "name": holders.names[number]}, network="")
    holders.bench.exchange.ask(ask, now=holders.clock.now().timestamp())
    files = (holders.home.path / "site").glob("exchange.db*")
    data = b"".join(file.read_bytes() for file in files)
    assert number.encode() not in data
    assert holders.names[number].encode() not in data
