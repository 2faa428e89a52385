"""What a package's check answers: all good, and each single lie found where it is."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from keys.model import KeyState, Purpose
from signing.envelope import Envelope, sign_payload, sign_record, to_object
from signing.record import canonical
from signing.report import Answer
from signing.upload.check import PackageStep
from signing.upload.manifest import MANIFEST_TYPE, sign_manifest
from signing.upload.package import MANIFEST_NAME
from signing.upload.rowcheck import RowStep
from signing.upload.rows import RowKind

VALID, INVALID, CANNOT_SAY = Answer.VALID, Answer.INVALID, Answer.CANNOT_SAY


def test_an_honest_package_is_valid_in_every_step_and_row(city: Any) -> None:
    check, rows = city.check()
    assert [(one.step, one.answer) for one in check.findings] == [
        (step, VALID) for step in PackageStep
    ]
    assert check.answer is VALID
    assert check.rows == {VALID: 4}
    assert [row.answer for row in rows] == [VALID] * 4
    assert [row.status for row in rows] == [0, 1, 3, 1]
    assert [row.record.name for row in rows] == ["张示例1", "张示例2", "张示例4", "张示例2"]
    assert {row.reason for row in rows} == {""}


def test_a_file_on_the_disk_is_checked_like_bytes(city: Any, tmp_path: Any) -> None:
    file = tmp_path / "p.zip"
    file.write_bytes(city.package())
    assert city.check(file)[0] == city.check()[0]


def row_answer(city: Any, number: int, step: RowStep) -> tuple[Answer, str]:
    _, rows = city.check()
    answer, reason = rows[number - 1].steps[step]
    assert [row.answer for row in rows if row.row.row != number] == [VALID] * (len(rows) - 1)
    assert rows[number - 1].answer is not VALID
    return answer, str(reason)


def test_a_record_signed_by_nobody_is_found_in_its_row_alone(city: Any) -> None:
    false = replace(city.log.envelope(1), signature=bytes(64))
    city.rows[1] = replace(city.rows[1], record=to_object(false))
    assert row_answer(city, 2, RowStep.SIGNATURE) == (INVALID, "signature-false")


def test_a_record_of_other_facts_does_not_open_the_leaf(city: Any) -> None:
    record = replace(city.log.records[1], name="李示例")
    forged = sign_record(canonical(record), city.log.record_signer)
    city.rows[1] = replace(city.rows[1], record=to_object(forged))
    assert row_answer(city, 2, RowStep.ENTRY) == (INVALID, "inclusion-commitment-differs")


def test_another_opening_does_not_open_the_leaf(city: Any) -> None:
    city.rows[0] = replace(city.rows[0], opening=bytes(32))
    assert row_answer(city, 1, RowStep.ENTRY) == (INVALID, "inclusion-commitment-differs")


def test_a_row_of_another_organisation_is_found(city: Any, make_record: Any) -> None:
    _, rows = city.check(city.package(organisation="Y000044999002"))
    assert {row.reason for row in rows} == {"record-other-organisation"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": "Y000044999001263000009"}, "record-other-certificate"),
        ({"edition": 2}, "record-other-certificate"),
        ({"kind": RowKind.CORRECTION}, "record-other-kind"),
    ],
)
def test_a_row_that_says_other_than_its_record_is_found(
    city: Any, change: dict[str, Any], reason: str
) -> None:
    city.rows[2] = replace(city.rows[2], **change)
    assert row_answer(city, 3, RowStep.RECORD) == (INVALID, reason)


def test_a_number_that_breaks_the_rule_is_found(city: Any) -> None:
    # Year and level of the number are not the record's: signed all the same.
    record = replace(city.log.records[0], level="4")
    forged = sign_record(canonical(record), city.log.record_signer)
    city.rows[0] = replace(city.rows[0], record=to_object(forged))
    assert row_answer(city, 1, RowStep.RECORD) == (INVALID, "record-disagrees")


def test_another_s_withdrawal_does_not_withdraw_this_one(city: Any) -> None:
    city.rows[3] = city.withdrawal(3, 4)
    assert row_answer(city, 4, RowStep.ENTRY) == (INVALID, "inclusion-other-certificate")
    city.rows[3] = city.withdrawal(1, 4, reason="fraud")
    assert row_answer(city, 4, RowStep.ENTRY) == (INVALID, "inclusion-other-certificate")
    # The status leaf behind is no end of anything.
    last = len(city.log.leaves) - 1
    city.rows[3] = city.withdrawal(1, 4, index=last, entry=city.log.leaves[last])
    assert row_answer(city, 4, RowStep.ENTRY) == (INVALID, "inclusion-other-entry")


def test_an_issuer_that_the_trust_folder_does_not_know_cannot_be_judged(city: Any) -> None:
    unknown = changed(city.trust, issuers={})
    _, rows = city.check(trust=unknown)
    assert {(row.answer, row.reason) for row in rows} == {(CANNOT_SAY, "signature-unknown-issuer")}


def test_the_day_of_issue_may_lie_ahead_of_a_slow_clock(city: Any) -> None:
    _, rows = city.check(now=city.now - timedelta(days=3))
    assert {row.answer for row in rows} == {CANNOT_SAY}
    assert {row.reason for row in rows} == {"record-in-future"}


def test_a_leaf_that_is_not_in_the_log_makes_every_row_invalid(city: Any, said: Any) -> None:
    city.log.leaves = list(city.log.leaves)
    city.log.leaves[4] = city.log.leaves[4].replace(b'"edition":1', b'"edition":2')
    city.rows[2] = city.new(3, 3)
    check, rows = city.check()
    # The ranges were made over a tree of the forger's own.
    assert said(check, PackageStep.RANGES) == (INVALID, "ranges-false")
    assert {row.steps[RowStep.INCLUSION] for row in rows} == {(INVALID, "ranges-false")}


def test_ranges_hold_the_rows_leaves_and_no_others(city: Any, said: Any) -> None:
    ranges = city.ranges()
    city.rows[2] = city.new(2, 3)
    check, _ = city.check(city.package(ranges=ranges))
    assert said(check, PackageStep.RANGES) == (INVALID, "ranges-other-leaves")


def test_a_range_s_root_and_proof_are_both_looked_at(city: Any, said: Any) -> None:
    for change in ({"root": "00" * 32}, {"proof": ("00" * 32,)}, {"proof": ()}):
        first, *others = city.ranges()
        spoiled = (replace(first, **change), *others)
        check, _ = city.check(city.package(ranges=spoiled))
        assert said(check, PackageStep.RANGES) == (INVALID, "ranges-false")


def test_a_checkpoint_without_the_quorum_is_not_green(city: Any, said: Any) -> None:
    city.log.note = city.log.sign(witnessed=False)
    check, rows = city.check()
    assert said(check, PackageStep.CHECKPOINT) == (CANNOT_SAY, "checkpoint-no-quorum")
    assert said(check, PackageStep.RANGES)[0] is VALID
    assert check.answer is CANNOT_SAY
    assert {(row.answer, row.reason) for row in rows} == {(CANNOT_SAY, "checkpoint-no-quorum")}


def test_a_checkpoint_that_the_log_did_not_sign_is_false(
    city: Any, said: Any, other_signer: Any
) -> None:
    city.log.log_signer = other_signer
    city.log.note = city.log.sign()
    check, rows = city.check()
    assert said(check, PackageStep.CHECKPOINT) == (INVALID, "checkpoint-untrusted")
    assert {row.answer for row in rows} == {INVALID}


def test_a_package_of_another_city_is_refused(city: Any, said: Any) -> None:
    check, _ = city.check(city.package(city="other.example.cn/log"))
    assert said(check, PackageStep.MANIFEST) == (INVALID, "manifest-other-city")


KEY_CASES = [
    ({"state": KeyState.RETIRED}, VALID, "signature-good"),
    ({"state": KeyState.RETIRED, "ended_leaf": 3}, INVALID, "signature-key-ended"),
    ({"state": KeyState.RETIRED, "ended_leaf": 40}, VALID, "signature-good"),
    ({"purpose": Purpose.RECORD}, INVALID, "signature-other-purpose"),
]


@pytest.mark.parametrize(("change", "answer", "reason"), KEY_CASES)
def test_the_upload_key_is_judged(
    city: Any, said: Any, change: dict[str, Any], answer: Answer, reason: str
) -> None:
    check, _ = city.check(upload_keys=(changed(city.keys[0], **change),))
    assert said(check, PackageStep.MANIFEST) == (answer, reason)


@pytest.mark.parametrize(
    ("minutes", "answer", "reason"),
    [(-60, INVALID, "signature-key-revoked"), (60, CANNOT_SAY, "signature-no-place")],
)
def test_what_a_revoked_key_signed_is_never_green(
    city: Any, said: Any, minutes: int, answer: Answer, reason: str
) -> None:
    at = city.now + timedelta(minutes=minutes)
    revoked = changed(city.keys[0], state=KeyState.REVOKED, revoked_at=at)
    check, _ = city.check(upload_keys=(revoked,))
    assert said(check, PackageStep.MANIFEST) == (answer, reason)
    assert check.answer is answer


def test_an_unknown_key_and_a_false_signature(city: Any, said: Any, make_signer: Any) -> None:
    assert said(city.check(upload_keys=())[0], PackageStep.MANIFEST) == (
        CANNOT_SAY,
        "signature-unknown-key",
    )
    good = sign_manifest(city.manifest(), city.signer)
    check, _ = city.check(city.package(replace(good, signature=bytes(64))))
    assert said(check, PackageStep.MANIFEST) == (INVALID, "signature-false")


def test_a_manifest_from_the_future_and_from_before_the_key(city: Any, said: Any) -> None:
    check, _ = city.check(city.package(created="2027-01-01T00:00:00Z"))
    assert said(check, PackageStep.MANIFEST) == (CANNOT_SAY, "record-in-future")
    check, _ = city.check(city.package(created="2025-12-31T00:00:00Z"))
    assert said(check, PackageStep.MANIFEST) == (INVALID, "signature-key-not-in-force")


def test_a_record_s_signature_is_none_over_a_manifest(city: Any, said: Any) -> None:
    """The very same bytes signed under the record's type do not pass for a manifest."""
    payload = sign_manifest(city.manifest(), city.signer).payload
    other = sign_payload("application/vnd.certreg.record.v1+json", payload, city.signer)
    moved = Envelope(
        payload_type=MANIFEST_TYPE,
        payload=payload,
        key_id=other.key_id,
        signature=other.signature,
    )
    check, _ = city.check(city.package(moved))
    assert said(check, PackageStep.MANIFEST) == (INVALID, "signature-false")
    check, rows = city.check(city.package(other))
    assert said(check, PackageStep.MANIFEST) == (INVALID, "manifest-malformed")
    assert rows == []


@pytest.mark.parametrize("name", ["rows.jsonl", "summary.pdf", "table.csv", "table.xlsx"])
def test_a_file_exchanged_after_the_signature_is_found(city: Any, said: Any, name: str) -> None:
    signed = sign_manifest(city.manifest(), city.signer)
    if name == "rows.jsonl":
        city.rows[0] = replace(city.rows[0], reason="x")
    else:
        city.files[name] = city.files[name] + b" "
    check, _ = city.check(city.package(signed))
    finding = check.finding(PackageStep.FILES)
    assert finding is not None
    assert (finding.answer, finding.reason, finding.detail) == (INVALID, "file-other-digest", name)
    assert check.answer is INVALID


def test_counts_that_are_not_the_rows_stop_the_check(city: Any, said: Any) -> None:
    counts = replace(city.manifest().counts, new=2, correction=1)
    check, rows = city.check(city.package(counts=counts))
    assert said(check, PackageStep.ROWS) == (INVALID, "rows-other-counts")
    assert (rows, check.answer) == ([], INVALID)


def test_one_index_has_one_leaf(city: Any, said: Any) -> None:
    other = city.withdrawal(1, 4)
    issued = replace(city.rows[0].certificate_leaf, index=2)
    city.rows[3] = replace(other, issued=issued)
    honest = city.withdrawal(1, 4)
    lines = list(city.rows)
    city.rows[3] = honest
    ranges = city.ranges()
    city.rows = lines
    check, _ = city.check(city.package(ranges=ranges))
    assert said(check, PackageStep.ROWS) == (INVALID, "rows-two-leaves")


def test_an_unreadable_manifest_ends_the_check(city: Any, said: Any) -> None:
    for data in (b"", b"{}", b"null", b"\xff" * 40, b"[" * 5000):
        check, rows = city.check(city.packed({MANIFEST_NAME: data, **city.all_files()}))
        assert said(check, PackageStep.MANIFEST) == (INVALID, "manifest-malformed")
        assert (rows, check.manifest, check.answer) == ([], None, INVALID)
