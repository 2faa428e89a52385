"""The numbered procedure: an honest certificate passes, and no way of lying does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import KeyState
from keys.policy import NO_QUORUM
from signing import wording
from signing.bundle import bundle_file, read_bundle_file
from signing.errors import MalformedBundle
from signing.qr import parse_payload, qr_payload
from signing.record import IdType
from signing.report import STEP_NUMBERS, Step, report_of
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import State
from signing.verify import Answer, Reason, StepCode, Verdict, verify, verify_qr

MONTH = timedelta(days=30)


def test_an_honest_certificate_is_valid(log: Any, check: Any) -> None:
    for at in range(5):
        report = check(log.evidence(at))
        assert report.verdict is Verdict.VALID
        assert [(s.number, s.answer) for s in report.steps] == [
            (number, Answer.VALID) for number in range(1, 6)
        ]
        assert report.record == log.records[at]
        assert report.as_of == datetime(2026, 11, 24, 1, tzinfo=UTC)
    assert report.step(StepCode.CHECKPOINT).facts["witnesses"] == "w1"
    assert report.step(StepCode.INCLUSION).facts["index"] == "5"


def test_the_comment_and_the_data_carry_the_same_numbers() -> None:
    comment = verify.__globals__["__doc__"]
    for code, number in STEP_NUMBERS.items():
        assert f"\n {number}. {code} " in comment


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (State.REVOKED, Verdict.REVOKED),
        (State.SUSPENDED, Verdict.SUSPENDED),
        (State.SUPERSEDED, Verdict.CORRECTED),
    ],
)
def test_a_proven_state_is_told(make_log: Any, check: Any, state: State, verdict: Verdict) -> None:
    log = make_log(states={2: state})
    report = check(replace(log.evidence(), link="abcdefgh234567aa"))
    assert report.verdict is verdict
    step = report.step(StepCode.STATUS)
    assert (step.answer, step.facts["state"]) == (Answer.INVALID, state.name.lower())
    assert step.facts["link"] == "abcdefgh234567aa"
    assert check(log.evidence(1)).verdict is Verdict.VALID


_I, _C = Verdict.INVALID, Verdict.CANNOT_SAY

_TABLE: list[tuple[str, Verdict, Reason]] = [
    ("record_byte", _I, Reason.SIGNATURE_FALSE),
    ("record_byte", _I, Reason.INCLUSION_COMMITMENT_DIFFERS),
    ("record_bit", _I, Reason.RECORD_MALFORMED),
    ("record_spaced", _I, Reason.RECORD_MALFORMED),
    ("record_of_other_type", _I, Reason.RECORD_OTHER_TYPE),
    ("record_level_raised", _I, Reason.RECORD_DISAGREES),
    ("record_from_tomorrow", _C, Reason.RECORD_IN_FUTURE),
    ("signature_bit", _I, Reason.SIGNATURE_FALSE),
    ("signature_cut", _I, Reason.SIGNATURE_FALSE),
    ("signature_of_other_record", _I, Reason.SIGNATURE_FALSE),
    ("signature_by_other_issuer", _I, Reason.SIGNATURE_OTHER_ISSUER),
    ("signature_by_other_issuer_named_ours", _I, Reason.SIGNATURE_FALSE),
    ("signature_by_unknown_key", _C, Reason.SIGNATURE_UNKNOWN_KEY),
    ("key_of_other_purpose", _I, Reason.SIGNATURE_OTHER_PURPOSE),
    ("key_not_yet", _I, Reason.SIGNATURE_KEY_NOT_IN_FORCE),
    ("key_expired", _I, Reason.SIGNATURE_KEY_NOT_IN_FORCE),
    ("key_revoked", _I, Reason.SIGNATURE_KEY_REVOKED),
    ("issuer_unknown", _C, Reason.SIGNATURE_UNKNOWN_ISSUER),
    ("opening_bit", _I, Reason.INCLUSION_COMMITMENT_DIFFERS),
    ("opening_cut", _I, Reason.INCLUSION_COMMITMENT_DIFFERS),
    ("opening_shorter_than_its_zeros", _I, Reason.INCLUSION_COMMITMENT_DIFFERS),
    ("opening_missing", _C, Reason.INCLUSION_NO_OPENING),
    ("leaf_of_other_certificate", _I, Reason.INCLUSION_OTHER_CERTIFICATE),
    ("leaf_and_opening_of_other", _I, Reason.INCLUSION_OTHER_CERTIFICATE),
    ("leaf_of_other_edition", _I, Reason.INCLUSION_OTHER_CERTIFICATE),
    ("record_changed_by_its_issuer", _I, Reason.INCLUSION_COMMITMENT_DIFFERS),
    ("leaf_rewritten", _I, Reason.INCLUSION_PATH_FALSE),
    ("leaf_of_other_kind", _I, Reason.INCLUSION_OTHER_ENTRY),
    ("leaf_is_no_entry", _I, Reason.INCLUSION_OTHER_ENTRY),
    ("leaf_missing", _C, Reason.INCLUSION_MISSING),
    ("index_moved", _I, Reason.INCLUSION_PATH_FALSE),
    ("index_outside", _I, Reason.INCLUSION_PATH_FALSE),
    ("path_bit", _I, Reason.INCLUSION_PATH_FALSE),
    ("path_cut", _I, Reason.INCLUSION_PATH_FALSE),
    ("path_longer", _I, Reason.INCLUSION_PATH_FALSE),
    ("path_with_short_hash", _I, Reason.INCLUSION_PATH_FALSE),
    ("proof_missing", _C, Reason.CHECKPOINT_MISSING),
    ("checkpoint_root", _I, Reason.INCLUSION_PATH_FALSE),
    ("checkpoint_root_unsigned", _I, Reason.CHECKPOINT_UNTRUSTED),
    ("checkpoint_size", _I, Reason.CHECKPOINT_UNTRUSTED),
    ("checkpoint_signature", _I, Reason.CHECKPOINT_UNTRUSTED),
    ("checkpoint_by_other_key", _I, Reason.CHECKPOINT_UNTRUSTED),
    ("checkpoint_of_other_log", _I, Reason.CHECKPOINT_UNTRUSTED),
    ("checkpoint_is_no_note", _I, Reason.CHECKPOINT_MALFORMED),
    ("checkpoint_unwitnessed", _C, Reason.CHECKPOINT_NO_QUORUM),
    ("checkpoint_by_the_witness_alone", _I, Reason.CHECKPOINT_UNTRUSTED),
    ("status_page_bit", _I, Reason.STATUS_FALSE),
    ("status_page_cut", _I, Reason.STATUS_FALSE),
    ("status_path", _I, Reason.STATUS_FALSE),
    ("status_entry_path", _I, Reason.STATUS_FALSE),
    ("status_entry_index", _I, Reason.STATUS_FALSE),
    ("status_entry_of_other_kind", _I, Reason.STATUS_FALSE),
    ("status_entry_rewritten", _I, Reason.STATUS_FALSE),
    ("status_pages_more", _I, Reason.STATUS_FALSE),
    ("status_of_other_certificate", _I, Reason.STATUS_OTHER_CERTIFICATE),
    ("status_index_outside", _I, Reason.STATUS_OTHER_CERTIFICATE),
    ("status_index_negative", _I, Reason.STATUS_OTHER_CERTIFICATE),
    ("status_before_the_certificate", _C, Reason.STATUS_NOT_COVERING),
    ("status_of_fewer_certificates", _C, Reason.STATUS_NOT_COVERING),
    ("status_covering_what_follows", _I, Reason.STATUS_FALSE),
    ("status_too_old", _C, Reason.STATUS_TOO_OLD),
    ("status_suspended_long_ago", _C, Reason.STATUS_TOO_OLD),
    ("status_in_future", _C, Reason.STATUS_IN_FUTURE),
    ("status_missing", _C, Reason.STATUS_MISSING),
    ("status_of_other_tree", _I, Reason.STATUS_FALSE),
    ("revoked_by_unbound_leaf", _C, Reason.INCLUSION_NO_OPENING),
]


@pytest.mark.parametrize(("lie", "verdict", "reason"), _TABLE)
def test_no_lie_is_believed(
    *, lies: Any, check: Any, trust: Any, lie: str, verdict: Verdict, reason: Reason
) -> None:
    told = getattr(lies, lie)()
    evidence, believed = told if isinstance(told, tuple) else (told, trust)
    report = check(evidence, trust=believed)
    assert report.verdict is verdict
    step = next(step for step in report.steps if reason.startswith(f"{step.code}-"))
    assert (step.reason, step.answer) == (
        reason, Answer.INVALID if verdict is Verdict.INVALID else Answer.CANNOT_SAY,
    )  # fmt: skip
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5]


def test_every_lie_is_in_the_table(lies: Any) -> None:
    told = {name for name in vars(type(lies)) if not name.startswith("_")}
    assert told == {row[0] for row in _TABLE}
    assert len(told) >= 30


def test_a_revocation_wins_over_no_answer_and_not_over_a_lie(
    make_log: Any, check: Any, trust: Any
) -> None:
    log = make_log(states={2: State.REVOKED})
    unknown = replace(trust, issuers={})
    assert check(log.evidence(), trust=unknown).verdict is Verdict.REVOKED
    unwitnessed = replace(
        log.evidence(),
        proof=replace(log.evidence().proof, checkpoint_note=log.sign(witnessed=False)),
    )
    assert check(unwitnessed).verdict is Verdict.REVOKED
    forged = msgspec.structs.replace(log.envelope(2), signature=bytes(64))
    assert check(replace(log.evidence(), envelope=forged)).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("state", "verdict"), [(State.REVOKED, Verdict.REVOKED), (State.SUPERSEDED, Verdict.CORRECTED)]
)
def test_an_end_stays_an_end_however_old_the_news(
    make_log: Any, check: Any, state: State, verdict: Verdict
) -> None:
    log = make_log(states={2: state}, status_time="2026-01-01T00:00:00Z")
    assert check(log.evidence()).verdict is verdict


def test_time_at_its_borders(make_log: Any, check: Any, log: Any) -> None:
    for time in ("2026-11-24T02:05:00Z", "2026-10-25T02:00:00Z"):
        assert check(make_log(status_time=time).evidence()).verdict is Verdict.VALID
    evidence = log.evidence()
    early = datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert check(evidence, now=early).step(StepCode.STATUS).reason is Reason.STATUS_IN_FUTURE


def test_keys_of_the_day_are_good(lies: Any, check: Any) -> None:
    day = datetime(2026, 11, 22, 16, tzinfo=UTC)  # the 23rd begins in China
    for change in (
        {"not_before": day + timedelta(hours=23)},
        {"not_after": day + timedelta(seconds=1)},
        {"state": KeyState.RETIRED},
    ):
        evidence, trust = lies._trust(**change)
        assert check(evidence, trust=trust).verdict is Verdict.VALID


def test_a_policy_without_witnesses_asks_for_none(log: Any, check: Any, trust: Any) -> None:
    policy = replace(trust.policy, quorum=NO_QUORUM)
    proof = replace(log.evidence().proof, checkpoint_note=log.sign(witnessed=False))
    evidence = replace(log.evidence(), proof=proof)
    assert check(evidence, trust=replace(trust, policy=policy)).verdict is Verdict.VALID


def test_an_opened_checkpoint_counts_for_its_own_note_only(
    log: Any, check: Any, trust: Any, lies: Any
) -> None:
    opened = open_checkpoint(log.note, trust.policy)
    assert check(log.evidence(), opened=opened).verdict is Verdict.VALID
    for lie in ("checkpoint_size", "checkpoint_signature", "checkpoint_by_other_key"):
        assert check(getattr(lies, lie)(), opened=opened).verdict is Verdict.INVALID


@given(data=st.data())
def test_any_changed_byte_of_a_bundle_is_found(data: st.DataObject, log: Any, check: Any) -> None:
    good = bundle_file(log.evidence())
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        evidence = read_bundle_file(bytes(bad))
    except MalformedBundle:
        return
    if evidence != log.evidence():
        assert check(evidence).verdict in (Verdict.INVALID, Verdict.CANNOT_SAY)


_steps = st.lists(
    st.builds(
        Step,
        code=st.sampled_from(StepCode),
        answer=st.sampled_from(Answer),
        reason=st.sampled_from(Reason),
    ),
    max_size=7,
)


@given(_steps)
def test_only_all_five_valid_steps_make_it_valid(steps: list[Step]) -> None:
    verdict = report_of(tuple(steps), None).verdict
    bad = any(step.answer is not Answer.VALID for step in steps)
    optional = {StepCode.SEAL, StepCode.COPY}
    if bad or not {step.code for step in steps} >= set(StepCode) - optional:
        assert verdict is not Verdict.VALID


def test_a_qr_code_answers_two_steps_and_is_never_valid(
    make_record: Any, record_signer: Any, trust: Any, now: datetime
) -> None:
    qr = parse_payload(qr_payload(make_record(), record_signer))
    report = verify_qr(qr, trust, now=now, base_url=trust.base_url)
    assert report.verdict is Verdict.CANNOT_SAY
    assert [step.answer for step in report.steps] == [
        Answer.VALID, Answer.VALID, *[Answer.CANNOT_SAY] * 3,
    ]  # fmt: skip
    assert report.steps[0].facts["name"] == "张示例"


def test_lies_of_qr_codes(
    make_record: Any, record_signer: Any, other_signer: Any, trust: Any, now: datetime
) -> None:
    def run(
        qr: Any, base_url: str = trust.base_url, **change: Any
    ) -> tuple[Verdict, Reason, Reason]:
        report = verify_qr(replace(qr, **change), trust, now=now, base_url=base_url)
        return (report.verdict, report.steps[0].reason, report.steps[1].reason)

    qr = parse_payload(qr_payload(make_record(), record_signer))
    foreign = parse_payload(qr_payload(make_record(), other_signer))
    wrong = parse_payload(qr_payload(make_record(level="1"), record_signer))
    later = parse_payload(qr_payload(make_record(issued="2026-12-01"), record_signer))
    good = (Reason.RECORD_GOOD, Reason.SIGNATURE_GOOD)
    assert run(qr) == (Verdict.CANNOT_SAY, *good)
    assert run(qr, "https://zs.example.com") == (
        Verdict.CANNOT_SAY, Reason.RECORD_FOREIGN_HOST, good[1],
    )  # fmt: skip
    assert run(qr, signed=qr.signed + b"\0") == (_I, good[0], Reason.SIGNATURE_FALSE)
    assert run(qr, signature=bytes(64)) == (_I, good[0], Reason.SIGNATURE_FALSE)
    assert run(foreign) == (_I, good[0], Reason.SIGNATURE_OTHER_ISSUER)
    assert run(wrong) == (_I, Reason.RECORD_MALFORMED, Reason.SIGNATURE_NO_RECORD)
    assert run(later) == (Verdict.CANNOT_SAY, Reason.RECORD_IN_FUTURE, good[1])


def test_every_answer_has_words_in_both_languages() -> None:
    for code in (*Reason, *Verdict, *Answer, *StepCode, *IdType):
        words = wording.words(code)
        assert words.zh
        assert words.en
        assert not words.zh.isascii()
        assert words.en.isascii()
    assert wording.words(Verdict.VALID) != wording.words(Answer.VALID)
