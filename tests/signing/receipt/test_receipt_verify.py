"""A receipt and its table: whole they are valid, and whatever is changed is found."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import KeyState
from signing.errors import MalformedReceipt
from signing.receipt import (
    MAX_RECEIPT_BYTES,
    ROW_WORDS,
    CheckedRow,
    RowResult,
    is_receipt_file,
    notes_digest,
    parse_receipt,
    row_digest,
    sign_receipt,
)
from signing.receipt_verify import ReceiptReason, ReceiptTable
from signing.report import Answer, Reason, Verdict

SALT = bytes(range(32))
NOTES = (("查验单位", "示例用人单位有限公司"), ("查验用途", "招聘录用核验"), ("", "说明"))
EMPTY = CheckedRow(**dict.fromkeys(CheckedRow.__struct_fields__, ""))


def table(
    *rows: CheckedRow, salt: bytes | None = SALT, notes: tuple[tuple[str, str], ...] = NOTES
) -> ReceiptTable:
    return ReceiptTable(salt=salt, notes=notes, rows=tuple(enumerate(rows, 2)))


@pytest.fixture
def rows(make_row: Callable[..., CheckedRow]) -> list[CheckedRow]:
    return [
        make_row(1),
        make_row(2, word="已撤销", name="", last_six="01001X"),
        make_row(3, word="未找到或不符", edition="", occupation="", level="", as_of=""),
        make_row(1),
    ]


def test_a_receipt_with_its_table_is_valid(office: Any) -> None:
    report = office.verify()
    assert [step.answer for step in report.steps] == [Answer.VALID] * 4
    assert report.verdict is Verdict.VALID
    assert report.receipt.counts == {"N": 1, "R": 1, "V": 2}


def test_a_sorted_table_is_the_same_table(office: Any, rows: list[CheckedRow]) -> None:
    assert office.verify(table=table(*reversed(rows))).verdict is Verdict.VALID


def test_without_a_table_nothing_is_said_of_its_rows(office: Any) -> None:
    report = office.verify(table=None)
    assert report.verdict is Verdict.CANNOT_SAY
    assert report.steps[3].reason is ReceiptReason.TABLE_NOT_GIVEN


def test_a_table_that_lost_its_salt_cannot_be_compared(office: Any, rows: list[CheckedRow]) -> None:
    report = office.verify(table=table(*rows, salt=None))
    assert report.steps[3].reason is ReceiptReason.TABLE_NO_SALT
    assert report.verdict is Verdict.CANNOT_SAY


@pytest.mark.parametrize("field", CheckedRow.__struct_fields__)
def test_a_changed_cell_is_found(office: Any, rows: list[CheckedRow], field: str) -> None:
    rows[1] = msgspec.structs.replace(rows[1], **{field: "有效" if field == "word" else "改"})
    report = office.verify(table=table(*rows))
    assert report.verdict is Verdict.INVALID
    assert report.steps[3].reason is ReceiptReason.TABLE_CHANGED
    assert report.steps[3].facts["changed"] == "3"


def test_a_row_put_in_or_taken_out_is_found(office: Any, rows: list[CheckedRow]) -> None:
    more = office.verify(table=table(*rows, rows[0]))
    assert more.steps[3].reason is ReceiptReason.TABLE_CHANGED
    fewer = office.verify(table=table(*rows[1:]))
    assert fewer.steps[3].reason is ReceiptReason.TABLE_INCOMPLETE
    assert more.verdict is fewer.verdict is Verdict.INVALID


@pytest.mark.parametrize(
    "notes",
    [
        (("查验单位", "另一单位"), *NOTES[1:]),
        (NOTES[0], ("查验用途", "在职员工证书核验"), NOTES[2]),
        NOTES[1:],
        (*NOTES, ("查验单位", "另一单位")),
        (NOTES[1], NOTES[0], NOTES[2]),
        (),
    ],
)
def test_who_checked_and_what_for_cannot_be_changed(
    office: Any, rows: list[CheckedRow], notes: tuple[tuple[str, str], ...]
) -> None:
    report = office.verify(table=table(*rows, notes=notes))
    assert report.steps[3].reason is ReceiptReason.TABLE_NOTES_CHANGED
    assert report.verdict is Verdict.INVALID


def test_another_salt_fits_no_row(office: Any, rows: list[CheckedRow]) -> None:
    assert office.verify(table=table(*rows, salt=bytes(32))).verdict is Verdict.INVALID


def test_a_row_is_bound_to_its_own_answer(office: Any) -> None:
    # Signed by the site's own key, and still not in itself: the letters were swapped.
    swapped = office.receipt(results="RVNV")
    report = office.verify(sign_receipt(swapped, office.signer))
    assert report.steps[3].reason is ReceiptReason.TABLE_CHANGED


def test_a_strangers_signature_is_false(office: Any, check_signer: Any) -> None:
    forged = sign_receipt(office.receipt(), check_signer(8))
    unknown = office.verify(forged)
    assert unknown.steps[1].reason is ReceiptReason.SIGNATURE_UNKNOWN_KEY
    assert unknown.verdict is Verdict.CANNOT_SAY
    claimed = forged.replace(
        check_signer(8).info.key_id.encode(), office.signer.info.key_id.encode()
    )
    report = office.verify(claimed)
    assert report.steps[1].reason is ReceiptReason.SIGNATURE_FALSE
    assert report.verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("change", "reason", "verdict"),
    [
        ({"state": KeyState.RETIRED}, ReceiptReason.SIGNATURE_GOOD, Verdict.VALID),
        ({"state": KeyState.REVOKED}, ReceiptReason.SIGNATURE_KEY_REVOKED, Verdict.CANNOT_SAY),
        (
            {"not_before": datetime(2026, 11, 24, 1, 0, 1, tzinfo=UTC)},
            ReceiptReason.SIGNATURE_KEY_NOT_IN_FORCE,
            Verdict.INVALID,
        ),
        (
            {"not_after": datetime(2026, 11, 24, 1, 0, 0, tzinfo=UTC)},
            ReceiptReason.SIGNATURE_KEY_NOT_IN_FORCE,
            Verdict.INVALID,
        ),
    ],
)
def test_the_key_counts_as_it_was_announced(
    office: Any, change: dict[str, Any], reason: ReceiptReason, verdict: Verdict
) -> None:
    report = office.verify(keys=[office.key(**change)])
    assert (report.steps[1].reason, report.verdict) == (reason, verdict)


def test_a_receipt_from_the_future_is_not_believed_yet(office: Any) -> None:
    early = office.verify(now=datetime(2026, 11, 24, 0, 54, 59, tzinfo=UTC))
    assert early.steps[0].reason is ReceiptReason.RECEIPT_IN_FUTURE
    assert early.verdict is Verdict.CANNOT_SAY
    assert office.verify(now=office.now + timedelta(days=3650)).verdict is Verdict.VALID


def test_what_it_says_of_the_log_is_what_the_log_signed(office: Any) -> None:
    for change in ({"size": 3}, {"root": bytes(32)}, {"origin": "another.example/log"}):
        report = office.verify(office.signed(**change))
        assert report.steps[2].reason is ReceiptReason.CHECKPOINT_DIFFERS
        assert report.verdict is Verdict.INVALID


def test_a_checkpoint_of_nobody_is_not_accepted(office: Any) -> None:
    lines = office.note.decode().split("\n")
    note = "\n".join([lines[0], "4", *lines[2:]])
    report = office.verify(office.signed(checkpoint=note, size=4))
    assert report.steps[2].answer is Answer.INVALID
    broken = office.verify(office.signed(checkpoint="no note"))
    assert broken.steps[2].reason is Reason.CHECKPOINT_MALFORMED


def test_a_frozen_logs_receipt_is_told_apart(office: Any, make_log: Any) -> None:
    trust = replace(office.trust, predecessors=("old.example.cn/log",))
    note = make_log().sign(origin="old.example.cn/log", witnessed=False)
    report = office.verify(
        office.signed(checkpoint=note.decode(), origin="old.example.cn/log"), trust=trust
    )
    assert report.steps[2].reason is Reason.CHECKPOINT_FROZEN_LOG
    assert report.verdict is Verdict.CANNOT_SAY


@pytest.mark.parametrize(
    "change",
    [
        {"results": "VRN"},
        {"digests": bytes(31)},
        {"notes": bytes(31)},
        {"counts": {"N": 1, "R": 2, "V": 1}},
        {"counts": {"V": 2, "R": 1, "N": 1}},
        {"results": "VRNX", "counts": {"N": 1, "R": 1, "V": 1, "X": 1}},
        {"checked": "2026-11-24 01:00"},
        {"as_of": "yesterday"},
        {"job": "ABC"},
    ],
)
def test_parts_that_do_not_agree_are_not_even_signed(office: Any, change: dict[str, Any]) -> None:
    with pytest.raises(MalformedReceipt):
        office.signed(**change)


def test_every_changed_byte_is_found(office: Any) -> None:
    data = office.signed()
    for at in range(0, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            verdict = office.verify(changed).verdict
        except MalformedReceipt:
            continue
        # Another key id names a key that nobody announced; everything else is false.
        assert verdict in (Verdict.INVALID, Verdict.CANNOT_SAY)


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    for start in (b"", b'{"payload":"', b'{"payload":"e30=","payloadType":"'):
        with pytest.raises(MalformedReceipt):
            parse_receipt(start + data)


def test_the_receipt_alone_says_nothing_of_a_row(office: Any, rows: list[CheckedRow]) -> None:
    data = base64.b64decode(json.loads(office.signed())["payload"])
    for row in rows:
        for cell in (row.number, row.name, row.last_six, row.occupation):
            assert not cell or cell.encode() not in data
    assert SALT not in data
    assert SALT.hex().encode() not in data


cells = st.text(max_size=8)


@given(st.lists(cells, min_size=8, max_size=8), st.lists(cells, min_size=8, max_size=8))
def test_different_rows_have_different_digests(one: list[str], other: list[str]) -> None:
    rows = [
        CheckedRow(**dict(zip(CheckedRow.__struct_fields__, x, strict=True))) for x in (one, other)
    ]
    same = row_digest(SALT, rows[0]) == row_digest(SALT, rows[1])
    assert same == (one == other)


def test_the_words_are_told_apart() -> None:
    assert len(set(ROW_WORDS.values())) == len(RowResult) == len(ROW_WORDS)


def test_golden_vectors(office: Any, make_row: Callable[..., CheckedRow]) -> None:
    # Computed once with hmac and json alone; whoever changes these breaks all receipts given out.
    row = make_row(1)
    cells = [
        "Y000044999001263000001",
        "张示例",
        "",
        "有效",
        "1",
        "车工",
        "三级/高级工",
        "2026-11-24 08:00",
    ]
    message = (
        b"certreg/check-row/v1\n"
        + json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert hashlib.sha256(message).hexdigest() == (
        "f2f79e42d31a56ae591684842707662108b2296f36b6ddaadafa2942758ec3a2"
    )
    assert row_digest(SALT, row).hex() == (
        "d66e030f0f07f3c4e3fb5815874799ab0a0d47bfcb5c66a35eb0e6baab37683c"
    )
    lines = json.dumps(NOTES, ensure_ascii=False, separators=(",", ":")).encode()
    message = b"certreg/check-notes/v1\n" + lines
    assert hmac.digest(SALT, message, "sha256") == notes_digest(SALT, NOTES)
    assert notes_digest(SALT, NOTES).hex() == (
        "05dbef4e73e04eb408f4926773c74d8e684fa92f62b41937fd3965a6add953d5"
    )
    assert row_digest(SALT, EMPTY).hex() == (
        "5a14c4bb4487abfd61f92fd3eb16db1dd25d9bf304bdfda5fb57d2f8c02fd08a"
    )
    fixed = office.receipt(checkpoint="x\n1\nAAAA\n", origin="x", root=bytes(32), size=1)
    assert hashlib.sha256(sign_receipt(fixed, office.signer)).hexdigest() == (
        "3fadee2c780596002c7723c104e5fe4063efb151c7632b3d7cee83aae4ac63aa"
    )


def test_a_receipt_is_told_from_other_files(office: Any) -> None:
    assert is_receipt_file(office.signed())
    assert not is_receipt_file(b'{"entry":"","v":1}')
    assert not is_receipt_file(b"%PDF-1.7")


def test_twenty_thousand_rows_are_within_the_limit(
    office: Any, make_row: Callable[..., CheckedRow]
) -> None:
    data = sign_receipt(office.receipt(rows=(make_row(1),) * 20_000), office.signer)
    assert len(data) < 1_300_000 < MAX_RECEIPT_BYTES
    assert len(parse_receipt(data).receipt.row_digests()) == 20_000
