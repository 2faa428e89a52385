"""The numbered procedure: an honest certificate passes, and no way of lying does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import KeyState, Purpose
from keys.policy import NO_QUORUM
from signing import wording
from signing.bundle import Evidence, bundle_file, read_bundle_file
from signing.envelope import sign_record
from signing.errors import MalformedBundle
from signing.qr import parse_payload, qr_payload
from signing.record import IdType, canonical, commitment
from signing.report import STEP_NUMBERS, Step, report_of
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import State, encode_entry
from signing.verify import Answer, Reason, StepCode, Verdict, verify, verify_qr

MONTH = timedelta(days=30)


@pytest.fixture(scope="session")
def check(trust: Any, now: datetime) -> Callable[..., Any]:
    def run(evidence: Evidence, **change: Any) -> Any:
        usual = {"trust": trust, "now": now, "max_age": MONTH} | change
        return verify(evidence, usual.pop("trust"), **usual)

    return run


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


def _flip(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


class Lies:
    """Each method tells one lie about certificate 2 of the log."""

    def __init__(self, log: Any, make_log: Any, trust: Any, other: Any, key: Any) -> None:
        self.log, self.make_log, self.trust, self.other, self.key = (
            log, make_log, trust, other, key,
        )  # fmt: skip
        self.good: Evidence = log.evidence()

    def _envelope(self, **change: Any) -> Evidence:
        return replace(self.good, envelope=msgspec.structs.replace(self.good.envelope, **change))

    def _resigned(self, **change: Any) -> Evidence:
        """A record changed by its own issuer, after the log took up the first."""
        record = msgspec.structs.replace(self.log.records[2], **change)
        return replace(self.good, envelope=sign_record(canonical(record), self.log.record_signer))

    def _proof(self, **change: Any) -> Evidence:
        return replace(self.good, proof=replace(self.good.proof, **change))

    def _staple(self, **change: Any) -> Evidence:
        return replace(self.good, staple=msgspec.structs.replace(self.good.staple, **change))

    def _trust(self, **change: Any) -> tuple[Evidence, Any]:
        """Evidence against a trust file whose issuer key has other facts."""
        issuer = next(iter(self.trust.issuers.values()))
        changed = replace(issuer, keys=(self.key(self.log.record_signer, **change),))
        issuers = {**self.trust.issuers, issuer.prefix: changed}
        return self.good, replace(self.trust, issuers=issuers)

    # 1. record
    def record_byte(self) -> Evidence:
        payload = self.good.envelope.payload
        return self._envelope(payload=payload.replace("张示例3".encode(), "李示例3".encode()))

    def record_bit(self) -> Evidence:
        return self._envelope(payload=_flip(self.good.envelope.payload))

    def record_spaced(self) -> Evidence:
        return self._envelope(payload=self.good.envelope.payload + b" ")

    def record_of_other_type(self) -> Evidence:
        return self._envelope(payload_type="application/json")

    def record_level_raised(self) -> Evidence:
        return self._resigned(level="1")

    def record_from_tomorrow(self) -> Evidence:
        record = msgspec.structs.replace(self.log.records[2], issued="2026-11-25")
        return self.make_log(records=[record] * 5).evidence()

    # 2. signature
    def signature_bit(self) -> Evidence:
        return self._envelope(signature=_flip(self.good.envelope.signature))

    def signature_cut(self) -> Evidence:
        return self._envelope(signature=self.good.envelope.signature[:-1])

    def signature_of_other_record(self) -> Evidence:
        return self._envelope(signature=self.log.envelope(1).signature)

    def signature_by_other_issuer(self) -> Evidence:
        return replace(self.good, envelope=sign_record(self.good.envelope.payload, self.other))

    def signature_by_other_issuer_named_ours(self) -> Evidence:
        return self._envelope(signature=self.signature_by_other_issuer().envelope.signature)

    def signature_by_unknown_key(self) -> Evidence:
        return replace(
            self.good, envelope=sign_record(self.good.envelope.payload, self.log.witness_signer)
        )

    def key_of_other_purpose(self) -> tuple[Evidence, Any]:
        return self._trust(purpose=Purpose.UPLOAD)

    def key_not_yet(self) -> tuple[Evidence, Any]:
        return self._trust(not_before=datetime(2026, 11, 23, 16, tzinfo=UTC))

    def key_expired(self) -> tuple[Evidence, Any]:
        return self._trust(not_after=datetime(2026, 11, 22, 16, tzinfo=UTC))

    def key_revoked(self) -> tuple[Evidence, Any]:
        at = datetime(2026, 11, 22, 16, tzinfo=UTC)
        return self._trust(state=KeyState.REVOKED, revoked_at=at)

    def issuer_unknown(self) -> tuple[Evidence, Any]:
        return self.good, replace(self.trust, issuers={})

    # 3. inclusion
    def opening_bit(self) -> Evidence:
        return replace(self.good, opening=_flip(self.log.opening(2)))

    def opening_cut(self) -> Evidence:
        return replace(self.good, opening=self.log.opening(2)[:-1])

    def opening_shorter_than_its_zeros(self) -> Evidence:
        log = self.make_log()
        padded = bytes(31).join((b"\x07", b""))
        payload = log.envelope(2).payload
        issue = msgspec.structs.replace(log.issue(2), commit=commitment(padded, payload).hex())
        log.leaves[3] = encode_entry(issue)
        log.note = log.sign()
        return replace(log.evidence(), opening=b"\x07")

    def opening_missing(self) -> Evidence:
        return replace(self.good, opening=None)

    def leaf_of_other_certificate(self) -> Evidence:
        return replace(self.log.evidence(1), envelope=self.good.envelope)

    def leaf_and_opening_of_other(self) -> Evidence:
        other = self.log.evidence(1)
        return replace(self.good, entry=other.entry, opening=other.opening, proof=other.proof)

    def leaf_of_other_edition(self) -> Evidence:
        return self._resigned(edition=2, previous="0" * 64)

    def record_changed_by_its_issuer(self) -> Evidence:
        return self._resigned(name="李四示例")

    def leaf_rewritten(self) -> Evidence:
        record = msgspec.structs.replace(self.log.records[2], name="李四示例")
        opening = bytes(32)
        issue = msgspec.structs.replace(
            self.log.issue(2), commit=commitment(opening, canonical(record)).hex()
        )
        evidence = self._resigned(name="李四示例")
        return replace(evidence, entry=encode_entry(issue), opening=opening)

    def leaf_of_other_kind(self) -> Evidence:
        log = self.log
        at = log.status_index
        proof = replace(self.good.proof, index=at, path=log.path(at))
        return replace(self.good, entry=log.leaves[at], proof=proof)

    def leaf_is_no_entry(self) -> Evidence:
        return replace(self.good, entry=b"{}")

    def leaf_missing(self) -> Evidence:
        return replace(self.good, entry=None)

    def index_moved(self) -> Evidence:
        return self._proof(index=2)

    def index_outside(self) -> Evidence:
        return self._proof(index=1 << 40)

    def path_bit(self) -> Evidence:
        path = self.good.proof.path
        return self._proof(path=(_flip(path[0]), *path[1:]))

    def path_cut(self) -> Evidence:
        return self._proof(path=self.good.proof.path[:-1])

    def path_longer(self) -> Evidence:
        return self._proof(path=(*self.good.proof.path, bytes(32)))

    def path_with_short_hash(self) -> Evidence:
        return self._proof(path=(*self.good.proof.path[:-1], bytes(31)))

    def proof_missing(self) -> Evidence:
        return replace(self.good, proof=None)

    # 4. checkpoint
    def checkpoint_root(self) -> Evidence:
        log = self.make_log()
        log.leaves[3] = encode_entry(log.milestone(9))
        return self._proof(checkpoint_note=log.sign())

    def checkpoint_root_unsigned(self) -> Evidence:
        note = self.good.proof.checkpoint_note.split(b"\n")
        note[2] = note[2].replace(note[2][:4], b"AAAA")
        return self._proof(checkpoint_note=b"\n".join(note))

    def checkpoint_size(self) -> Evidence:
        note = self.good.proof.checkpoint_note.replace(b"\n12\n", b"\n16\n")
        return self._proof(checkpoint_note=note)

    def checkpoint_signature(self) -> Evidence:
        lines = self.good.proof.checkpoint_note.split(b"\n")
        lines[4] = lines[4][:-6] + (b"A" if lines[4][-6:-5] != b"A" else b"B") + lines[4][-5:]
        return self._proof(checkpoint_note=b"\n".join(lines))

    def checkpoint_by_other_key(self) -> Evidence:
        return self.make_log(log_signer=self.other).evidence()

    def checkpoint_of_other_log(self) -> Evidence:
        return self._proof(checkpoint_note=self.log.sign(origin="zs.example.org/log"))

    def checkpoint_is_no_note(self) -> Evidence:
        return self._proof(checkpoint_note=b"zs.example.cn/log\n")

    def checkpoint_unwitnessed(self) -> Evidence:
        return self._proof(checkpoint_note=self.log.sign(witnessed=False))

    def checkpoint_by_the_witness_alone(self) -> Evidence:
        lines = self.good.proof.checkpoint_note.split(b"\n")
        del lines[4]
        return self._proof(checkpoint_note=b"\n".join(lines))

    # 5. status
    def status_page_bit(self) -> Evidence:
        log = self.make_log(states={2: State.REVOKED})
        staple = log.staple(2)
        cleaned = msgspec.structs.replace(staple, page=bytes(1024))
        return replace(log.evidence(), staple=cleaned)

    def status_page_cut(self) -> Evidence:
        return self._staple(page=self.good.staple.page[:-1])

    def status_path(self) -> Evidence:
        return self._staple(path=(bytes(32),))

    def status_entry_path(self) -> Evidence:
        path = self.good.staple.entry_path
        return self._staple(entry_path=(_flip(path[0]), *path[1:]))

    def status_entry_index(self) -> Evidence:
        return self._staple(entry_index=self.good.staple.entry_index + 1)

    def status_entry_of_other_kind(self) -> Evidence:
        return self._staple(entry=self.log.leaves[3], entry_index=3, entry_path=self.log.path(3))

    def status_entry_rewritten(self) -> Evidence:
        status = msgspec.structs.replace(self.log.status(), time="2026-11-24T01:59:00Z")
        return self._staple(entry=encode_entry(status))

    def status_pages_more(self) -> Evidence:
        return self._staple(pages=2)

    def status_of_other_certificate(self) -> Evidence:
        log = self.make_log(states={2: State.REVOKED})
        return replace(log.evidence(2), staple=log.staple(1))

    def status_index_outside(self) -> Evidence:
        return self._staple(index=4096)

    def status_index_negative(self) -> Evidence:
        return self._staple(index=-1)

    def status_before_the_certificate(self) -> Evidence:
        return self.make_log(status_changes={"before": 3}).evidence()

    def status_of_fewer_certificates(self) -> Evidence:
        return self.make_log(status_changes={"count": 2}).evidence()

    def status_covering_what_follows(self) -> Evidence:
        return self.make_log(status_changes={"before": 9}).evidence()

    def status_too_old(self) -> Evidence:
        return self.make_log(status_time="2026-10-25T01:59:59Z").evidence()

    def status_suspended_long_ago(self) -> Evidence:
        old = "2026-10-25T01:59:59Z"
        return self.make_log(status_time=old, states={2: State.SUSPENDED}).evidence()

    def status_in_future(self) -> Evidence:
        return self.make_log(status_time="2026-11-24T02:05:01Z").evidence()

    def status_missing(self) -> Evidence:
        return replace(self.good, staple=None)

    def status_of_other_tree(self) -> Evidence:
        log = self.make_log()
        log.leaves.append(encode_entry(log.milestone(9)))
        return replace(self.good, staple=log.staple(2))

    def revoked_by_unbound_leaf(self) -> Evidence:
        revoked = self.make_log(states={2: State.REVOKED})
        return replace(revoked.evidence(), opening=None)


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


@pytest.fixture(scope="session")
def lies(log: Any, make_log: Any, trust: Any, other_signer: Any, trusted_key: Any) -> Lies:
    return Lies(log, make_log, trust, other_signer, trusted_key)


@pytest.mark.parametrize(("lie", "verdict", "reason"), _TABLE)
def test_no_lie_is_believed(
    *, lies: Lies, check: Any, trust: Any, lie: str, verdict: Verdict, reason: Reason
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


def test_every_lie_is_in_the_table() -> None:
    told = {name for name in vars(Lies) if not name.startswith("_")}
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


def test_keys_of_the_day_and_before_their_revocation_are_good(lies: Lies, check: Any) -> None:
    day = datetime(2026, 11, 22, 16, tzinfo=UTC)  # the 23rd begins in China
    for change in (
        {"not_before": day + timedelta(hours=23)},
        {"not_after": day + timedelta(seconds=1)},
        {"state": KeyState.RETIRED},
        {"state": KeyState.REVOKED, "revoked_at": day + timedelta(seconds=1)},
    ):
        evidence, trust = lies._trust(**change)
        assert check(evidence, trust=trust).verdict is Verdict.VALID


def test_a_policy_without_witnesses_asks_for_none(log: Any, check: Any, trust: Any) -> None:
    policy = replace(trust.policy, quorum=NO_QUORUM)
    proof = replace(log.evidence().proof, checkpoint_note=log.sign(witnessed=False))
    evidence = replace(log.evidence(), proof=proof)
    assert check(evidence, trust=replace(trust, policy=policy)).verdict is Verdict.VALID


def test_an_opened_checkpoint_counts_for_its_own_note_only(
    log: Any, check: Any, trust: Any, lies: Lies
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
    if bad or not {step.code for step in steps} >= set(StepCode) - {StepCode.SEAL}:
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
