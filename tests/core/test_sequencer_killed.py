"""A process that issues, anchors and publishes is killed again and again (SIGKILL, no clean-up).

Whatever it was doing, the next plain run makes everything good. What the kernel had not yet
written to the disk is not lost by a kill: power cuts are the fsync order's business, shown in
`test_storage_order`.
"""

from __future__ import annotations

import random
import signal
import time
from multiprocessing import get_context
from typing import Any

import pytest

from registry.store.certificates import Batch, Certificate, CertificateState


def work_for_ever(office: Any, seed: int) -> None:
    """Issue, revise, anchor and publish in a loop, in a process that will be killed."""
    chance = random.Random(seed)
    while True:
        # Where the last life left off is read from the database alone. The people are others
        # each time: an offset is used by one life only.
        offset = seed * 20_000 + len(office.rows(Batch)) * 250
        office.issue(office.people(chance.choice([3, 40, 250]), offset=offset))
        valid = [row for row in office.rows(Certificate) if row.state == CertificateState.VALID]
        if chance.random() < 0.5:
            office.revoke(chance.choice(valid[:50]).number)
        if chance.random() < 0.5:
            office.correct(chance.choice(valid[-50:]).number, {"direction": f"方向{offset}"})
        office.anchor()
        if chance.random() < 0.8:
            office.publish()


def kill_again_and_again(office: Any, chance: random.Random, kills: int) -> list[int]:
    fork = get_context("fork")
    sizes: list[int] = []
    for seed in range(kills):
        office.close()
        worker = fork.Process(target=work_for_ever, args=(office, seed))
        worker.start()
        # On a busy machine nothing may come of a short life: the next is longer.
        idle = sizes.count(sizes[-1]) if sizes else 1
        time.sleep(chance.uniform(0.02, 0.25) * idle)
        worker.kill()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        office.note_checkpoint()
        office.run()
        office.audit()
        sizes.append(len(office.rows(Certificate)))
    return sizes


def test_killed_at_random_moments_nothing_is_lost_or_doubled(office: Any, chance: Any) -> None:
    sizes = kill_again_and_again(office, chance, 14)
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


@pytest.mark.soak
def test_killed_sixty_times(office: Any, chance: Any) -> None:
    kill_again_and_again(office, chance, 60)
