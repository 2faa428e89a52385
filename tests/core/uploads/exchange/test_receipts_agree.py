"""A receipt that the centre never gave: the last one held is compared, and the desk is told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from registry.centre.cards import revoke_key
from registry.centre.publish import publish_card
from registry.office.almanac import read_almanac
from registry.office.upload_due import UploadTask, upload_matters
from registry.store.base import read_unit, write_unit
from registry.store.uploads import UploadReceipt
from registry.upload.agreeing import differs
from registry.upload.asking import Raw
from registry.upload.by_hand import owe_again, withdraw_row
from registry.upload.collecting import Collected, collect
from registry.upload.errors import UploadStateRefused
from registry.upload.problems import Problem
from registry.upload.receiving import Taken
from registry.upload.setting_aside import set_aside
from signing.envelope import to_json
from signing.upload.receipt import open_receipt, sign_receipt

DIFFER = Collected(problem=Problem.RECEIPT_CHAIN)
LINES = {"content-type": "application/jsonl"}


def due(exchange: Any) -> list[tuple[str, str]]:
    with read_unit(exchange.office.engine) as session:
        day = exchange.office.clock.now().date()
        found = upload_matters(session, read_almanac(session), today=day)
        chosen = [one for one in found if one.task is UploadTask.CHAIN]
        assert all(differs(session, one.subject) for one in chosen)
    return [(one.subject, one.address) for one in chosen]


def revoked(exchange: Any) -> None:
    """Revoke the key that signs; the city is brought the new card."""
    office = exchange.centre.keys()
    try:
        key = exchange.centre.card().signing_key
        exchange.card = revoke_key(office, key, exchange.office.clock.now())
        publish_card(office.engine, exchange.centre.home.public)
    finally:
        office.engine.dispose()


@pytest.fixture
def robbed(exchange: Any, receipt_signer: Any) -> str:
    """Give an upload whose receipt a thief wrote, before the key was revoked."""
    thief = receipt_signer(exchange)
    exchange.card = exchange.centre.card()
    upload: str = exchange.frozen(2)
    true = open_receipt(exchange.by_hand(upload)).receipt
    no = [
        msgspec.structs.replace(row, accepted=False, reason="number-differs") for row in true.rows
    ]
    false = msgspec.structs.replace(true, rows=tuple(no), accepted=0, refused=2)
    assert exchange.receive(to_json(sign_receipt(false, thief)), upload).taken is Taken.IMPORTED
    revoked(exchange)
    return upload


def test_another_receipt_in_the_last_place_is_told_until_they_agree(
    exchange: Any, robbed: str
) -> None:
    assert due(exchange) == []
    assert collect(exchange.sender) == DIFFER
    assert due(exchange) == [(robbed, f"/uploads/{robbed}")]
    before = exchange.office.contents()
    assert collect(exchange.sender) == DIFFER
    assert exchange.office.contents() == before
    # What is sent after it waits for the receipt before its own; the due list says why.
    exchange.frozen(2, offset=10)
    exchange.send()
    assert collect(exchange.sender) == DIFFER
    assert due(exchange) == [(robbed, f"/uploads/{robbed}")]


def test_what_agrees_is_asked_for_once_for_each_card(exchange: Any) -> None:
    exchange.frozen(2)
    exchange.send()
    exchange.wire.asked.clear()
    assert collect(exchange.sender) == Collected()
    assert ("GET", "/api/v1/receipts?after=0") in exchange.wire.asked
    exchange.wire.asked.clear()
    assert collect(exchange.sender) == Collected()
    assert ("GET", "/api/v1/receipts?after=0") not in exchange.wire.asked
    revoked(exchange)
    assert collect(exchange.sender) == Collected()
    assert ("GET", "/api/v1/receipts?after=0") in exchange.wire.asked


@pytest.mark.parametrize("body", [b"", b"{}\n"])
def test_a_centre_that_lost_it_is_told_and_its_return_settles_that(
    exchange: Any, body: bytes
) -> None:
    upload = exchange.frozen(2)
    exchange.send()
    spoil = exchange.wire.spoil
    exchange.wire.spoil = lambda ask, _method, target: (
        Raw(status=200, headers=LINES, body=body) if target.endswith("receipts?after=0") else ask()
    )
    found = collect(exchange.sender).problem
    assert found == (Problem.RECEIPT_DAMAGED if body else Problem.RECEIPT_CHAIN)
    assert due(exchange) == ([] if body else [(upload, f"/uploads/{upload}")])
    assert exchange.upload(upload).state == "acknowledged"
    exchange.wire.spoil = spoil
    assert collect(exchange.sender) == Collected()
    assert due(exchange) == []


def act(exchange: Any, done: Any, *given: Any) -> Any:
    with write_unit(exchange.office.engine) as session:
        return done(session, *given, exchange.outbox.doing)


def aside(exchange: Any, upload: str) -> bytes:
    data: bytes = act(exchange, set_aside, upload, exchange.card or exchange.centre.card())
    return data


def test_a_false_receipt_is_set_aside_and_the_centres_own_taken(exchange: Any, robbed: str) -> None:
    with pytest.raises(UploadStateRefused):
        aside(exchange, robbed)
    second = exchange.frozen(2, offset=10)
    exchange.send()
    collect(exchange.sender)
    kept = {one.upload_id: one.envelope for one in exchange.office.rows(UploadReceipt)}
    act(exchange, withdraw_row, robbed, 1, "省中心退回")
    assert aside(exchange, robbed) == kept[robbed]
    assert exchange.upload(robbed).state == "sent"
    assert exchange.states() == ["in_upload"] * 4
    # The true one comes, and the one that waited for it takes effect with it.
    assert collect(exchange.sender) == Collected(receipts=1)
    assert {exchange.upload(one).state for one in (robbed, second)} == {"acknowledged"}
    assert exchange.states() == ["accepted"] * 4
    assert due(exchange) == []
    exchange.office.run()
    exchange.office.audit()


def test_where_all_rows_were_reported_again_the_chain_alone_goes_on(
    exchange: Any, robbed: str
) -> None:
    collect(exchange.sender)
    act(exchange, owe_again, robbed, 1)
    before = exchange.office.contents()
    with pytest.raises(UploadStateRefused, match="另行上报"):
        aside(exchange, robbed)
    assert exchange.office.contents() == before
    act(exchange, owe_again, robbed, 2)
    aside(exchange, robbed)
    assert exchange.states() == ["owed"] * 2
    assert collect(exchange.sender) == Collected(receipts=1)
    assert (exchange.upload(robbed).state, exchange.states()) == ("refused", ["owed"] * 2)
    assert due(exchange) == []


def test_the_centres_own_receipt_is_never_set_aside(exchange: Any) -> None:
    first = exchange.frozen(2)
    exchange.send()
    second = exchange.frozen(2, offset=10)
    exchange.send()
    spoil = exchange.wire.spoil
    exchange.wire.spoil = lambda ask, _method, target: (
        Raw(status=200, headers=LINES, body=b"") if "/receipts?" in target else ask()
    )
    # Somebody in between says that the centre has none: its key is not revoked.
    assert collect(exchange.sender) == DIFFER
    for upload in (first, second):
        with pytest.raises(UploadStateRefused):
            aside(exchange, upload)
    # Revoked, it is still not the last one, or agrees.
    revoked(exchange)
    with pytest.raises(UploadStateRefused):
        aside(exchange, first)
    exchange.wire.spoil = spoil
    assert collect(exchange.sender) == Collected()
    with pytest.raises(UploadStateRefused):
        aside(exchange, second)
