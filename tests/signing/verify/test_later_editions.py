"""A later edition keeps the day of issue, and is signed by the key that the company has then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from keys.model import KeyState
from signing.qr import parse_payload, qr_payload
from signing.report import Answer, Reason, StepCode, Verdict
from signing.verify import verify_qr

NEWER = {"not_before": datetime(2026, 11, 24, tzinfo=UTC)}
ENDED = {"not_after": datetime(2026, 11, 22, tzinfo=UTC)}
GOOD = (Answer.VALID, Reason.SIGNATURE_GOOD)
NOT_IN_FORCE = (Answer.INVALID, Reason.SIGNATURE_KEY_NOT_IN_FORCE)


@pytest.mark.parametrize(
    "case",
    [
        (1, {}, GOOD),
        (1, NEWER, NOT_IN_FORCE),
        (2, NEWER, GOOD),
        (9, NEWER, GOOD),
        (2, NEWER | {"added_leaf": 3}, GOOD),
        (2, NEWER | {"added_leaf": 4}, (Answer.INVALID, Reason.SIGNATURE_KEY_NOT_ANNOUNCED)),
        (
            2,
            NEWER | {"state": KeyState.RETIRED, "ended_leaf": 3},
            (Answer.INVALID, Reason.SIGNATURE_KEY_ENDED),
        ),
        (2, ENDED, NOT_IN_FORCE),
    ],
)
def test_which_keys_may_have_signed(
    log: Any, make_log: Any, lies: Any, check: Any, case: Any
) -> None:
    edition, key, wanted = case
    previous = "" if edition == 1 else "ab" * 32
    records = [
        msgspec.structs.replace(record, edition=edition, previous=previous)
        for record in log.records
    ]
    later = make_log(records=records)
    _, trust = lies._trust(**key)
    report = check(later.evidence(), trust=trust)
    step = report.step(StepCode.SIGNATURE)
    assert (step.answer, step.reason) == wanted
    assert (report.verdict is Verdict.VALID) is (wanted == GOOD)
    payload = parse_payload(qr_payload(records[2], log.record_signer))
    now = datetime(2026, 11, 24, 2, tzinfo=UTC)
    alone = verify_qr(payload, trust, now=now, base_url=trust.base_url)
    by_dates = wanted if wanted in (GOOD, NOT_IN_FORCE) else GOOD
    found = alone.step(StepCode.SIGNATURE)
    assert (found.answer, found.reason) == by_dates
