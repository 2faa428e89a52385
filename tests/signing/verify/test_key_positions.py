"""A signature is judged by its certificate's place in the log, where one is proven; else by dates.

The certificate is number 2 of the small log: its issue leaf is leaf 3 of 12. Its date of issue is
2026-11-23, which begins in China at 16:00 UTC the day before.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import KeyState
from signing.envelope import sign_record
from signing.qr import parse_payload, qr_payload
from signing.record import canonical
from signing.report import Answer, Reason, StepCode, Verdict
from signing.tlog.checkpoint import open_checkpoint
from signing.verify import verify_qr

LEAF = 3
DAY = datetime(2026, 11, 22, 16, tzinfo=UTC)
AFTER = DAY + timedelta(hours=30)

GOOD = (Answer.VALID, Reason.SIGNATURE_GOOD)
BEFORE = (Answer.VALID, Reason.SIGNATURE_BEFORE_REVOCATION)
ENDED = (Answer.INVALID, Reason.SIGNATURE_KEY_ENDED)
EARLY = (Answer.INVALID, Reason.SIGNATURE_KEY_NOT_ANNOUNCED)
REVOKED = (Answer.INVALID, Reason.SIGNATURE_KEY_REVOKED)
UNSAID = (Answer.CANNOT_SAY, Reason.SIGNATURE_NO_PLACE)


def facts(state: KeyState, at: datetime = AFTER, **places: int | None) -> dict[str, Any]:
    revoked = at if state is KeyState.REVOKED else None
    return {"state": state, "revoked_at": revoked, **places}


def signature(check: Any, lies: Any, evidence: Any, key: dict[str, Any], **change: Any) -> Any:
    _, trust = lies._trust(**key)
    step = check(evidence, trust=trust, **change).step(StepCode.SIGNATURE)
    return step.answer, step.reason


_A, _R, _X = KeyState.ACTIVE, KeyState.RETIRED, KeyState.REVOKED

PROVEN: list[tuple[dict[str, Any], Any]] = [
    (facts(_A), GOOD),
    (facts(_A, added_leaf=0), GOOD),
    (facts(_A, added_leaf=LEAF - 1), GOOD),
    (facts(_A, added_leaf=LEAF), GOOD),
    (facts(_A, added_leaf=LEAF + 1), EARLY),
    (facts(_R), GOOD),
    (facts(_R, ended_leaf=LEAF - 1), ENDED),
    (facts(_R, ended_leaf=LEAF), ENDED),
    (facts(_R, ended_leaf=LEAF + 1), GOOD),
    (facts(_R, added_leaf=LEAF + 1, ended_leaf=LEAF + 2), EARLY),
    (facts(_X), UNSAID),
    (facts(_X, added_leaf=0), UNSAID),
    (facts(_X, DAY), REVOKED),
    (facts(_X, DAY + timedelta(seconds=1)), UNSAID),
    (facts(_X, ended_leaf=LEAF - 1), ENDED),
    (facts(_X, ended_leaf=LEAF), ENDED),
    (facts(_X, ended_leaf=LEAF + 1), BEFORE),
    (facts(_X, added_leaf=0, ended_leaf=LEAF + 1), BEFORE),
    (facts(_X, added_leaf=LEAF + 1, ended_leaf=LEAF + 2), EARLY),
    # The log's order counts, not the clocks that stamped the events.
    (facts(_X, DAY, ended_leaf=LEAF + 1), BEFORE),
    (facts(_X, AFTER, ended_leaf=LEAF), ENDED),
]


@pytest.mark.parametrize(("key", "wanted"), PROVEN)
def test_with_a_proven_place(log: Any, lies: Any, check: Any, key: Any, wanted: Any) -> None:
    assert signature(check, lies, log.evidence(), key) == wanted
    _, trust = lies._trust(**key)
    verdict = {Answer.VALID: Verdict.VALID, Answer.INVALID: Verdict.INVALID}
    report = check(log.evidence(), trust=trust)
    assert report.verdict is verdict.get(wanted[0], Verdict.CANNOT_SAY)
    # A checkpoint that was opened before proves no less.
    opened = open_checkpoint(log.note, trust.policy)
    assert signature(check, lies, log.evidence(), key, opened=opened) == wanted


# Ways of proving no place, and whether they are lies; all leave the index in the file as it is.
UNPROVEN = (
    "leaf_missing",
    "proof_missing",
    "opening_missing",
    "opening_bit",
    "index_moved",
    "path_bit",
    "path_cut",
    "checkpoint_signature",
    "checkpoint_by_other_key",
    "checkpoint_of_other_log",
    "checkpoint_is_no_note",
    "checkpoint_unwitnessed",
    "checkpoint_by_the_witness_alone",
    "leaf_is_no_entry",
    "leaf_rewritten",
)


@pytest.mark.parametrize("lie", UNPROVEN)
def test_without_a_proven_place_only_dates_are_left(lies: Any, check: Any, lie: str) -> None:
    evidence = getattr(lies, lie)()
    for places in ({}, {"added_leaf": 0, "ended_leaf": 100}, {"ended_leaf": 1}):
        assert signature(check, lies, evidence, facts(_X, **places)) == UNSAID
        assert signature(check, lies, evidence, facts(_X, DAY, **places)) == REVOKED
        assert signature(check, lies, evidence, facts(_R, **places)) == GOOD
        _, trust = lies._trust(**facts(_X, **places))
        assert check(evidence, trust=trust).verdict is not Verdict.VALID
    for added in (None, 0, 100):
        assert signature(check, lies, evidence, facts(_A, added_leaf=added)) == GOOD
    over = {"not_after": DAY}
    wanted = (Answer.INVALID, Reason.SIGNATURE_KEY_NOT_IN_FORCE)
    assert signature(check, lies, evidence, facts(_R) | over) == wanted


def test_dates_bind_also_where_a_place_is_proven(log: Any, lies: Any, check: Any) -> None:
    late = {"not_before": DAY + timedelta(days=2)}
    key = facts(_X, ended_leaf=LEAF + 1) | late
    wanted = (Answer.INVALID, Reason.SIGNATURE_KEY_NOT_IN_FORCE)
    assert signature(check, lies, log.evidence(), key) == wanted


def test_a_thief_cannot_lend_his_record_an_early_leaf(log: Any, lies: Any, check: Any) -> None:
    """The stolen key signs another record, and the file names a leaf from before the theft."""
    key = facts(_X, added_leaf=0, ended_leaf=LEAF + 1)
    forged = msgspec.structs.replace(log.records[2], name="李四示例")
    envelope = sign_record(canonical(forged), log.record_signer)
    for evidence in (
        replace(log.evidence(2), envelope=envelope),
        replace(log.evidence(1), envelope=envelope),
        replace(log.evidence(2), envelope=envelope, opening=None),
        replace(log.evidence(2), envelope=envelope, entry=None),
    ):
        assert signature(check, lies, evidence, key) == UNSAID
        _, trust = lies._trust(**key)
        assert check(evidence, trust=trust).verdict is not Verdict.VALID


def test_a_thief_in_a_later_log_is_refused(make_log: Any, lies: Any, check: Any) -> None:
    """Whoever gets his record into the log gets it there after the key's end."""
    log = make_log()
    for at in range(5):
        _, trust = lies._trust(**facts(_X, ended_leaf=3))
        report = check(log.evidence(at), trust=trust)
        good = 1 + at < 3
        assert report.verdict is (Verdict.VALID if good else Verdict.INVALID)
        assert report.step(StepCode.SIGNATURE).facts["key_state"] == "revoked"
        assert report.step(StepCode.SIGNATURE).facts["key_ended"] == "3"


def test_a_false_signature_is_false_wherever_it_stands(log: Any, lies: Any, check: Any) -> None:
    envelope = msgspec.structs.replace(log.envelope(2), signature=bytes(64))
    evidence = replace(log.evidence(), envelope=envelope)
    for state in KeyState:
        key = facts(state, **({} if state is _A else {"ended_leaf": LEAF + 1}))
        wanted = (Answer.INVALID, Reason.SIGNATURE_FALSE)
        assert signature(check, lies, evidence, key) == wanted


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (facts(_A, added_leaf=100), GOOD),
        (facts(_R, ended_leaf=0), GOOD),
        (facts(_X, ended_leaf=100), UNSAID),
        (facts(_X), UNSAID),
        (facts(_X, DAY, ended_leaf=100), REVOKED),
    ],
)
def test_a_qr_code_has_no_place(
    *, make_record: Any, record_signer: Any, lies: Any, now: datetime, key: Any, wanted: Any
) -> None:
    _, trust = lies._trust(**key)
    qr = parse_payload(qr_payload(make_record(), record_signer))
    report = verify_qr(qr, trust, now=now, base_url=trust.base_url)
    step = report.step(StepCode.SIGNATURE)
    assert (step.answer, step.reason) == wanted
    assert report.verdict is (
        Verdict.INVALID if wanted[0] is Answer.INVALID else Verdict.CANNOT_SAY
    )


_LEAVES = st.none() | st.integers(0, 12)


@given(state=st.sampled_from(KeyState), added=_LEAVES, ended=_LEAVES, late=st.booleans())
def test_what_a_key_signed_is_good_exactly_between_its_leaves(
    *, log: Any, lies: Any, check: Any, state: KeyState, added: Any, ended: Any, late: bool
) -> None:
    if state is _A:
        ended = None
    if added is not None and ended is not None and added >= ended:
        added = None
    key = facts(state, AFTER if late else DAY, added_leaf=added, ended_leaf=ended)
    answer, _ = signature(check, lies, log.evidence(), key)
    inside = (added is None or added <= LEAF) and (ended is None or ended > LEAF)
    if not inside:
        assert answer is Answer.INVALID
    elif state is not _X or ended is not None:
        assert answer is Answer.VALID
    else:
        assert answer is (Answer.CANNOT_SAY if late else Answer.INVALID)
