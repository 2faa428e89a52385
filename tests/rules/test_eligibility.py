"""The conditions for filing: each by itself, every shortfall said, principles only warned of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from registry.rules.eligibility import (
    CompanyFacts,
    Condition,
    OccupationFacts,
    Shortfall,
    shortfalls,
)
from registry.rules.terms import Rules

TODAY = date(2026, 11, 26)
COMPANY = CompanyFacts(
    uscc="91449999MA5DEM0015",
    registered_here=True,
    good_standing=True,
    business_scope="精密零件的研发、生产与销售",
    insured_staff=300,
    mechanisms=True,
    pay_rules=True,
    managers=1,
    experts=2,
    supervisors=1,
)
FITTER = OccupationFacts(
    code="6-20-01-01",
    stations=10,
    assessors=3,
    applicants=50,
    related=True,
    in_catalogue=True,
    in_national_list=False,
)


def found(company: CompanyFacts = COMPANY, *occupations: OccupationFacts) -> tuple[Shortfall, ...]:
    return shortfalls(company, occupations or (FITTER,), Rules(), TODAY)


def test_a_company_that_just_meets_everything_has_no_shortfall() -> None:
    assert found() == ()


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        ({"uscc": "91449999MA5DEM0016"}, Condition.LEGAL_PERSON),
        ({"registered_here": False}, Condition.LEGAL_PERSON),
        ({"good_standing": False}, Condition.LEGAL_PERSON),
        ({"insured_staff": 299}, Condition.INSURED_STAFF),
        ({"mechanisms": False}, Condition.MECHANISMS),
        ({"pay_rules": False}, Condition.PAY_RULES),
        ({"managers": 0}, Condition.MANAGERS),
        ({"experts": 0}, Condition.EXPERTS),
        ({"supervisors": 0}, Condition.EXPERTS),
    ],
)
def test_each_condition_of_the_company(change: dict[str, Any], condition: Condition) -> None:
    (short,) = found(replace(COMPANY, **change))
    assert (short.condition, short.occupation, short.bars) == (condition, "", True)


@pytest.mark.parametrize(
    "scope", ["职业技能培训", "企业管理咨询", "技术咨询", "机械制造（不含培训）"]
)
def test_words_of_a_shut_out_business_are_weighed_by_a_person(scope: str) -> None:
    (short,) = found(replace(COMPANY, business_scope=scope))
    assert (short.condition, short.occupation, short.bars) == (
        Condition.NO_TRAINING_BUSINESS,
        "",
        False,
    )


@pytest.mark.parametrize(
    ("change", "condition", "bars"),
    [
        ({"stations": 9}, Condition.STATIONS, True),
        ({"assessors": 2}, Condition.ASSESSORS, True),
        ({"applicants": 49}, Condition.APPLICANTS, False),
        ({"related": False}, Condition.RELATED, True),
        ({"in_catalogue": False}, Condition.CATALOGUE, True),
        ({"in_national_list": True}, Condition.NOT_NATIONAL, True),
    ],
)
def test_each_condition_of_an_occupation(
    change: dict[str, Any], condition: Condition, bars: bool
) -> None:
    (short,) = found(COMPANY, FITTER, replace(FITTER, code="6-31-01-03", **change))
    assert (short.condition, short.occupation, short.bars) == (condition, "6-31-01-03", bars)


def test_everything_wrong_is_said_at_once() -> None:
    nothing = CompanyFacts(
        uscc="",
        registered_here=False,
        good_standing=False,
        business_scope="培训",
        insured_staff=0,
        mechanisms=False,
        pay_rules=False,
        managers=0,
        experts=0,
        supervisors=0,
    )
    bare = OccupationFacts(
        code="6-20-01-01",
        stations=0,
        assessors=0,
        applicants=0,
        related=False,
        in_catalogue=False,
        in_national_list=True,
    )
    assert {short.condition for short in found(nothing, bare)} == set(Condition)


def test_figures_are_said_with_what_is_wanted() -> None:
    (short,) = found(replace(COMPANY, insured_staff=120))
    assert (short.declared, short.wanted) == (120, 300)
