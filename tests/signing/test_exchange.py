"""The exchange: what is put down comes out once, for whom it was meant, and unread by others."""

from __future__ import annotations

import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import MalformedExchange
from signing.exchange import KEPT_SECONDS, LARGE_BYTES, MOST_WAITING, TAKEN_SECONDS, Exchange
from signing.holder_messages import (
    LARGEST_SHARE,
    MOST_BYTES,
    Begin,
    Done,
    File,
    Look,
    Refusal,
    Request,
    Unshare,
    decode_answer,
    decode_ask,
    encode_message,
)

KEY = bytes(range(32))
ASK = Look(session="5" * 32)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path / "exchange.db", KEY, os.urandom)


def test_an_answer_is_had_once_and_leaves_nothing(exchange: Exchange, tmp_path: Path) -> None:
    ask_id = exchange.ask(ASK, now=100.0)
    assert exchange.collect(ask_id) is None
    taken = exchange.take(now=100.0)
    assert taken is not None
    assert exchange.read(taken) == ASK
    assert exchange.take(now=100.0) is None
    exchange.answer(ask_id, Done(reference="R-000001"))
    exchange.answer(ask_id, Refusal(code="second"))
    assert exchange.is_answered(ask_id)
    assert exchange.collect(ask_id) == Done(reference="R-000001")
    assert exchange.collect(ask_id) is None
    with sqlite3.connect(tmp_path / "exchange.db") as connection:
        assert connection.execute("SELECT count(*) FROM asks").fetchone() == (0,)
    assert (tmp_path / "exchange.db").stat().st_mode & 0o777 == 0o600


def test_an_ask_is_left_alone_for_a_minute_and_then_taken_again(exchange: Exchange) -> None:
    exchange.ask(ASK, now=100.0)
    assert exchange.take(now=100.0) is not None
    assert exchange.take(now=100.0 + TAKEN_SECONDS) is None
    assert exchange.take(now=100.1 + TAKEN_SECONDS) is not None


def test_what_waits_with_a_worker_is_kept_from_others(exchange: Exchange) -> None:
    exchange.ask(ASK, now=100.0)
    taken = exchange.take(now=100.0)
    assert taken is not None
    (held,) = exchange.hold([taken], now=150.0)
    assert exchange.take(now=100.1 + TAKEN_SECONDS) is None
    again = exchange.take_again(held, now=200.0)
    assert again is not None
    assert exchange.read(again) == ASK
    assert exchange.take(now=200.0 + TAKEN_SECONDS) is None
    # Another takes it: it is no longer the first one's, whatever that one still holds.
    assert exchange.take(now=200.1 + TAKEN_SECONDS) is not None
    for mine in (taken, held, again):
        assert exchange.hold([mine], now=270.0) == ()
        assert exchange.take_again(mine, now=270.0) is None


def test_what_is_answered_or_old_is_not_taken_again(exchange: Exchange) -> None:
    for at in (100.0, 101.0):
        exchange.ask(ASK, now=at)
    first, second = exchange.take(now=102.0), exchange.take(now=102.0)
    assert first is not None
    assert second is not None
    exchange.answer(first.ask_id, Done())
    assert exchange.hold([first, second], now=103.0)[0].ask_id == second.ask_id
    (held,) = exchange.hold([first, replace(second, at=103.0)], now=104.0)
    assert exchange.take_again(first, now=104.0) is None
    assert exchange.take_again(held, now=101.0 + KEPT_SECONDS) is None
    exchange.drop(held.ask_id)
    assert exchange.take_again(held, now=104.0) is None


def test_what_is_old_is_neither_answered_nor_kept(exchange: Exchange) -> None:
    ask_id = exchange.ask(ASK, now=100.0)
    assert exchange.take(now=100.0 + KEPT_SECONDS) is None
    assert exchange.is_waiting(ask_id)
    exchange.purge(now=100.0 + KEPT_SECONDS)
    assert not exchange.is_waiting(ask_id)


def test_no_body_opens_in_anothers_place_or_direction(exchange: Exchange, tmp_path: Path) -> None:
    one, other = exchange.ask(ASK, now=1.0), exchange.ask(ASK, now=2.0)
    exchange.answer(one, Done())
    exchange.answer(other, Done(reference="other"))
    with sqlite3.connect(tmp_path / "exchange.db") as connection:
        connection.execute(
            "UPDATE asks SET answer = (SELECT answer FROM asks WHERE ask_id = ?) WHERE ask_id = ?",
            (other, one),
        )
    with pytest.raises(MalformedExchange):
        exchange.collect(one)
    third = exchange.ask(ASK, now=3.0)
    with sqlite3.connect(tmp_path / "exchange.db") as connection:
        connection.execute("UPDATE asks SET answer = body WHERE ask_id = ?", (third,))
    with pytest.raises(MalformedExchange):
        exchange.collect(third)


def test_a_flood_is_refused(exchange: Exchange) -> None:
    for at in range(MOST_WAITING):
        exchange.ask(ASK, now=float(at))
    with pytest.raises(MalformedExchange, match="too many"):
        exchange.ask(ASK, now=0.0)


def test_what_is_answered_is_no_flood(exchange: Exchange) -> None:
    for at in range(MOST_WAITING):
        exchange.answer(exchange.ask(ASK, now=float(at)), Done())
    assert exchange.ask(ASK, now=0.0)


def test_a_flood_of_documents_is_refused_and_keeps_nobody_else_out(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signing.exchange.MOST_LARGE_BYTES", 3 * LARGE_BYTES)
    paper = Request(
        session="", number="", kind="", field="", wanted="", reason="",
        document=bytes(LARGE_BYTES + 1),
    )  # fmt: skip
    first = exchange.ask(paper, now=1.0)
    exchange.ask(paper, now=1.0)
    with pytest.raises(MalformedExchange, match="too many documents"):
        exchange.ask(paper, now=1.0)
    exchange.ask(ASK, now=1.0)
    exchange.answer(first, Done())
    exchange.ask(paper, now=1.0)


@pytest.mark.parametrize("share", [-1, 0, LARGEST_SHARE + 1, 2**63])
def test_a_link_that_cannot_be_is_no_ask(share: int) -> None:
    with pytest.raises(MalformedExchange):
        decode_ask(encode_message(Unshare(session="", share=share)))
    assert decode_ask(encode_message(Unshare(session="", share=LARGEST_SHARE)))


def test_a_message_too_long_is_refused() -> None:
    with pytest.raises(MalformedExchange, match="too long"):
        encode_message(File(data=bytes(MOST_BYTES)))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(MalformedExchange):
        Exchange(tmp_path / "exchange.db", bytes(size), os.urandom)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    for decode in (decode_ask, decode_answer):
        try:
            message = decode(data)
        except MalformedExchange:
            continue
        assert decode(encode_message(message)) == message


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4), st.binary())
def test_a_message_comes_back_as_it_was(facts: dict[str, str], document: bytes) -> None:
    for ask in (
        Begin(facts=facts, network=""),
        Request(session="", number="", kind="", field="", wanted="", reason="", document=document),
    ):
        assert decode_ask(encode_message(ask)) == ask
        # Equal messages have equal bytes, in whatever order their facts were put in.
    backwards = Begin(facts=dict(reversed(facts.items())), network="")
    assert encode_message(backwards) == encode_message(Begin(facts=facts, network=""))


def test_a_new_file_has_its_tables_from_its_first_moment(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    link = os.link

    def other_was_first(part: Path, file: Path) -> None:
        seen.append(file.exists())
        Exchange(tmp_path / "exchange.db", KEY, os.urandom).ask(ASK, now=100.0)
        link(part, file)

    # Another process makes the file while this one is about to.
    monkeypatch.setattr(
        os, "link", lambda part, file: link(part, file) if seen else other_was_first(part, file)
    )
    exchange.ask(ASK, now=100.0)
    assert seen == [False]
    assert exchange.take(now=100.0) is not None
    assert exchange.take(now=100.0) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exchange.db"]
    with sqlite3.connect(tmp_path / "exchange.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_without_tables_gets_them(exchange: Exchange, tmp_path: Path) -> None:
    # What an older program leaves that is killed between the file and its tables.
    (tmp_path / "exchange.db").touch()
    exchange.ask(ASK, now=100.0)
    assert exchange.take(now=100.0) is not None


def test_what_a_killed_process_left_goes_with_the_next_file(
    exchange: Exchange, tmp_path: Path
) -> None:
    for name in (".exchange.db-abcd", ".exchange.db-abcd-wal", ".exchange.db-young"):
        (tmp_path / name).touch()
    for name in (".exchange.db-abcd", ".exchange.db-abcd-wal"):
        os.utime(tmp_path / name, (1, 1))
    exchange.ask(ASK, now=100.0)
    # The young one may be that of a process which is at it.
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".exchange.db-young", "exchange.db"]


def test_many_that_make_the_file_at_once_all_go_on(tmp_path: Path) -> None:
    for place in range(20):
        file, ready, faults = tmp_path / f"{place}.db", threading.Barrier(6), []

        def ask(file: Path, ready: threading.Barrier, faults: list[str]) -> None:
            exchange = Exchange(file, KEY, os.urandom)
            ready.wait()
            try:
                for _ in range(3):
                    exchange.ask(ASK, now=100.0)
            except MalformedExchange as fault:
                faults.append(str(fault))

        threads = [threading.Thread(target=ask, args=(file, ready, faults)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
