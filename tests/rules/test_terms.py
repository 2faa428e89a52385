"""Terms and thresholds: the rule of the day, and the days that the notice's terms end on."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.calendar import WorkingDays
from registry.rules.errors import NoRuleInForce
from registry.rules.terms import (
    MADE_AT_THE_DESK,
    Counting,
    Rules,
    Term,
    TermRule,
    Threshold,
    ThresholdRule,
    Turn,
    Unit,
    deadline,
    months_later,
)

RULES = Rules()
TODAY = date(2026, 11, 26)
DAYS = WorkingDays({})


def test_two_terms_wait_for_the_offices_own_rule() -> None:
    assert set(MADE_AT_THE_DESK) == {Term.SUPERVISION_ANSWER, Term.SUPERVISION_CHECK}
    for term, turn in MADE_AT_THE_DESK.items():
        assert RULES.find_term(term, TODAY) is None
        made = TermRule(
            term=term,
            length=5,
            unit=Unit.WORKING_DAYS,
            counting=Counting.FROM_THE_NEXT,
            turn=turn,
            basis="示例",
            since=TODAY,
        )
        assert RULES.with_rows([made]).find_term(term, TODAY) is made


@pytest.mark.parametrize("term", [term for term in Term if term not in MADE_AT_THE_DESK])
def test_every_term_is_in_force_today_with_its_basis(term: Term) -> None:
    rule = RULES.term(term, TODAY)
    assert rule.length > 0
    assert rule.basis


@pytest.mark.parametrize("threshold", Threshold)
def test_every_threshold_is_in_force_today(threshold: Threshold) -> None:
    assert RULES.threshold(threshold, TODAY).basis


def test_the_guide_of_2022_has_no_say_before_its_day() -> None:
    with pytest.raises(NoRuleInForce):
        RULES.term(Term.RESULTS_REVIEW, date(2022, 8, 30))
    assert RULES.term(Term.RESULTS_REVIEW, date(2022, 8, 31)).length == 5


def test_only_the_number_of_applicants_is_a_matter_of_principle() -> None:
    soft = [t for t in Threshold if not RULES.threshold(t, TODAY).bars]
    assert soft == [Threshold.APPLICANTS]


def test_a_row_made_at_the_desk_counts_from_its_day() -> None:
    newer = TermRule(
        term=Term.FILING_DECISION,
        length=15,
        unit=Unit.WORKING_DAYS,
        counting=Counting.FROM_THE_DAY,
        turn=Turn.OFFICE,
        basis="示例〔2027〕1号",
        since=date(2027, 1, 1),
    )
    rules = RULES.with_rows([newer])
    assert rules.term(Term.FILING_DECISION, date(2026, 12, 31)).length == 20
    assert rules.term(Term.FILING_DECISION, date(2027, 1, 1)).length == 15
    assert RULES.term(Term.FILING_DECISION, date(2027, 1, 1)).length == 20


def test_a_threshold_made_at_the_desk_counts_from_its_day() -> None:
    newer = ThresholdRule(
        threshold=Threshold.INSURED_STAFF,
        least=200,
        bars=True,
        basis="示例",
        since=date(2027, 1, 1),
    )
    rules = RULES.with_rows(thresholds=[newer])
    assert rules.threshold(Threshold.INSURED_STAFF, TODAY).least == 300
    assert rules.threshold(Threshold.INSURED_STAFF, date(2027, 6, 1)).least == 200


def test_the_day_of_receipt_counts_for_a_filing() -> None:
    rule = RULES.term(Term.FILING_DECISION, TODAY)
    # 2025-03-03 is a Monday; no holiday lies in between.
    assert deadline(rule, date(2025, 3, 3), DAYS).day == date(2025, 3, 28)


def test_a_plan_is_sent_in_ten_working_days_ahead() -> None:
    rule = RULES.term(Term.PLAN_AHEAD, TODAY)
    assert deadline(rule, date(2025, 3, 17), DAYS).day == date(2025, 3, 3)


def test_bars_end_after_five_and_two_years() -> None:
    day = date(2024, 2, 29)
    cheating, idle = (RULES.term(t, TODAY) for t in (Term.BAR_CHEATING, Term.BAR_IDLE))
    assert deadline(cheating, day, DAYS).day == date(2029, 2, 28)
    assert deadline(idle, day, DAYS).day == date(2026, 2, 28)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 60))
def test_months_later_keep_the_day_or_take_the_last(start: date, months: int) -> None:
    end = months_later(start, months)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end.toordinal() + 1) > 0)
    if end.day < start.day:
        assert date.fromordinal(end.toordinal() + 1).day == 1
