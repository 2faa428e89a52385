"""Every condition has its words: what was declared, what is wanted, and the paragraph."""

from __future__ import annotations

import pytest

from registry.rules.eligibility import Condition, Shortfall
from registry.wording_filing import shortfall_text, shortfall_text_en


@pytest.mark.parametrize("condition", Condition)
def test_every_condition_is_worded_with_its_paragraph(condition: Condition) -> None:
    shortfall = Shortfall(condition=condition, occupation="6-20-01-01", declared=7, wanted=9)
    text = shortfall_text(shortfall, "钳工")
    assert text.startswith("钳工：")
    assert "（一" in text or "（二" in text
    assert shortfall_text_en(shortfall).startswith("6-20-01-01: ")
    counted = {
        Condition.INSURED_STAFF,
        Condition.STATIONS,
        Condition.ASSESSORS,
        Condition.APPLICANTS,
    }
    assert ("7" in text.removeprefix("钳工") and "不少于 9" in text) is (condition in counted)


def test_a_principle_is_worded_as_one() -> None:
    warning = Shortfall(
        condition=Condition.APPLICANTS, occupation="6-20-01-01", declared=20, wanted=50, bars=False
    )
    assert shortfall_text(warning) == (
        "6-20-01-01：拟申报职工人数填报 20 人，原则上不少于 50 人（二（三））"
    )
    assert "in principle at least 50" in shortfall_text_en(warning)
