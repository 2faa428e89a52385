"""A proof from a frozen log: nobody's fault, and nothing of it is believed, its state least."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from signing.report import Answer, Reason, StepCode, Verdict
from signing.tlog.entry import State

UNBELIEVED = (StepCode.INCLUSION, StepCode.CHECKPOINT, StepCode.STATUS)


@pytest.fixture
def follower(trust: Any, make_log: Any) -> Any:
    """Give the trust of the log that stands in `trust`'s place: other keys, another name."""
    key = replace(trust.policy.logs[0].key, name="log.example/log2", public_key=b"\x07" * 32)
    policy = replace(trust.policy, logs=(replace(trust.policy.logs[0], key=key),))
    return replace(trust, policy=policy, predecessors=(trust.log_origin,))


@pytest.mark.parametrize("state", State)
def test_a_frozen_logs_proof_says_nothing(
    make_log: Any, check: Any, follower: Any, state: State
) -> None:
    # Nobody verifies a frozen log's keys any more: who made this checkpoint could be anyone.
    evidence = make_log(states={2: state}).evidence()
    report = check(evidence, trust=follower)
    assert report.verdict is Verdict.CANNOT_SAY
    assert report.step(StepCode.CHECKPOINT).reason is Reason.CHECKPOINT_FROZEN_LOG
    assert {report.step(code).answer for code in UNBELIEVED} == {Answer.CANNOT_SAY}
    assert report.as_of is None


def test_another_logs_proof_is_still_false(log: Any, check: Any, follower: Any) -> None:
    report = check(log.evidence(), trust=replace(follower, predecessors=("log.example/other",)))
    assert report.verdict is Verdict.INVALID
    assert report.step(StepCode.CHECKPOINT).reason is Reason.CHECKPOINT_UNTRUSTED


def test_the_frozen_logs_own_policy_still_verifies(log: Any, check: Any, trust: Any) -> None:
    # Whoever kept the old policy, and believes it, may go on reading what it signed.
    assert check(log.evidence(), trust=trust).verdict is Verdict.VALID
