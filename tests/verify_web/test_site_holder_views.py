"""How long the awaited step of a certificate's chain has been waited for."""

from __future__ import annotations

from datetime import date

import msgspec
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
    stages = held_view(held(chain), date(2026, 11, 21)).stages
    assert [(n, stage.waited) for n, stage in enumerate(stages) if stage.turn] == [(step, waited)]


def test_what_is_reported_no_more_is_nobodys_turn_and_promises_nothing() -> None:
    today, chain = date(2026, 11, 21), Chain(filed="2026-11-05", reported="2026-11-11")
    going_on = held_view(held(chain, subsidy_until="2027-11-01"), today)
    assert (going_on.subsidy_left, going_on.ended) == (345, "")
    over = msgspec.structs.replace(chain, ended="2026-11-20")
    view = held_view(held(over, subsidy_until="2027-11-01"), today)
    assert (view.subsidy_left, view.ended) == (None, "2026-11-20")
    assert [stage.day for stage in view.stages] == [stage.day for stage in going_on.stages]
    assert not any(stage.turn or stage.waited for stage in view.stages)
    assert held_view(held(over, state=1), today).ended == ""


def held(chain: Chain, *, subsidy_until: str = "", state: int = 0) -> HeldCertificate:
    return HeldCertificate(
        number="",
        name="",
        occupation="",
        direction="",
        level="3",
        issuer="",
        issued="2026-11-01",
        state=state,
        edition=1,
        chain=chain,
        subsidy_until=subsidy_until,
    )
