"""The numbered steps over a milestone: what is proven, and every way of lying about it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from keys.model import Purpose
from keys.policy import PolicyGroup, PolicyWitness
from keys.vkey import SignatureType, VerifierKey
from signing.milestone import MilestoneKind, facts_bytes, facts_commitment
from signing.milestone_text import kind_words, milestone_as_json, milestone_as_text, milestone_words
from signing.milestone_verify import MilestoneReason, MilestoneStepCode, date_checkpoint
from signing.report import Answer, Reason, Verdict
from signing.tlog.checkpoint import cosign_checkpoint
from signing.tlog.entry import encode_entry, parse_entry
from signing.tlog.note import format_note, parse_note


def reason_of(report: Any, code: MilestoneStepCode) -> Any:
    (step,) = [step for step in report.steps if step.code is code]
    return step.reason


def flip(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_a_milestone_is_proven_with_its_document_and_time(check: Any, good: Any, now: Any) -> None:
    report = check(good)
    assert report.verdict is Verdict.VALID
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5, 6]
    assert {step.answer for step in report.steps} == {Answer.VALID}
    assert report.recorded == datetime(2026, 11, 20, tzinfo=UTC)
    assert (report.proven_by, report.witnesses) == (now, ("w1",))
    assert report.steps[2].facts == {"index": "0", "size": "12"}


def test_other_facts_than_those_registered_are_refused(
    check: Any, good: Any, make_facts: Any
) -> None:
    for change in ({"date": "2026-11-18"}, {"document": "00" * 32}, {"note": ""}):
        told = facts_bytes(msgspec.structs.replace(make_facts(), **change))
        report = check(replace(good, facts=told))
        assert report.verdict is Verdict.INVALID
        reason = reason_of(report, MilestoneStepCode.COMMITMENT)
        assert reason is MilestoneReason.COMMITMENT_DIFFERS
    for change in ({"kind": MilestoneKind.RESULTS}, {"subject": "JH-2026-0002"}):
        told = facts_bytes(msgspec.structs.replace(make_facts(), **change))
        report = check(replace(good, facts=told))
        assert report.verdict is Verdict.INVALID
        reason = reason_of(report, MilestoneStepCode.COMMITMENT)
        assert reason is MilestoneReason.COMMITMENT_OTHER_STEP


def test_damaged_facts_are_refused_and_nothing_is_compared_with_them(check: Any, good: Any) -> None:
    report = check(replace(good, facts=good.facts + b" "))
    assert (report.verdict, report.facts) == (Verdict.INVALID, None)
    assert reason_of(report, MilestoneStepCode.FACTS) is MilestoneReason.FACTS_MALFORMED
    wanted = MilestoneReason.COMMITMENT_NO_FACTS
    assert reason_of(report, MilestoneStepCode.COMMITMENT) is wanted


def test_another_opening_is_refused(check: Any, good: Any) -> None:
    true = good.opening
    for opening in (flip(true), flip(true, 0), true[:-1], true + b"\0", b""):
        report = check(replace(good, opening=opening))
        assert report.verdict is Verdict.INVALID
        reason = reason_of(report, MilestoneStepCode.COMMITMENT)
        assert reason is MilestoneReason.COMMITMENT_DIFFERS


def test_an_opening_that_hmac_would_pad_is_refused(
    check: Any, make_proof: Any, make_facts: Any
) -> None:
    short = b"\x07"
    commit = facts_commitment(short, facts_bytes(make_facts())).hex()
    proof = make_proof(commit=commit)
    assert check(replace(proof, opening=short.ljust(32, b"\0"))).verdict is Verdict.VALID
    assert check(replace(proof, opening=short)).verdict is Verdict.INVALID


def test_a_leaf_of_another_kind_proves_no_milestone(check: Any, good: Any, log: Any) -> None:
    for entry in (log.leaves[3], b"{}", b""):
        report = check(replace(good, entry=entry))
        assert report.verdict is Verdict.INVALID
        reason = reason_of(report, MilestoneStepCode.COMMITMENT)
        assert reason is MilestoneReason.COMMITMENT_OTHER_ENTRY


def test_a_leaf_that_is_not_in_the_tree_is_refused(check: Any, good: Any) -> None:
    later = msgspec.structs.replace(parse_entry(good.entry), time="2026-11-20T00:00:01Z")
    for proof in (
        replace(good, entry=encode_entry(later)),
        replace(good, proof=replace(good.proof, index=1)),
        replace(good, proof=replace(good.proof, path=good.proof.path[:-1])),
        replace(good, proof=replace(good.proof, path=(bytes(32), *good.proof.path[1:]))),
    ):
        report = check(proof)
        assert report.verdict is Verdict.INVALID
        assert reason_of(report, MilestoneStepCode.INCLUSION) is Reason.INCLUSION_PATH_FALSE
        # A time proven for another leaf is no time of this one.
        assert report.proven_by is None


def test_a_step_recorded_before_its_day_is_refused(
    check: Any, make_proof: Any, make_facts: Any
) -> None:
    # 16:30 UTC is the next day in China: the twentieth, not yet the twenty-first.
    for time, day, wanted in (
        ("2026-11-19T16:30:00Z", "2026-11-20", Verdict.VALID),
        ("2026-11-19T15:59:59Z", "2026-11-20", Verdict.INVALID),
    ):
        report = check(make_proof(make_facts(date=day), time=time))
        assert report.verdict is wanted


def test_a_step_of_tomorrow_cannot_be_said(
    check: Any, make_proof: Any, now: datetime, make_facts: Any
) -> None:
    proof = make_proof(make_facts(date="2026-11-25"), time="2026-11-25T00:00:00Z")
    report = check(proof)
    assert report.verdict is Verdict.CANNOT_SAY
    assert reason_of(report, MilestoneStepCode.FACTS) is MilestoneReason.FACTS_IN_FUTURE


def test_the_document_laid_beside_is_compared(
    check: Any, good: Any, make_proof: Any, make_facts: Any
) -> None:
    none_named = make_proof(make_facts(document=""))
    for proof, document, verdict, reason in (
        (good, "00" * 32, Verdict.INVALID, MilestoneReason.DOCUMENT_OTHER),
        (good, None, Verdict.CANNOT_SAY, MilestoneReason.DOCUMENT_NOT_GIVEN),
        (none_named, "5e" * 32, Verdict.CANNOT_SAY, MilestoneReason.DOCUMENT_NONE_NAMED),
    ):
        report = check(proof, document=document)
        assert report.verdict is verdict
        assert reason_of(report, MilestoneStepCode.DOCUMENT) is reason
    report = check(none_named, document=None)
    assert (report.verdict, len(report.steps)) == (Verdict.VALID, 5)


@pytest.fixture
def unwitnessed(make_signer: Any, trust: Any, log: Any, now: datetime) -> Any:
    """A checkpoint nobody has co-signed, a policy of three witnesses, these, and the time."""
    known = []
    for at in range(3):
        signer = make_signer(40 + at, Purpose.CHECKPOINT, "office")
        key = VerifierKey(
            name=f"w{at}.example.org",
            type=SignatureType.ED25519_COSIGNATURE,
            public_key=signer.info.public_key,
        )
        known.append((PolicyWitness(name=f"w{at}", key=key), signer))
    policy = replace(trust.policy, witnesses=tuple(w for w, _ in known), quorum="w0")
    return log.sign(witnessed=False), policy, known, now


def cosigned(note: bytes, known: list[tuple[PolicyWitness, Any]], times: list[Any]) -> bytes:
    parsed = parse_note(note)
    lines = [
        cosign_checkpoint(parsed.text, witness.key.name, signer, now=at)
        for (witness, signer), at in zip(known, times, strict=True)
        if at is not None
    ]
    return format_note(replace(parsed, signatures=(*parsed.signatures, *lines)))


@pytest.mark.parametrize(
    ("quorum", "days", "wanted"),
    [
        (2, (3, 1, 2), (2, ("w1", "w2"))),
        (3, (3, 1, 2), (3, ("w0", "w1", "w2"))),
        (1, (3, 1, 2), (1, ("w1",))),
        (None, (3, None, 2), (2, ("w2",))),
        (None, (None, None, None), (None, ())),
    ],
)
def test_the_time_is_when_enough_witnesses_had_signed(
    unwitnessed: Any, quorum: Any, days: Any, wanted: Any
) -> None:
    note, policy, known, now = unwitnessed
    group = PolicyGroup(name="g", threshold=quorum or 1, members=("w0", "w1", "w2"))
    policy = replace(policy, groups=(group,), quorum="g" if quorum else "none")
    times = [None if day is None else now + timedelta(days=day) for day in days]
    dating = date_checkpoint(cosigned(note, known, times), policy)
    day, names = wanted
    if day is None:
        assert dating is None
        return
    assert (dating.at, dating.witnesses) == (now + timedelta(days=day), names)


def test_what_the_office_alone_says_about_time_proves_nothing(
    check: Any, good: Any, log: Any, trust: Any
) -> None:
    note = good.proof.checkpoint_note
    alone = format_note(replace(parse_note(note), signatures=parse_note(note).signatures[:1]))
    proof = replace(good, proof=replace(good.proof, checkpoint_note=alone))
    report = check(proof, policy=replace(trust.policy, quorum="none"))
    assert (report.verdict, report.proven_by) == (Verdict.CANNOT_SAY, None)
    assert reason_of(report, MilestoneStepCode.TIME) is MilestoneReason.TIME_OFFICE_ALONE
    # Under a policy that asks for a witness the checkpoint itself has no answer.
    report = check(proof)
    assert report.verdict is Verdict.CANNOT_SAY
    assert reason_of(report, MilestoneStepCode.CHECKPOINT) is Reason.CHECKPOINT_NO_QUORUM
    assert reason_of(report, MilestoneStepCode.TIME) is MilestoneReason.TIME_NO_CHECKPOINT


@pytest.mark.parametrize("seconds", [0, 2**40, 2**63 - 1])
def test_a_witness_without_a_calendar_date_dates_nothing(unwitnessed: Any, seconds: int) -> None:
    class Moment:
        def timestamp(self) -> int:
            return seconds

    note, policy, known, _ = unwitnessed
    assert date_checkpoint(cosigned(note, known[:1], [Moment()]), policy) is None


def test_clocks_that_disagree_are_told(check: Any, make_proof: Any, good: Any, now: Any) -> None:
    late = make_proof(time="2026-11-24T02:05:01Z")
    report = check(late)
    assert (report.verdict, report.proven_by) == (Verdict.CANNOT_SAY, None)
    assert reason_of(report, MilestoneStepCode.TIME) is MilestoneReason.TIME_CLOCKS_DISAGREE
    assert check(make_proof(time="2026-11-24T02:05:00Z")).verdict is Verdict.VALID
    report = check(good, now=now - timedelta(minutes=5, seconds=1))
    assert reason_of(report, MilestoneStepCode.TIME) is MilestoneReason.TIME_IN_FUTURE
    assert report.verdict is Verdict.CANNOT_SAY


def test_a_checkpoint_of_nobody_known_is_refused(check: Any, good: Any, log: Any) -> None:
    for note, reason in (
        (log.sign(origin="zs.example.org/log"), Reason.CHECKPOINT_UNTRUSTED),
        (b"zs.example.cn/log\n", Reason.CHECKPOINT_MALFORMED),
    ):
        report = check(replace(good, proof=replace(good.proof, checkpoint_note=note)))
        assert report.verdict is Verdict.INVALID
        assert reason_of(report, MilestoneStepCode.CHECKPOINT) is reason


def test_every_word_is_there_in_both_languages() -> None:
    for code in (*MilestoneStepCode, *MilestoneReason, Reason.CHECKPOINT_GOOD):
        assert milestone_words(code).zh
        assert milestone_words(code).en
    for kind in MilestoneKind:
        assert kind_words(kind).zh


def test_the_report_says_what_is_proven_and_what_is_not(check: Any, good: Any) -> None:
    report = check(good)
    text = milestone_as_text(report)
    assert text.startswith("有效  Valid\n")
    assert "程序节点      Step                    计划备案 Plan filed" in text.splitlines()
    assert "2026-11-24 10:00:00 北京时间" in text
    assert "could not be added or changed later" in text
    assert "the registry's own statement" in text
    refused = milestone_as_text(check(good, document="00" * 32))
    assert refused.startswith("无效")
    assert "could not be added" not in refused
    told = json.loads(milestone_as_json(report))
    assert told["milestone"]["subject"] == "JH-2026-0001"
    assert told["not_later_than"] == "2026-11-24T02:00:00Z"
    assert [step["answer"] for step in told["steps"]] == ["valid"] * 6
