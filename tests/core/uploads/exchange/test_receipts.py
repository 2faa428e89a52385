"""Receipts: each lie is refused and changes nothing; order, repetition and loss are made good."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from registry.store.audit import AuditLine
from registry.store.base import write_unit
from registry.store.milestones import MilestoneRow
from registry.store.uploads import UploadReceipt
from registry.upload.asking import Raw
from registry.upload.by_hand import give_back
from registry.upload.collecting import collect
from registry.upload.problems import WORDS, Problem, ReceiptRefused, next_step
from registry.upload.receiving import Taken, import_receipt
from registry.upload.sending import Outcome
from signing.envelope import to_json
from signing.upload.receipt import Receipt, open_receipt, sign_receipt


def refused(exchange: Any, data: bytes, upload: str = "") -> Problem:
    """Give why a receipt is not taken; nothing at all may have changed."""
    before = exchange.office.contents()
    with pytest.raises(ReceiptRefused) as found:
        exchange.receive(data, upload)
    assert exchange.office.contents() == before
    assert WORDS[found.value.problem] in str(found.value)
    return found.value.problem


@pytest.fixture
def resigned(exchange: Any, receipt_signer: Any) -> Callable[..., bytes]:
    """Give the function that changes a receipt and signs it anew by the centre's own key."""

    def make(data: bytes, **change: Any) -> bytes:
        receipt = msgspec.structs.replace(open_receipt(data).receipt, **change)
        return to_json(sign_receipt(receipt, receipt_signer(exchange)))

    return make


def test_a_receipt_by_hand_is_a_milestone_and_twice_is_once(exchange: Any) -> None:
    upload = exchange.frozen(3, batch="GD-1")
    data = exchange.by_hand(upload)
    done = exchange.receive(data)
    assert (done.taken, done.accepted, done.refused) == (Taken.IMPORTED, 3, 0)
    assert exchange.upload(upload).sent_way == "hand"
    before = exchange.office.contents()
    assert exchange.receive(data, upload).taken is Taken.KNOWN
    assert exchange.office.contents() == before
    (step,) = exchange.office.rows(MilestoneRow)
    assert step.subject == upload
    assert [line.action for line in exchange.office.rows(AuditLine)][-1] == "upload-receipt"


def test_every_lie_of_a_receipt_is_refused(exchange: Any, resigned: Any) -> None:
    upload = exchange.frozen(3)
    data = exchange.by_hand(upload)
    rows = open_receipt(data).receipt.rows
    other = msgspec.structs.replace(rows[0], number=rows[0].number[:-1] + "9")
    for change, wanted in (
        ({"city": "elsewhere.example.cn/log"}, Problem.RECEIPT_OTHER_CITY),
        ({"upload": "U00000077"}, Problem.RECEIPT_UNKNOWN_UPLOAD),
        (
            {"upload": "U00000077", "city": "elsewhere.example.cn/log"},
            Problem.RECEIPT_OTHER_CITY,
        ),
        ({"manifest": "0" * 64}, Problem.RECEIPT_OTHER_BATCH),
        ({"snapshot": "0" * 64}, Problem.RECEIPT_OTHER_BATCH),
        ({"rows": (other, *rows[1:])}, Problem.RECEIPT_OTHER_ROWS),
        ({"rows": rows[:2], "accepted": 2}, Problem.RECEIPT_OTHER_ROWS),
        ({"received": "2026-12-31T00:00:00Z"}, Problem.RECEIPT_NOT_YET),
        ({"received": "2020-01-01T00:00:00Z"}, Problem.RECEIPT_SIGNATURE),
    ):
        assert refused(exchange, resigned(data, **change)) is wanted, change
    assert refused(exchange, data, "U00000099") is Problem.RECEIPT_OTHER_UPLOAD
    assert exchange.receive(data).taken is Taken.IMPORTED


def test_a_batch_number_that_was_given_cannot_become_another(exchange: Any, resigned: Any) -> None:
    upload = exchange.frozen(2, batch="GD-1")
    data = exchange.by_hand(upload)
    assert refused(exchange, resigned(data, batch="GD-2")) is Problem.RECEIPT_OTHER_BATCH
    exchange.receive(data)
    later = exchange.frozen(2, offset=10)
    exchange.receive(resigned(exchange.by_hand(later), batch="GD-2"))
    assert exchange.upload(later).authority_batch == "GD-2"


def test_no_damage_and_no_other_key_makes_a_receipt(exchange: Any) -> None:
    upload = exchange.frozen(2)
    data = exchange.by_hand(upload)
    for cut in (0, 1, len(data) // 2, len(data) - 1):
        assert refused(exchange, data[:cut]) is Problem.RECEIPT_DAMAGED
    stranger = exchange.outbox.signer
    receipt = open_receipt(data).receipt
    false = to_json(sign_receipt(receipt, stranger))
    assert refused(exchange, false) is Problem.RECEIPT_UNKNOWN_KEY
    good = open_receipt(data).envelope
    turned = bytes([good.signature[0] ^ 1]) + good.signature[1:]
    from dataclasses import is_dataclass, replace

    changed = (
        replace(good, signature=turned)
        if is_dataclass(good)
        else msgspec.structs.replace(good, signature=turned)
    )
    assert refused(exchange, to_json(changed)) is Problem.RECEIPT_SIGNATURE


def test_out_of_order_receipts_wait_for_the_one_before(exchange: Any) -> None:
    uploads = [exchange.frozen(2, offset=10 * n) for n in range(3)]
    first, second, third = (exchange.by_hand(upload) for upload in uploads)
    assert exchange.receive(third).taken is Taken.WAITS
    assert exchange.receive(second).taken is Taken.WAITS
    assert exchange.receive(second).taken is Taken.WAITS
    assert exchange.upload(uploads[1]).last_problem == Problem.RECEIPT_WAITS
    assert exchange.states() == ["in_upload"] * 6
    assert exchange.office.rows(MilestoneRow) == []
    assert exchange.receive(first).taken is Taken.IMPORTED
    assert exchange.states() == ["accepted"] * 6
    assert {exchange.upload(upload).state for upload in uploads} == {"acknowledged"}
    assert {exchange.upload(upload).last_problem for upload in uploads} == {""}
    assert len(exchange.office.rows(MilestoneRow)) == 3


def test_two_receipts_after_the_same_one_are_not_both_taken(exchange: Any, resigned: Any) -> None:
    uploads = [exchange.frozen(2, offset=10 * n) for n in range(2)]
    first, second = (exchange.by_hand(upload) for upload in uploads)
    exchange.receive(first)
    assert refused(exchange, resigned(second, previous="")) is Problem.RECEIPT_CHAIN
    again = resigned(first, received=exchange.office.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
    if again != first:
        assert refused(exchange, again) is Problem.RECEIPT_SECOND
    exchange.receive(second)
    assert len(exchange.office.rows(UploadReceipt)) == 2


def test_the_chain_goes_on_over_the_receipt_of_an_upload_that_was_given_back(
    exchange: Any, refusal_of: Any
) -> None:
    first = exchange.frozen(2)

    def lose(ask: Any, method: str, _target: str) -> Raw:
        # The centre takes it, and yet signs that it refuses it.
        answer = ask()
        return refusal_of(first, "rows-malformed") if method == "POST" else answer

    exchange.wire.spoil = lose
    exchange.send()
    with write_unit(exchange.office.engine) as session:
        give_back(session, first, exchange.outbox.doing)
    second = exchange.frozen()
    exchange.wire.spoil = lambda ask, _method, _target: ask()
    assert [one.outcome for one in exchange.send()] == [Outcome.WAITING]
    found = collect(exchange.sender)
    assert (found.receipts, found.problem) == (1, "")
    assert len(exchange.office.rows(UploadReceipt)) == 2
    assert exchange.upload(first).state == "refused"
    # The centre has them by the first: the answer of the second says so, for a clerk to decide.
    assert exchange.states() == ["refused"] * 2
    assert {row.reason for row in exchange.outbox.rows()} == {"already-accepted"}
    assert exchange.upload(second).last_problem == ""
    data = exchange.centre.receipts()[0].envelope
    assert exchange.receive(data).taken is Taken.KNOWN


def test_the_same_receipt_by_two_at_once_is_known_to_the_second(
    exchange: Any, monkeypatch: Any
) -> None:
    upload = exchange.frozen(2)
    data = exchange.by_hand(upload)
    get, inside = Session.get, []
    doing, reception = exchange.outbox.doing, exchange.reception

    def locking(session: Session, entity: Any, key: Any, **options: Any) -> Any:
        if options.get("with_for_update"):
            # While this one waits for the lock, the other does all of it.
            monkeypatch.setattr(Session, "get", get)
            inside.append(import_receipt(session, data, reception, doing))
        return get(session, entity, key, **options)

    monkeypatch.setattr(Session, "get", locking)
    assert exchange.receive(data).taken is Taken.KNOWN
    assert [one.taken for one in inside] == [Taken.IMPORTED]
    assert exchange.states() == ["accepted"] * 2
    assert len(exchange.office.rows(MilestoneRow)) == 1


def test_a_second_other_receipt_for_one_upload_is_refused(exchange: Any, resigned: Any) -> None:
    upload = exchange.frozen(2)
    data = exchange.by_hand(upload)
    exchange.receive(data)
    rows = open_receipt(data).receipt.rows
    no = msgspec.structs.replace(rows[1], accepted=False, reason="number-differs")
    other = resigned(data, rows=(rows[0], no), accepted=1, refused=1)
    assert refused(exchange, other) is Problem.RECEIPT_SECOND


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"snapshot": "0" * 64}, Problem.RECEIPT_OTHER_BATCH),
        ({"manifest": "0" * 64}, Problem.RECEIPT_OTHER_BATCH),
    ],
)
def test_a_wrong_receipt_over_the_net_is_a_dead_letter(
    exchange: Any, resigned: Any, change: dict[str, str], problem: Problem
) -> None:
    upload = exchange.frozen(2)

    def lie(ask: Any, method: str, _target: str) -> Any:
        raw = ask()
        if method != "POST" or raw.status != 201:
            return raw
        from registry.upload.asking import Raw

        return Raw(status=201, headers=raw.headers, body=resigned(raw.body, **change))

    exchange.wire.spoil = lie
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, problem)
    assert exchange.upload(upload).state == "dead"
    assert exchange.states() == ["in_upload"] * 2
    assert next_step(sent.problem)


def test_the_receipt_kept_is_the_bytes_by_their_digest(exchange: Any) -> None:
    upload = exchange.frozen(2)
    exchange.send()
    (kept,) = exchange.office.rows(UploadReceipt)
    signed = open_receipt(kept.envelope)
    assert kept.digest == hashlib.sha256(signed.envelope.payload).hexdigest()
    assert (kept.upload_id, kept.centre) == (upload, signed.receipt.centre)
    assert isinstance(signed.receipt, Receipt)
