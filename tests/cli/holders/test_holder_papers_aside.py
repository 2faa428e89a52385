"""Papers are looked into beside the other asks; what is not taken in is counted, answered once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry.cli import holder_papers
from registry.cli.holder_papers import EXAMINED_SECONDS, Papers
from registry.cli.holder_work import look_into_one, work_on, work_one
from registry.office.change_papers import NO_PAPER, Examined, PaperRefused
from registry.office.document_files import ScanFailed
from registry.office.holders_papers import MOST_A_DAY
from registry.store.holders import ChangeRequest, HolderPaper
from signing.exchange import KEPT_SECONDS, TAKEN_SECONDS
from signing.holder_messages import Begin, Begun, Done, Leave, Look, Refusal, Request
from verify_web.holder.wording import REFUSALS

PAPER = b"%PDF-1.7\na paper\n%%EOF\n"
PATIENCE = 30.0


def wish(session: str, number: str, document: bytes = PAPER) -> Request:
    return Request(
        session=session, number=number, kind="reissue", field="", wanted="", reason="遗失",
        document=document,
    )  # fmt: skip


def put_down(holders: Any, ask: Any) -> bytes:
    return bytes(holders.bench.exchange.ask(ask, now=holders.clock.now().timestamp()))


def with_look(holders: Any, look: Callable[[bytes], Any]) -> list[bytes]:
    """Have papers looked into by ``look``; the list fills with what was looked into."""
    seen: list[bytes] = []

    def examine(data: bytes) -> Any:
        seen.append(data)
        return look(data)

    holders.bench = replace(holders.bench, examine=examine)
    return seen


def refusing(data: bytes) -> Examined:
    if data:
        raise PaperRefused("a paper that cannot be taken in")
    return NO_PAPER


def unscanned(data: bytes) -> Examined:
    if data:
        raise ScanFailed("no answer")
    return NO_PAPER


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def at_work(holders: Any) -> Iterator[threading.Event]:
    """Run the worker's own loop; it is told to end by the event, or at the end."""
    stop = threading.Event()
    worker = threading.Thread(target=work_on, args=(holders.bench, holders.letters, stop))
    worker.start()
    try:
        yield stop
    finally:
        stop.set()
        worker.join(PATIENCE)
        assert not worker.is_alive()


def put_aside(holders: Any, papers: Papers, *asks: Request) -> list[bytes]:
    """Put asks down and let the worker take them; none of them is looked into yet."""
    ids = [put_down(holders, ask) for ask in asks]
    while work_one(holders.bench, papers):
        pass
    return ids


def test_a_slow_paper_holds_up_nobodys_code(holders: Any) -> None:
    number, other = holders.numbers[:2]
    session, go_on, exchange = holders.session(number), threading.Event(), holders.bench.exchange
    seen = with_look(holders, lambda data: data if go_on.wait(PATIENCE) else None)
    try:
        with at_work(holders) as stop:
            paper = put_down(holders, wish(session, number))
            until(lambda: seen)
            begun = put_down(holders, Begin(facts={"number": other, "name": holders.names[other]},
                                            network=""))  # fmt: skip
            strange = put_down(holders, wish("f" * 32, number))
            until(lambda: exchange.is_answered(begun) and exchange.is_answered(strange))
            assert isinstance(exchange.collect(begun), Begun)
            assert exchange.collect(strange) == Refusal(code="session-over")
            until(lambda: len(holders.letters.sent) == 2)
            assert not exchange.is_answered(paper)
            # Told to end, the worker finishes the paper that it looks into.
            stop.set()
            go_on.set()
        assert isinstance(exchange.collect(paper), Done)
    finally:
        go_on.set()
    assert seen == [PAPER]
    assert holders.count(ChangeRequest) == 1


def test_whatever_goes_wrong_with_one_paper_the_next_is_looked_into(holders: Any) -> None:
    number, exchange = holders.numbers[0], holders.bench.exchange
    session = holders.session(number)

    def look(data: bytes) -> bytes:
        if data != PAPER:
            raise OSError
        return data

    with_look(holders, look)
    with at_work(holders):
        ids = [put_down(holders, wish(session, number, data)) for data in (PAPER + b"x", PAPER)]
        until(lambda: all(map(exchange.is_answered, ids)))
    assert exchange.collect(ids[0]) == Refusal(code="trouble")
    assert isinstance(exchange.collect(ids[1]), Done)


def test_a_look_ends_before_another_worker_takes_the_ask() -> None:
    # Ten seconds are left for the two transactions around it.
    assert EXAMINED_SECONDS <= TAKEN_SECONDS - 10
    # And the last of those that wait comes before the exchange forgets it.
    assert holder_papers.MOST_WAITING * EXAMINED_SECONDS < KEPT_SECONDS


def test_what_waits_long_stays_with_its_worker_and_is_looked_into_once(holders: Any) -> None:
    number, other = holders.numbers[:2]
    papers, elsewhere = Papers(), Papers()
    seconds = timedelta(seconds=EXAMINED_SECONDS)

    def look(data: bytes) -> bytes:
        holders.clock.ahead += seconds
        # Another worker passes by while this one looks: everything is in its hands.
        assert not work_one(holders.bench, elsewhere)
        return data

    one, two = holders.session(number), holders.session(other)
    seen = with_look(holders, look)
    asks = [wish(one, number), wish(one, number), wish(two, other), wish(two, other)]
    ids = put_aside(holders, papers, *asks)
    for _ in asks:
        assert look_into_one(holders.bench, papers, 0.0)
    assert not look_into_one(holders.bench, papers, 0.0)
    assert all(isinstance(holders.bench.exchange.collect(one), Done) for one in ids)
    assert len(seen) == len(asks)


def test_what_another_worker_has_taken_is_left_to_it(holders: Any) -> None:
    number, exchange = holders.numbers[0], holders.bench.exchange
    session, papers, elsewhere = holders.session(number), Papers(), Papers()
    seen = with_look(holders, lambda data: data)
    ids = put_aside(holders, papers, wish(session, number), wish(session, number))
    # The first worker stood still for more than a minute.
    holders.clock.ahead += timedelta(seconds=TAKEN_SECONDS + 1)
    assert work_one(holders.bench, elsewhere)
    assert work_one(holders.bench, elsewhere)
    while look_into_one(holders.bench, papers, 0.0):
        pass
    assert seen == []
    assert look_into_one(holders.bench, elsewhere, 0.0)
    # Taken anew by the worker with which it waits, an ask has one place.
    holders.clock.ahead += timedelta(seconds=TAKEN_SECONDS + 1)
    assert work_one(holders.bench, elsewhere)
    while look_into_one(holders.bench, elsewhere, 0.0):
        pass
    assert len(seen) == 2
    assert all(isinstance(exchange.collect(one), Done) for one in ids)


def test_few_papers_of_one_holder_wait_and_few_of_all(
    holders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, other = holders.numbers[:2]
    one, two = holders.session(number), holders.session(other)
    papers, exchange = Papers(), holders.bench.exchange
    waiting = Refusal(code="papers-waiting")
    ids = put_aside(holders, papers, *[wish(one, number)] * 3)
    assert [exchange.collect(each) for each in ids] == [None, None, waiting]
    monkeypatch.setattr(holder_papers, "MOST_WAITING", 3)
    ids = put_aside(holders, papers, *[wish(two, other)] * 2)
    assert [exchange.collect(each) for each in ids] == [None, waiting]
    # Without a paper nothing waits.
    (plain,) = put_aside(holders, papers, wish(two, other, b""))
    assert isinstance(exchange.collect(plain), Done)
    assert holders.count(HolderPaper) == 0


@pytest.mark.parametrize(("look", "code"), [(refusing, "paper-refused"), (unscanned, "trouble")])
def test_so_many_papers_in_vain_and_no_further_one_is_looked_into_that_day(
    holders: Any, look: Any, code: str
) -> None:
    number, other = holders.numbers[:2]
    session = holders.session(number)
    seen = with_look(holders, look)
    for _ in range(MOST_A_DAY):
        assert holders.ask(wish(session, number)) == Refusal(code=code)
    assert holders.ask(wish(session, number)) == Refusal(code="too-many-papers")
    assert len(seen) == MOST_A_DAY
    assert f"24 小时内已有 {MOST_A_DAY} 份材料" in REFUSALS["too-many-papers"].zh
    # What needs no look is done, and nobody else is kept out.
    assert isinstance(holders.ask(wish(session, number, b"")), Done)
    assert holders.ask(wish(holders.session(other), other)) == Refusal(code=code)
    holders.clock.ahead += timedelta(hours=24)
    session = holders.session(number)
    assert holders.ask(wish(session, number)) == Refusal(code=code)
    # What no longer counts is not kept.
    assert holders.count(HolderPaper) == 1


@pytest.mark.parametrize(("look", "code"), [(refusing, "paper-refused"), (unscanned, "trouble")])
def test_an_ask_whose_paper_was_refused_is_answered_the_same_without_a_look(
    holders: Any, look: Any, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the answer's commit and the exchange: the next worker finds the answer."""
    number, exchange = holders.numbers[0], holders.bench.exchange
    seen = with_look(holders, look)
    ask_id = put_down(holders, wish(holders.session(number), number))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(exchange), "answer", killed)
        with pytest.raises(KeyboardInterrupt):
            work_one(holders.bench)
    holders.clock.ahead += timedelta(seconds=TAKEN_SECONDS + 1)
    papers = Papers()
    assert work_one(holders.bench, papers)
    assert not look_into_one(holders.bench, papers, 0.0)
    assert exchange.collect(ask_id) == Refusal(code=code)
    assert len(seen) == 1
    assert holders.count(HolderPaper) == 1


def test_who_left_while_the_paper_was_looked_into_is_counted_all_the_same(holders: Any) -> None:
    number = holders.numbers[0]
    session = holders.session(number)

    def look(data: bytes) -> Examined:
        assert holders.ask(Leave(session=session)) == Done()
        return refusing(data)

    with_look(holders, look)
    assert holders.ask(wish(session, number)) == Refusal(code="paper-refused")
    assert holders.count(HolderPaper) == 1
    assert holders.ask(Look(session=session)) == Refusal(code="session-over")
