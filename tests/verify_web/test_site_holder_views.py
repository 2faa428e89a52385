"""How long the awaited step of a certificate's chain has been waited for."""

from __future__ import annotations

from datetime import date

import pytest

from signing.holder_messages import HeldCertificate
from signing.mirror import Chain
from verify_web.holder.views import held_view


@pytest.mark.parametrize(
    ("chain", "step", "waited"),
    [
        (Chain(), 1, 20),
        (Chain(filed="2026-11-05"), 2, 16),
        (Chain(filed="2026-11-05", reported="2026-11-11"), 3, 10),
        # What came later says nothing of how long the missing step is waited for.
        (Chain(filed="2026-11-05", accepted="2026-11-20"), 2, 16),
        (Chain(filed="2026-11-30"), 2, 0),
    ],
)
def test_waiting_counts_from_the_step_before(chain: Chain, step: int, waited: int) -> None:
    one = HeldCertificate(
        number="",
        name="",
        occupation="",
        direction="",
        level="3",
        issuer="",
        issued="2026-11-01",
        state=0,
        edition=1,
        chain=chain,
        subsidy_until="",
    )
    stages = held_view(one, date(2026, 11, 21)).stages
    assert [(n, stage.waited) for n, stage in enumerate(stages) if stage.turn] == [(step, waited)]
