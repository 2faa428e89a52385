"""A centre that changes its name or its keys: the city goes by the keys of the card it trusts."""

from __future__ import annotations

from dataclasses import replace
from json import dumps
from typing import Any

import msgspec
import pytest

from registry.centre import cards
from registry.centre.cards import Office, revoke_key, rotate_key
from registry.centre.publish import publish_card
from registry.centre.store import StoredReceipt
from registry.centre.store import read_unit as read_centre
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from registry.store.uploads import UploadReceipt
from registry.upload.asking import Raw
from registry.upload.cards import Followed, fetch_cards
from registry.upload.collecting import Collected, collect
from registry.upload.problems import Problem, ReceiptRefused
from registry.upload.receipt_chain import chain_of
from registry.upload.receiving import Taken
from registry.upload.sending import Outcome
from signing.envelope import to_json
from signing.upload.receipt import open_receipt, sign_receipt

WAITING = Raw(
    status=202, headers={"content-type": "application/json", "retry-after": "5"}, body=b"{}"
)
NAME = "示例省职业技能评价服务中心"


def held(exchange: Any) -> Any:
    """Let the city hold the card of now, whatever the centre does later."""
    exchange.card = exchange.centre.card()
    return exchange.card


def follow(exchange: Any) -> Followed:
    found = fetch_cards(exchange.sender.client, exchange.card)
    exchange.card = found.centre
    return found


def changed(exchange: Any, act: Any, *given: Any) -> Any:
    """Change the centre's keys by a command beside its server."""
    office: Office = exchange.centre.keys()
    try:
        card = act(office, *given, exchange.office.clock.now())
        publish_card(office.engine, exchange.centre.home.public)
    finally:
        office.engine.dispose()
    return card


def submitted(exchange: Any, offset: int = 0) -> str:
    """Bring an upload to the centre; its answer is only that it is at work."""
    upload: str = exchange.frozen(2, offset=offset)

    def spoil(ask: Any, _method: str, target: str) -> Raw:
        raw = ask()
        return WAITING if "/submissions" in target and raw.status in {200, 201} else raw

    exchange.wire.spoil = spoil
    exchange.send()
    exchange.wire.spoil = lambda ask, _method, _target: ask()
    assert exchange.upload(upload).state == "sent"
    return upload


def test_a_centre_renamed_between_upload_and_receipt_jams_nothing(exchange: Any) -> None:
    held(exchange)
    before = exchange.frozen(2)
    exchange.send()
    upload = exchange.frozen(2, offset=10)
    exchange.centre.called(NAME)
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.ACKNOWLEDGED, "")
    kept = {row.upload_id: row.centre for row in exchange.office.rows(UploadReceipt)}
    assert kept == {before: exchange.card.name, upload: NAME}
    # The next one follows it, and nothing is fetched a second time.
    submitted(exchange, offset=20)
    exchange.wire.asked.clear()
    assert collect(exchange.sender) == Collected(receipts=1)
    assert ("GET", "/api/v1/receipts?after=2") in exchange.wire.asked
    assert follow(exchange).centre.name == NAME


def test_a_renamed_centres_list_of_visibility_is_read_on(exchange: Any) -> None:
    exchange.frozen(2)
    exchange.send()
    number = exchange.office.rows(Certificate)[0].number
    asked: list[str] = []

    def answer(ask: Any, _method: str, target: str) -> Raw:
        if "/visibility" not in target:
            return ask()
        asked.append(target.rpartition("=")[2])
        entries = [{"number": number, "seen_on": "2026-11-23"}] if asked[-1] == "0" else []
        body = dumps({"visible": entries, "next": 1}).encode()
        return Raw(status=200, headers={"content-type": "application/json"}, body=body)

    exchange.wire.spoil = answer
    assert collect(exchange.sender).visible == 1
    exchange.centre.called(NAME)
    exchange.wire.spoil = answer
    assert collect(exchange.sender).visible == 0
    assert asked == ["0", "1", "1"]


def test_the_server_signs_by_the_new_key_and_the_city_follows(exchange: Any) -> None:
    old = held(exchange)
    first = exchange.frozen(2)
    exchange.send()
    card = changed(exchange, rotate_key)
    assert card.signing_key != old.signing_key
    upload = exchange.frozen(2, offset=10)
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.LATER, Problem.RECEIPT_UNKNOWN_KEY)
    assert exchange.upload(upload).state == "sending"
    found = follow(exchange)
    assert (found.centre, found.problem) == (card, "")
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED
    assert follow(exchange) == Followed(centre=card)
    with_both = {open_receipt(one.envelope).envelope.key_id for one in exchange.centre.receipts()}
    assert with_both == {old.signing_key, card.signing_key}
    assert {exchange.upload(one).state for one in (first, upload)} == {"acknowledged"}


def test_a_city_that_was_away_follows_over_several_cards(exchange: Any) -> None:
    old = held(exchange)
    for _ in range(3):
        changed(exchange, rotate_key)
    last = changed(exchange, revoke_key, old.signing_key)
    assert follow(exchange).centre == last
    states = [key.state.value for key in exchange.card.keys]
    assert states == ["revoked", "retired", "retired", "active"]


def test_receipts_held_stay_and_later_ones_of_a_revoked_key_are_refused(
    exchange: Any, receipt_signer: Any
) -> None:
    old = held(exchange)
    thief = receipt_signer(exchange)
    first = exchange.frozen(2)
    exchange.send()
    (kept,) = exchange.office.rows(UploadReceipt)
    changed(exchange, rotate_key)
    follow(exchange)
    second = submitted(exchange, offset=10)
    exchange.later(hours=1)
    changed(exchange, revoke_key, old.signing_key)
    follow(exchange)
    # What is held is what it was; the same bytes again are nothing new.
    assert exchange.receive(kept.envelope).taken is Taken.KNOWN
    assert exchange.upload(first).state == "acknowledged"
    true = open_receipt(exchange.centre.receipts()[1].envelope).receipt
    no = tuple(
        msgspec.structs.replace(row, accepted=False, reason="number-differs") for row in true.rows
    )
    before = exchange.office.contents()
    # Whatever day the thief writes: the one of the true receipt, or today.
    today = exchange.office.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    for day in (true.received, today):
        false = msgspec.structs.replace(true, rows=no, accepted=0, refused=2, received=day)
        with pytest.raises(ReceiptRefused) as found:
            exchange.receive(to_json(sign_receipt(false, thief)), second)
        assert found.value.problem is Problem.RECEIPT_KEY_REVOKED
    assert exchange.office.contents() == before
    assert collect(exchange.sender) == Collected(receipts=1)
    assert exchange.states() == ["accepted"] * 4


def test_a_receipt_that_the_city_lacked_at_the_revocation_is_signed_anew(exchange: Any) -> None:
    old = held(exchange)
    upload = submitted(exchange)
    (lost,) = exchange.centre.receipts()
    changed(exchange, rotate_key)
    card = changed(exchange, revoke_key, old.signing_key)
    follow(exchange)
    with pytest.raises(ReceiptRefused):
        exchange.receive(lost.envelope, upload)
    (anew,) = exchange.centre.receipts()
    assert anew.digest == lost.digest
    assert open_receipt(anew.envelope).envelope.key_id == card.signing_key
    assert collect(exchange.sender) == Collected(receipts=1)
    assert exchange.upload(upload).state == "acknowledged"


def test_the_key_that_signs_is_revoked_and_the_card_goes_by_hand(exchange: Any) -> None:
    old = held(exchange)
    upload = submitted(exchange)
    card = changed(exchange, revoke_key, old.signing_key)
    found = follow(exchange)
    # Signed by a key that no city knows: a thief could write the very same.
    assert (found.centre, found.data, found.problem) == (old, b"", Problem.CARD_REFUSED)
    assert collect(exchange.sender).problem == Problem.RECEIPT_UNKNOWN_KEY
    assert exchange.upload(upload).state == "sent"
    exchange.card = card
    assert collect(exchange.sender) == Collected(receipts=1)


def test_a_false_receipt_that_waits_gives_way_after_the_revocation(
    exchange: Any, receipt_signer: Any
) -> None:
    old = held(exchange)
    thief = receipt_signer(exchange)
    uploads = submitted(exchange), submitted(exchange, offset=10)
    second = open_receipt(exchange.centre.receipts()[1].envelope).receipt
    false = msgspec.structs.replace(second, batch="GD-77")
    assert exchange.receive(to_json(sign_receipt(false, thief))).taken is Taken.WAITS
    changed(exchange, rotate_key)
    changed(exchange, revoke_key, old.signing_key)
    follow(exchange)
    assert collect(exchange.sender) == Collected(receipts=2)
    assert [exchange.upload(one).state for one in uploads] == ["acknowledged"] * 2
    assert exchange.upload(uploads[1]).authority_batch != "GD-77"
    assert len(exchange.office.rows(UploadReceipt)) == 2


def test_one_that_waits_takes_no_effect_by_itself_once_its_key_is_revoked(exchange: Any) -> None:
    old = held(exchange)
    uploads = submitted(exchange), submitted(exchange, offset=10)
    _, second = (one.envelope for one in exchange.centre.receipts())
    assert exchange.receive(second).taken is Taken.WAITS
    changed(exchange, rotate_key)
    changed(exchange, revoke_key, old.signing_key)
    follow(exchange)
    first, anew = (one.envelope for one in exchange.centre.receipts())
    assert exchange.receive(first).taken is Taken.IMPORTED
    assert exchange.upload(uploads[1]).state == "sent"
    assert exchange.receive(anew).taken is Taken.IMPORTED
    assert exchange.upload(uploads[1]).state == "acknowledged"


def test_another_centres_first_receipt_is_in_nobodys_way(
    exchange: Any, other_centre: tuple[Any, Any]
) -> None:
    exchange.frozen(2)
    exchange.send()
    upload = exchange.frozen(2, offset=10)
    true = open_receipt(exchange.by_hand(upload)).receipt
    other, key = other_centre
    first = to_json(sign_receipt(msgspec.structs.replace(true, previous=""), other))
    exchange.card = replace(exchange.centre.card(), keys=(key,))
    assert exchange.receive(first).taken is Taken.IMPORTED
    with read_unit(exchange.office.engine) as session:
        assert chain_of(session, exchange.card) == [open_receipt(first).digest]
        ours = chain_of(session, exchange.centre.card())
        assert ours == [exchange.centre.receipts()[0].digest]


def test_a_playback_of_old_cards_changes_nothing(exchange: Any) -> None:
    held(exchange)
    first = fetch_cards(exchange.sender.client, replace(exchange.card, number=0))
    changed(exchange, rotate_key)
    follow(exchange)
    body = first.data + b"\n"
    lines = {"content-type": "application/jsonl"}
    exchange.wire.spoil = lambda *_: Raw(status=200, headers=lines, body=body)
    assert first.data
    found = fetch_cards(exchange.sender.client, exchange.card)
    assert (found.centre, found.data) == (exchange.card, b"")
    assert found.problem == Problem.CARD_REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        Raw(status=404, headers={"content-type": "application/problem+json"}, body=b"{}"),
        Raw(status=200, headers={"content-type": "text/html"}, body=b"<p>"),
        Raw(status=502, headers={}, body=b""),
    ],
)
def test_a_centre_without_cards_is_what_it_was(exchange: Any, answer: Raw) -> None:
    card = held(exchange)
    exchange.wire.spoil = lambda *_: answer
    assert fetch_cards(exchange.sender.client, card) == Followed(centre=card)


def test_a_crash_between_ring_and_card_is_gone_on_with(
    exchange: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = held(exchange)

    class Killed(BaseException):
        """The process ends here."""

    def cut(*_: Any, **__: Any) -> Any:
        raise Killed

    made = []
    for name in ("_add", "_settle_ring"):
        with monkeypatch.context() as patched:
            patched.setattr(cards, name, cut)
            with pytest.raises(Killed):
                changed(exchange, rotate_key)
        made.append(len(exchange.centre.home.ring().keys()))
    # The key that the first left is the one that the second listed.
    assert made == [2, 2]
    exchange.centre.stop()
    exchange.centre.start()
    listed = exchange.centre.card()
    assert listed.signing_key != old.signing_key
    exchange.frozen(2)
    follow(exchange)
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED
    changed(exchange, rotate_key)
    kept = exchange.centre.home.ring().keys()
    states = sorted(key.state.value for key in kept)
    assert states == ["active", "retired", "retired"]


def test_a_revocation_cut_off_in_its_transaction_leaves_all_as_it_was(
    exchange: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = held(exchange)
    submitted(exchange)
    changed(exchange, rotate_key)
    before = exchange.centre.receipts()[0].envelope

    def cut(*_: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(cards, "to_json", cut)
        with pytest.raises(RuntimeError):
            changed(exchange, revoke_key, old.signing_key)
    with read_centre(exchange.centre.opened.engine) as session:
        assert session.query(StoredReceipt).one().envelope == before
        assert cards.newest_card(session).number == 2
    exchange.later(minutes=1)
    assert changed(exchange, revoke_key, old.signing_key).number == 3
    again = changed(exchange, revoke_key, old.signing_key)
    assert again.number == 3
