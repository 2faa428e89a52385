"""Bars beside figures: their lengths, and what is counted."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from registry.office.results import ResultLine
from registry.rules.scheme import Part, PartKind, Scheme
from registry.rules.scores import outcome
from registry.web import charts

SCHEME = Scheme(
    level="4",
    total_mark=60,
    reasons={},
    parts=(
        Part(kind=PartKind.THEORY, weight=40, pass_mark=60, veto=False),
        Part(kind=PartKind.SKILL, weight=60, pass_mark=70, veto=True),
    ),
)


def line(theory: int | None, skill: int | None) -> ResultLine:
    given_marks = {PartKind.THEORY: theory, PartKind.SKILL: skill}
    marks = {kind: mark for kind, mark in given_marks.items() if mark is not None}
    return ResultLine(
        row=2,
        name="王*",
        id_number="4**",
        admission="",
        level="四级/中级工",
        marks=marks,
        parts=(PartKind.THEORY, PartKind.SKILL),
        unsafe=False,
        outcome=outcome(SCHEME, marks, unsafe=False),
        finding="",
        withheld="",
    )


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_bars_are_in_proportion_and_none_is_lost(counts: list[int]) -> None:
    bars = charts.counted((str(place), count) for place, count in enumerate(counts))
    assert [bar.figure for bar in bars] == [str(count) for count in counts]
    assert all((bar.length > 0) is (count > 0) for bar, count in zip(bars, counts, strict=True))
    assert all(0 <= bar.length <= charts.FULL for bar in bars)
    if max(counts):
        assert max(bar.length for bar in bars) == charts.FULL


def test_no_bars_of_nothing() -> None:
    assert charts.counted(()) == ()
    assert charts.years(()) == ()


def test_days_are_told_with_what_is_late_first() -> None:
    columns = charts.days(4, [(date(2026, 12, 31), 2), (date(2027, 1, 4), 0)])
    assert [(one.head, one.foot, one.count, one.length) for one in columns] == [
        ("逾期", "—", 4, 100),
        ("12/31", "周四", 2, 50),
        ("1/4", "周一", 0, 0),
    ]
    assert columns[0].tone == "late"
    assert [one.head for one in charts.days(None, [(date(2026, 12, 31), 0)])] == ["12/31"]


def test_levels_stand_lowest_first_and_years_in_their_order() -> None:
    given_numbers = [(2027, "3", 2), (2026, "5", 4), (2026, "3", 1)]
    assert [(bar.label, bar.figure) for bar in charts.levels(given_numbers)] == [
        ("五级/初级工", "4"),
        ("四级/中级工", "0"),
        ("三级/高级工", "3"),
        ("二级/技师", "0"),
        ("一级/高级技师", "0"),
    ]
    years = [(bar.label, bar.figure) for bar in charts.years(given_numbers)]
    assert years == [("2026 年", "5"), ("2027 年", "2")]


def test_each_part_has_its_own_mark_and_the_absent_do_not_reach_it() -> None:
    lines = [line(600, 700), line(599, 699), line(1000, None)]
    bars = charts.pass_rates(lines, {"4": SCHEME}, [PartKind.THEORY, PartKind.SKILL])
    assert [bar.figure for bar in bars] == ["2/3 人，66%", "1/3 人，33%"]
    assert [bar.length for bar in bars] == [66, 33]


def test_totals_are_counted_by_bands_without_rounding_up() -> None:
    bars = charts.totals([line(599, 599), line(600, 600), line(1000, 1000), line(0, 0)])
    assert [bar.figure for bar in bars] == ["2", "1", "0", "0", "1"]
    assert bars[0].tone == "late"
