"""One milestone in the small log, and the proof of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from signing.milestone import (
    MilestoneFacts,
    MilestoneKind,
    MilestoneProof,
    facts_bytes,
    facts_commitment,
)
from signing.milestone_verify import verify_milestone
from signing.tlog.entry import Milestone, encode_entry
from signing.tlog.proof import TlogProof

DOCUMENT = "5e" * 32
OPENING = bytes(range(32))
RECORDED = "2026-11-20T00:00:00Z"


def _facts(**change: Any) -> MilestoneFacts:
    usual: dict[str, Any] = {
        "date": "2026-11-19",
        "document": DOCUMENT,
        "kind": MilestoneKind.PLAN,
        "note": "计划备案表",
        "subject": "JH-2026-0001",
    }
    return MilestoneFacts(**usual | change)


@pytest.fixture(scope="session")
def make_facts() -> Callable[..., MilestoneFacts]:
    """The plan's filing, with the given facts changed and nothing checked."""
    return _facts


@pytest.fixture(scope="session")
def make_proof(make_log: Callable[..., Any]) -> Callable[..., MilestoneProof]:
    """A proof of the log's first leaf, of these facts; the named parts of the leaf changed."""

    def make(facts: MilestoneFacts | None = None, **leaf: Any) -> MilestoneProof:
        facts = facts or _facts()
        log = make_log()
        data = facts_bytes(facts)
        entry = Milestone(
            commit=facts_commitment(OPENING, data).hex(),
            kind=facts.kind.value,
            subject=facts.subject,
            time=RECORDED,
        )
        log.leaves[0] = encode_entry(msgspec.structs.replace(entry, **leaf))
        return MilestoneProof(
            entry=log.leaves[0],
            facts=data,
            opening=OPENING,
            proof=TlogProof(index=0, path=log.path(0), checkpoint_note=log.sign()),
        )

    return make


@pytest.fixture(scope="session")
def good(make_proof: Any) -> MilestoneProof:
    made: MilestoneProof = make_proof()
    return made


@pytest.fixture(scope="session")
def check(trust: Any, now: datetime) -> Callable[..., Any]:
    def run(proof: MilestoneProof, **change: Any) -> Any:
        usual = {"policy": trust.policy, "now": now, "document": DOCUMENT} | change
        return verify_milestone(proof, usual.pop("policy"), **usual)

    return run
