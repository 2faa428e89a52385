"""Scores: exact sums, every reason for failing, and marks as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.scheme import Part, PartKind, Scheme
from registry.rules.scores import Failing, Unread, outcome, read_mark

T, S, P = PartKind.THEORY, PartKind.SKILL, PartKind.PERFORMANCE
SCHEME = Scheme(
    level="3",
    parts=(
        Part(kind=T, weight=30),
        Part(kind=S, weight=60),
        Part(kind=P, weight=10, pass_mark=0, veto=False),
    ),
    reasons={},
)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("75", 750),
        ("75.5", 755),
        (" ７５．５ ", 755),
        ("100", 1000),
        ("0", 0),
        ("缺考", None),
        ("", Unread.MISSING),
        ("100.1", Unread.RANGE),
        ("999", Unread.RANGE),
        ("75.55", Unread.FORM),
        ("-1", Unread.FORM),
        ("1e2", Unread.FORM),
        ("合格", Unread.FORM),
        ("७५", Unread.FORM),
    ],
)
def test_marks_are_read_as_written(text: str, mark: object) -> None:
    assert read_mark(text) == mark


@pytest.mark.parametrize(
    ("marks", "unsafe", "failing"),
    [
        ({T: 600, S: 600, P: 600}, False, ()),
        ({T: 599, S: 1000, P: 1000}, False, ((Failing.PART, T),)),
        ({T: 600, S: 600, P: 599}, False, ((Failing.TOTAL, None),)),
        ({T: 900, S: 900, P: 0}, False, ()),
        ({T: None, S: 900, P: 900}, False, ((Failing.ABSENT, T),)),
        ({T: 900, S: 900}, False, ((Failing.ABSENT, P),)),
        ({T: 900, S: 900, P: 900}, True, ((Failing.SAFETY, None),)),
        (
            {T: 100, S: None, P: 0},
            True,
            (
                (Failing.SAFETY, None),
                (Failing.PART, T),
                (Failing.ABSENT, S),
                (Failing.TOTAL, None),
            ),
        ),
    ],
)
def test_passed_or_every_reason_why_not(
    marks: dict[PartKind, int | None], unsafe: bool, failing: tuple[object, ...]
) -> None:
    found = outcome(SCHEME, marks, unsafe=unsafe)
    assert found.failing == failing
    assert found.passed == (not failing)


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=3))
def test_the_total_is_exact(values: list[int]) -> None:
    marks: dict[PartKind, int | None] = dict(zip((T, S, P), values, strict=True))
    exact = sum(Fraction(values[n] * part.weight, 100) for n, part in enumerate(SCHEME.parts))
    found = outcome(SCHEME, marks, unsafe=False)
    assert found.total == int(exact)
    assert ((Failing.TOTAL, None) in found.failing) == (exact < 600)
