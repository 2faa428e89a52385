"""One step recorded by several at the same time is recorded once."""

from __future__ import annotations

from multiprocessing import get_context
from typing import Any

from registry.office.milestones import record_milestone
from registry.store.audit import AuditLine
from registry.store.base import write_unit
from registry.store.milestones import MilestoneRow
from signing.milestone import MilestoneFacts, MilestoneKind

fork = get_context("fork")
FACTS = MilestoneFacts(
    date="2026-11-20", document="", kind=MilestoneKind.PLAN, note="", subject="JH-2026-0001"
)


def test_a_step_recorded_at_once_is_recorded_once(office: Any) -> None:
    lines = len(office.rows(AuditLine))
    office.close()
    gate, answers = fork.Barrier(4), fork.SimpleQueue()

    def work() -> None:
        try:
            gate.wait(30)
            with write_unit(office.engine) as session:
                done = record_milestone(session, FACTS, context=office.context)
            answers.put(done.recognised)
        except Exception as error:  # noqa: BLE001 - told to the parent
            answers.put(f"{type(error).__name__}: {error}")

    workers = [fork.Process(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    said = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(said) == [False, True, True, True]
    assert len(office.rows(MilestoneRow)) == 1
    assert len(office.rows(AuditLine)) == lines + 1
