"""Dated steps (程序节点): how one made-up batch came to be approved."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA
from registry.cli.services import Services
from registry.office.milestones import record_milestone
from registry.store.base import write_unit
from signing.milestone import MilestoneFacts, MilestoneKind

PLAN = "JH-DEMO-0001"
"""Reference of the made-up plan (计划备案)."""


def record_milestones(services: Services, *, prefix: str, batch: str, sheet: Path) -> int:
    """Record the steps of ``batch``, whose list is ``sheet``; return how many."""
    results = hashlib.sha256(sheet.read_bytes()).hexdigest()
    today = CLOCK.now().astimezone(CHINA).date()
    # Kind, subject, days ago, document's digest and what it is.
    steps = (
        (MilestoneKind.FILING, prefix, 60, "", ""),
        (MilestoneKind.SCHEME, prefix, 45, "", ""),
        (MilestoneKind.PLAN, PLAN, 30, "", ""),
        (MilestoneKind.PUBLICITY, batch, 10, results, "公示名单"),
        (MilestoneKind.RESULTS, batch, 4, results, "评价结果名单"),
        (MilestoneKind.APPROVAL, batch, 3, results, "评价结果名单"),
    )
    for kind, subject, days, document, note in steps:
        facts = MilestoneFacts(
            date=(today - timedelta(days=days)).isoformat(),
            document=document,
            kind=kind,
            note=note,
            subject=subject,
        )
        with write_unit(services.engine) as session:
            record_milestone(session, facts, context=services.context)
    return len(steps)
