"""The browser module and Python give the same answers to what was taken in (补录)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keys.model import KeyState
from keys.trust import Trust
from signing.report import Reason, StepCode
from signing.tlog.entry import Import, encode_entry
from signing.verify import verify

pytestmark = pytest.mark.browser

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
MONTH = timedelta(days=30)
BATCH = "Y000044999001-20261124-0001"


def imported(log: Any, at: int = 2, **change: Any) -> Any:
    issue = log.issue(at)
    facts = {name: getattr(issue, name) for name in issue.__struct_fields__ if name != "t"}
    log.leaves[1 + at] = encode_entry(Import(**facts | {"batch": BATCH} | change))
    log.note = log.sign()
    return log


def test_imports_are_judged_and_told_alike(
    *,
    make_log: Any,
    lies: Any,
    trust: Trust,
    ask: Any,
    trust_files: Any,
    loose_bundle: Any,
) -> None:
    good = imported(make_log()).evidence()
    flipped = bytearray(good.entry)
    flipped[random.Random(3).randrange(len(flipped))] ^= 1
    told: list[tuple[Any, Trust]] = [
        (good, trust),
        (make_log().evidence(), trust),
        (imported(make_log(), batch="B-1").evidence(), trust),
        (imported(make_log(), edition=2).evidence(), trust),
        (imported(make_log(), commit="00" * 32).evidence(), trust),
        (imported(make_log(), status=4).evidence(), trust),
        (replace(good, opening=None), trust),
        (replace(good, proof=None), trust),
        (replace(good, entry=make_log().leaves[3]), trust),
        (replace(good, entry=good.entry.replace(b'"import"', b'"export"')), trust),
        *((good, lies._trust(**key)[1]) for key in (
            {"added_leaf": 4},
            {"state": KeyState.RETIRED, "ended_leaf": 3},
            {"state": KeyState.REVOKED, "ended_leaf": 4, "revoked_at": NOW},
            {"not_before": datetime(2026, 11, 24, tzinfo=UTC)},
        )),
    ]  # fmt: skip
    cases = [
        trust_files(believed)
        | {
            "bundle": loose_bundle(evidence).decode(),
            "now": int(NOW.timestamp() * 1000),
            "max_age": MONTH.total_seconds() * 1000,
        }
        for evidence, believed in told
    ]
    reasons = set()
    for (evidence, believed), answer in zip(told, ask(cases), strict=True):
        report = verify(evidence, believed, now=NOW, max_age=MONTH)
        heard = [(step["code"], step["answer"], step["reason"]) for step in answer["steps"]]
        assert heard == [(s.code.value, s.answer.value, s.reason.value) for s in report.steps]
        assert answer["verdict"] == report.verdict.value
        ours = report.step(StepCode.INCLUSION).facts.get("imported", "")
        theirs = answer["steps"][2]["facts"].get("imported", "")
        assert ours == theirs
        reasons |= {step.reason for step in report.steps}
    assert {Reason.INCLUSION_IMPORTED, Reason.SIGNATURE_IMPORTED, Reason.INCLUSION_GOOD} <= reasons
