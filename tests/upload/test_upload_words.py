"""What a clerk reads of a refused row: each of the centre's reasons has words of its own."""

from __future__ import annotations

import pytest

from registry.centre.examine import LATER, RowReason
from registry.centre.judging import Refusal
from registry.upload.problems import row_step


@pytest.mark.parametrize("reason", [*RowReason, *Refusal])
def test_every_reason_of_the_centre_has_words(reason: RowReason | Refusal) -> None:
    assert "代码 " not in row_step(reason.value)
    assert reason.value not in row_step(reason.value)


def test_what_could_not_be_judged_yet_is_sent_again_as_it_is() -> None:
    for reason in (RowReason.PREFIX_UNKNOWN, f"{LATER}log-unknown"):
        assert "原样重新上报" in row_step(reason)
    assert "代码 log-unknown" in row_step(f"{LATER}log-unknown")
    assert "原样" not in row_step("log-unknown")
