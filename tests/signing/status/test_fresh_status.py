"""Two proofs of one certificate's state: the newer counts, and none hides what another proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest

from signing.report import Answer, Reason, StepCode, Verdict
from signing.statusfile import format_status_file, parse_status_file
from signing.tlog.entry import State, encode_entry, parse_entry
from signing.verify import verify

MONTH = timedelta(days=30)
EARLIER, INSIDE, LATER = "2026-11-24T00:30:00Z", "2026-11-24T01:00:00Z", "2026-11-24T01:30:00Z"
FINAL = (State.REVOKED, State.SUPERSEDED)
VERDICTS = {
    State.VALID: Verdict.VALID,
    State.REVOKED: Verdict.REVOKED,
    State.SUSPENDED: Verdict.SUSPENDED,
    State.SUPERSEDED: Verdict.CORRECTED,
}


@pytest.fixture
def check(trust: Any, now: datetime) -> Any:
    def run(evidence: Any, file: Any, **change: Any) -> Any:
        usual = {"trust": trust, "now": now, "max_age": MONTH} | change
        # As it comes from a file.
        status = None if file is None else parse_status_file(format_status_file(file))
        return verify(evidence, usual.pop("trust"), status=status, **usual)

    return run


def status_of(report: Any) -> tuple[Verdict, Reason]:
    return report.verdict, report.step(StepCode.STATUS).reason


PAIRS = list(product(State, State))


@pytest.mark.parametrize("states", PAIRS)
def test_the_newer_state_counts_and_an_end_stays(
    make_log: Any, make_later: Any, file_of: Any, check: Any, states: tuple[State, State]
) -> None:
    inside, fresh = states
    log = make_log(states={2: inside})
    report = check(log.evidence(), file_of(make_later(log, {2: fresh}, LATER)))
    wanted = inside if inside in FINAL else fresh
    assert report.verdict is VERDICTS[wanted]
    assert report.as_of is not None
    assert (f"{report.as_of:%H:%M}" == "01:30") is (inside not in FINAL)


@pytest.mark.parametrize("states", PAIRS)
def test_an_older_file_hides_nothing(
    make_log: Any, make_later: Any, file_of: Any, check: Any, states: tuple[State, State]
) -> None:
    inside, stale = states
    base = make_log(status_time=EARLIER)
    older = make_later(base, {2: stale}, EARLIER)
    newer = make_later(older, {2: inside}, INSIDE)
    report = check(newer.evidence(), file_of(older))
    # After an end no honest log says anything else: both proofs hold, and the worse is told.
    taken_back = stale in FINAL and inside not in FINAL
    assert report.verdict is VERDICTS[stale if taken_back else inside]
    assert f"{report.as_of:%H:%M}" == ("00:30" if taken_back else "01:00")


def test_two_entries_of_one_second_differ_by_their_place(
    log: Any, make_later: Any, file_of: Any, check: Any
) -> None:
    first = make_later(log, {}, LATER)
    second = make_later(first, {2: State.SUSPENDED}, LATER)
    assert check(first.evidence(), file_of(second)).verdict is Verdict.SUSPENDED
    assert check(second.evidence(), file_of(first)).verdict is Verdict.SUSPENDED


@pytest.mark.parametrize("state", list(State))
def test_it_stands_in_where_the_paper_has_no_status_or_an_old_one(
    make_log: Any, make_later: Any, file_of: Any, check: Any, state: State
) -> None:
    log = make_log(status_time="2026-10-01T00:00:00Z")
    evidence, file = log.evidence(), file_of(make_later(log, {2: state}, LATER))
    for paper in (evidence, replace(evidence, staple=None)):
        assert check(paper, None).verdict is Verdict.CANNOT_SAY
        assert check(paper, file).verdict is VERDICTS[state]


def test_what_is_false_in_the_paper_stays_false(
    log: Any, make_later: Any, file_of: Any, check: Any
) -> None:
    file = file_of(make_later(log, {}, LATER))
    good = log.evidence()
    page = bytes([good.staple.page[0] ^ 1]) + good.staple.page[1:]
    other = log.staple(3)
    for staple, reason in (
        (msgspec.structs.replace(good.staple, page=page), Reason.STATUS_FALSE),
        (other, Reason.STATUS_OTHER_CERTIFICATE),
    ):
        report = check(replace(good, staple=staple), file)
        assert status_of(report) == (Verdict.INVALID, reason)


def test_a_file_too_old_is_no_answer(
    log: Any, make_later: Any, file_of: Any, check: Any, now: datetime
) -> None:
    bare = replace(log.evidence(), staple=None)
    file = file_of(make_later(log, {}, LATER))
    said = {
        days: status_of(check(bare, file, max_age=timedelta(days=days), now=at))
        for days, at in ((0, now), (1, now), (30, now + timedelta(days=31)))
    }
    assert said == {
        0: (Verdict.CANNOT_SAY, Reason.STATUS_TOO_OLD),
        1: (Verdict.VALID, Reason.STATUS_IN_FORCE),
        30: (Verdict.CANNOT_SAY, Reason.STATUS_TOO_OLD),
    }
    at = datetime.fromisoformat(LATER)
    assert check(bare, file, max_age=timedelta(), now=at).verdict is Verdict.VALID
    early = at - timedelta(minutes=6)
    assert status_of(check(bare, file, now=early))[1] is Reason.STATUS_IN_FUTURE
    # An end has no age.
    ended = file_of(make_later(log, {2: State.REVOKED}, LATER))
    assert check(bare, ended, max_age=timedelta(), now=now).verdict is Verdict.REVOKED


def refusals(log: Any, make_log: Any, make_later: Any, file_of: Any) -> dict[Reason, list[Any]]:
    """Files that prove nothing of certificate 2, by what is to be said of them."""
    later = make_later(log, {}, LATER)
    good = file_of(later)
    wide = make_later(log, {}, LATER, count=5000)
    other_origin = later.sign(origin="zs.example.org/log")
    fork = make_log(status_time=LATER)
    short = file_of(make_later(make_log(records=log.records[:2]), {}, LATER, count=2))
    page = bytes([good.page[0] ^ 1]) + good.page[1:]
    path = (bytes(32), *good.proof.path[1:])
    return {
        Reason.STATUS_FILE_OTHER_PAGE: [file_of(wide, page=1)],
        Reason.STATUS_FILE_UNTRUSTED: [
            file_of(later, note=other_origin),
            file_of(later, note=later.sign(witnessed=False)),
            file_of(later, note=b"none\n"),
        ],
        Reason.STATUS_FILE_CONTRADICTS: [file_of(fork)],
        Reason.STATUS_FILE_FALSE: [
            replace(good, page=page),
            replace(good, proof=replace(good.proof, index=good.proof.index - 1)),
            replace(good, proof=replace(good.proof, path=path)),
            replace(good, proof=replace(good.proof, checkpoint_note=later.sign(root=bytes(32)))),
        ],
        Reason.STATUS_NOT_COVERING: [short],
    }


def test_a_file_that_proves_nothing_is_no_answer(
    log: Any, make_log: Any, make_later: Any, file_of: Any, check: Any
) -> None:
    evidence = log.evidence()
    suspended = make_log(states={2: State.SUSPENDED}).evidence()
    revoked = make_log(states={2: State.REVOKED}).evidence()
    for reason, files in refusals(log, make_log, make_later, file_of).items():
        for file in files:
            bare = check(replace(evidence, staple=None), file)
            assert status_of(bare) == (Verdict.CANNOT_SAY, reason)
            # It takes "in force" away, unless it is merely from before; and no other state.
            early = reason is Reason.STATUS_NOT_COVERING
            wanted = Verdict.VALID if early else Verdict.CANNOT_SAY
            assert check(evidence, file).verdict is wanted
            assert check(suspended, file).verdict is Verdict.SUSPENDED
            assert check(revoked, file).verdict is Verdict.REVOKED


def test_a_file_of_another_log_that_the_policy_knows(
    log: Any, make_later: Any, file_of: Any, check: Any, trust: Any
) -> None:
    """A log that took another's place has its own tree: its states are not this tree's."""
    from keys.policy import PolicyLog

    key = replace(trust.policy.logs[0].key, name="zs.example.cn/log2")
    both = replace(trust.policy, logs=(*trust.policy.logs, PolicyLog(key=key)))
    later = make_later(log, {}, LATER)
    file = file_of(later, note=later.sign(origin="zs.example.cn/log2"))
    bare = replace(log.evidence(), staple=None)
    report = check(bare, file, trust=replace(trust, policy=both))
    assert status_of(report) == (Verdict.CANNOT_SAY, Reason.STATUS_FILE_OTHER_LOG)


def test_no_file_makes_up_for_a_missing_entry_or_checkpoint(
    log: Any, make_later: Any, file_of: Any, check: Any
) -> None:
    evidence, file = log.evidence(), file_of(make_later(log, {}, LATER))
    for paper in (
        replace(evidence, entry=None, staple=None),
        replace(evidence, proof=None, staple=None),
        replace(evidence, opening=None),
        replace(evidence, proof=replace(evidence.proof, checkpoint_note=b"x\n")),
        replace(evidence, proof=replace(evidence.proof, checkpoint_note=log.sign(witnessed=False))),
    ):
        assert check(paper, file).verdict is not Verdict.VALID
    for paper in (replace(evidence, entry=None), replace(evidence, proof=None)):
        assert check(paper, file).step(StepCode.STATUS).answer is Answer.CANNOT_SAY


def test_the_step_says_where_its_answer_came_from(
    log: Any, make_later: Any, file_of: Any, check: Any, trust: Any
) -> None:
    file = file_of(make_later(log, {}, LATER))
    facts = check(log.evidence(), file).step(StepCode.STATUS).facts
    assert facts["source"] == "status-file"
    assert facts["witnesses"] == "w1"
    assert facts["fresh"] == f"{trust.base_url}/status/0.tlog-proof"
    for place, page in ((4095, 0), (4096, 1), (8192, 2)):
        issue = parse_entry(log.evidence().entry)
        far = encode_entry(msgspec.structs.replace(issue, status=place))
        facts = check(replace(log.evidence(), entry=far), None).step(StepCode.STATUS).facts
        assert facts["fresh"] == f"{trust.base_url}/status/{page}.tlog-proof"
    assert "source" not in check(log.evidence(), None).step(StepCode.STATUS).facts
