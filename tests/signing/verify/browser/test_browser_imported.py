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
ODD_BATCHES = (
    "B-1",
    *(
        f"Y000044999001-{day}-0001"
        for day in (
            "20261345", "20260229", "20240229", "20260431", "20260100", "20261125", "20991231",
            "19991231", "00010101", "2026", "2026112",
        )
    ),
    "Y000044999001-20261124-001",
    "y000044999001-20261124-0001",
)  # fmt: skip


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
        *((imported(make_log(), batch=batch).evidence(), trust) for batch in ODD_BATCHES),
        *(
            (imported(make_log(status_time=time)).evidence(), trust)
            for time in ("2026-11-23T16:00:00Z", "2026-11-23T15:59:59Z", "9999-12-31T23:59:59Z")
        ),
        (replace(good, staple=None), trust),
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
    reasons, days = set(), set()
    for (evidence, believed), answer in zip(told, ask(cases), strict=True):
        report = verify(evidence, believed, now=NOW, max_age=MONTH)
        heard = [(step["code"], step["answer"], step["reason"]) for step in answer["steps"]]
        assert heard == [(s.code.value, s.answer.value, s.reason.value) for s in report.steps]
        assert answer["verdict"] == report.verdict.value
        ours = report.step(StepCode.INCLUSION).facts.get("imported", "")
        theirs = answer["steps"][2]["facts"].get("imported", "")
        assert ours == theirs
        days.add(ours)
        reasons |= {step.reason for step in report.steps}
    assert {Reason.INCLUSION_IMPORTED, Reason.SIGNATURE_IMPORTED, Reason.INCLUSION_GOOD} <= reasons
    assert days == {"", "2026-11-24", "2024-02-29"}
