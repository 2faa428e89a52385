"""A retired receipt key: what it signed in its term stays good, and it signs nothing more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from keys.model import Algorithm, KeyState, Purpose
from registry.centre import cards
from registry.centre.cards import LAST_DAY, Office, revoke_key, rotate_key
from registry.centre.checks import check_centre
from registry.centre.errors import CentreNotReady
from registry.centre.publish import publish_card
from registry.centre.store import Card
from registry.centre.store import write_unit as write_centre
from registry.upload.asking import Raw
from registry.upload.cards import fetch_cards
from registry.upload.problems import Problem, ReceiptRefused
from registry.upload.receiving import Taken
from registry.upload.sending import Outcome
from signing.envelope import to_json
from signing.tlog.entry import format_time, parse_time
from signing.upload.centre_card import CardNotFollowed, follow, sign_card
from signing.upload.receipt import open_receipt, sign_receipt


@contextmanager
def office_of(exchange: Any) -> Any:
    office: Office = exchange.centre.keys()
    try:
        yield office
    finally:
        office.engine.dispose()


def changed(exchange: Any, act: Any, *given: Any) -> Any:
    with office_of(exchange) as office:
        card = act(office, *given, exchange.office.clock.now())
        publish_card(office.engine, exchange.centre.home.public)
    return card


def refused(exchange: Any, data: bytes, upload: str) -> Problem:
    before = exchange.office.contents()
    with pytest.raises(ReceiptRefused) as found:
        exchange.receive(data, upload)
    assert exchange.office.contents() == before
    problem: Problem = found.value.problem
    return problem


def test_a_refusal_by_a_retired_key_is_nobodys_word(
    exchange: Any, receipt_signer: Any, refusal_of: Any
) -> None:
    thief = receipt_signer(exchange)
    changed(exchange, rotate_key)
    upload = exchange.frozen(2)
    for signer, outcome in ((thief, Outcome.LATER), (receipt_signer(exchange), Outcome.DEAD)):
        refusal = refusal_of(upload, "rows-malformed", signer=signer)
        exchange.wire.spoil = lambda ask, method, _to, says=refusal: (
            says if method == "POST" else ask()
        )
        assert exchange.send()[0].outcome is outcome


def test_a_receipt_after_the_retirement_is_not_taken(exchange: Any, receipt_signer: Any) -> None:
    thief = receipt_signer(exchange)
    card = changed(exchange, rotate_key)
    ended = card.keys[0].not_after
    exchange.later(days=30)
    upload = exchange.frozen(2)
    true = open_receipt(exchange.by_hand(upload)).receipt

    def false(moment: Any) -> bytes:
        told = msgspec.structs.replace(true, received=format_time(moment))
        return to_json(sign_receipt(told, thief))

    assert refused(exchange, false(exchange.office.clock.now()), upload) is (
        Problem.RECEIPT_KEY_RETIRED
    )
    assert refused(exchange, false(ended), upload) is Problem.RECEIPT_KEY_RETIRED
    # Revoked besides, that is the reason, whatever day it names.
    changed(exchange, revoke_key, thief.info.key_id)
    assert refused(exchange, false(ended), upload) is Problem.RECEIPT_KEY_REVOKED


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(seconds=90)])
def test_whatever_the_key_signed_before_its_retirement_stays_good(
    exchange: Any, behind: timedelta
) -> None:
    exchange.frozen(2)
    json = {"content-type": "application/json"}
    lost = Raw(status=202, headers=json, body=b"{}")

    def lose(ask: Any, method: str, _to: str) -> Raw:
        answer: Raw = ask()
        return lost if method == "POST" else answer

    exchange.wire.spoil = lose
    exchange.send()
    data = exchange.centre.receipts()[0].envelope
    received = parse_time(open_receipt(data).receipt.received)
    # The command read its clock, and then waited for a server that still judged by the old key.
    with office_of(exchange) as office:
        card = rotate_key(office, exchange.office.clock.now() - behind)
        publish_card(office.engine, exchange.centre.home.public)
    assert card.keys[0].not_after == received + timedelta(seconds=1)
    assert exchange.receive(data).taken is Taken.IMPORTED
    centre = exchange.centre.opened
    with write_centre(centre.engine) as session:
        now = exchange.office.clock.now()
        assert check_centre(session, centre.packages, card.keys, now).faults == ()


def test_cards_of_an_older_program_get_their_end_at_the_next_change(
    exchange: Any, receipt_signer: Any
) -> None:
    first = exchange.centre.card()
    with office_of(exchange) as office, pytest.MonkeyPatch.context() as older:
        older.setattr(cards, "_end", lambda *_: LAST_DAY)
        second = rotate_key(office, exchange.office.clock.now())
    assert second.keys[0].not_after == LAST_DAY
    third = changed(exchange, rotate_key)
    assert [key.not_after < LAST_DAY for key in third.keys] == [True, True, False]
    exchange.card = first
    assert fetch_cards(exchange.sender.client, first).centre == third
    # Brought forward once, it is never put off again.
    newest = receipt_signer(exchange)
    keys = (replace(third.keys[0], not_after=LAST_DAY), *third.keys[1:])
    for card in (replace(third, number=4), replace(third, number=4, keys=keys)):
        signed = sign_card(card, newest)
        if card.keys == third.keys:
            assert follow(third, signed) == card
        else:
            with pytest.raises(CardNotFollowed):
                follow(third, signed)


def left_key(exchange: Any) -> None:
    """Leave a key in the ring that is on no card, as a crash does."""
    exchange.centre.home.ring().generate(
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECEIPT,
        issuer="office",
        not_before=exchange.centre.card().keys[0].not_before,
        not_after=LAST_DAY,
    )


@pytest.mark.parametrize("act", [revoke_key, rotate_key])
def test_two_changes_at_once_do_not_list_the_same_left_key(
    exchange: Any, monkeypatch: pytest.MonkeyPatch, act: Any
) -> None:
    old = exchange.centre.card().signing_key
    left_key(exchange)
    given = (old,) if act is revoke_key else ()
    write = cards.write_unit

    def meanwhile(engine: Engine) -> Any:
        monkeypatch.setattr(cards, "write_unit", write)
        changed(exchange, rotate_key)
        return write(engine)

    monkeypatch.setattr(cards, "write_unit", meanwhile)
    card = changed(exchange, act, *given)
    ended = KeyState.REVOKED if act is revoke_key else KeyState.RETIRED
    assert [key.state for key in card.keys][:2] == [
        ended,
        KeyState.ACTIVE if act is revoke_key else KeyState.RETIRED,
    ]
    assert (card.number, len({key.key_id for key in card.keys})) == (3, len(card.keys))


def test_a_ring_of_before_the_others_change_is_told_to_run_again(
    exchange: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write: Callable[[Engine], Any] = cards.write_unit

    def meanwhile(engine: Engine) -> Any:
        monkeypatch.setattr(cards, "write_unit", write)
        changed(exchange, rotate_key)
        return write(engine)

    monkeypatch.setattr(cards, "write_unit", meanwhile)
    with pytest.raises(CentreNotReady, match="run this again"):
        changed(exchange, rotate_key)
    # Nothing was listed, nor made for nothing.
    assert exchange.centre.card().number == 2
    assert len(exchange.centre.home.ring().keys()) == 2
    with write_centre(exchange.centre.opened.engine) as session:
        assert session.query(Card).count() == 2
    assert changed(exchange, rotate_key).number == 3
