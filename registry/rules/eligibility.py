"""Whether a company may file (notice 一, 二): the six conditions, and the occupations asked for.

Each condition is looked at by itself and every shortfall is said, with what was declared and what
the rule of the day demands; what cannot be counted is a declaration with its document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from registry.rules.organisations import is_uscc
from registry.rules.terms import Rules, Threshold, ThresholdRule


class Condition(StrEnum):
    """The notice's conditions: 一（一）至（六）, and of an occupation 二（一）至（四）."""

    LEGAL_PERSON = "legal-person"
    """一（一）在我市依法注册、合法经营，具备独立法人资格，信用良好"""
    NO_TRAINING_BUSINESS = "no-training-business"
    """一（一）经营范围不包含培训、评价或咨询等业务"""
    INSURED_STAFF = "insured-staff"
    """一（二）在我市参保的职工人数"""
    STATIONS = "stations"
    """一（三）每个职业（工种）的工位"""
    MECHANISMS = "mechanisms"
    """一（四）技能人才培养、评价、使用、激励机制"""
    PAY_RULES = "pay-rules"
    """一（五）技能等级与岗位（职位）、薪资相挂钩的规章制度"""
    MANAGERS = "managers"
    """一（六）专职评价工作管理人员"""
    EXPERTS = "experts"
    """一（六）与评价职业相适应的专家、质量督导人员"""
    ASSESSORS = "assessors"
    """一（六）每个职业（工种）的考评人员"""
    RELATED = "related"
    """二（一）与本企业主营业务直接相关"""
    APPLICANTS = "applicants"
    """二（三）申报同一职业的职工人数"""
    NOT_NATIONAL = "not-national"
    """二（四）不在国家职业资格目录内"""
    CATALOGUE = "catalogue"
    """二 属于职业分类大典中的技能类职业或者新职业"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyFacts:
    """What a company declares of itself; a paper condition holds when its document is attached."""

    uscc: str
    registered_here: bool
    good_standing: bool
    business_scope: str
    insured_staff: int
    mechanisms: bool
    pay_rules: bool
    managers: int
    experts: int
    supervisors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupationFacts:
    """What a company declares of one occupation, and what the catalogue says of it."""

    code: str
    stations: int
    assessors: int
    applicants: int
    related: bool
    in_catalogue: bool
    in_national_list: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """One condition not met: for which occupation (`""`: the company), what was said and wanted.

    `bars` is False where the notice speaks of a principle (原则上): a warning to weigh.
    """

    condition: Condition
    occupation: str = ""
    declared: int = 0
    wanted: int = 0
    bars: bool = True


FORBIDDEN_BUSINESS = ("培训", "评价", "咨询")
"""Words of a business scope (经营范围) that may be what the notice shuts out.

A word is no business: "技术咨询" stands beside most manufacturers' trade, and "不含培训" says the
contrary. So the words are a finding that a clerk weighs, with a reason, and bar nobody alone.
"""


def shortfalls(
    company: CompanyFacts, occupations: tuple[OccupationFacts, ...], rules: Rules, on: date
) -> tuple[Shortfall, ...]:
    """Say every condition that is not met on a day, the company's first."""
    found = [*_company(company, rules, on)]
    for occupation in occupations:
        found += _occupation(occupation, rules, on)
    return tuple(found)


def _company(company: CompanyFacts, rules: Rules, on: date) -> Iterator[Shortfall]:
    legal = company.registered_here and company.good_standing and is_uscc(company.uscc)
    if not legal:
        yield Shortfall(condition=Condition.LEGAL_PERSON)
    if any(word in company.business_scope for word in FORBIDDEN_BUSINESS):
        yield Shortfall(condition=Condition.NO_TRAINING_BUSINESS, bars=False)
    staff = rules.threshold(Threshold.INSURED_STAFF, on)
    yield from _least(Condition.INSURED_STAFF, company.insured_staff, staff)
    for condition, held in (
        (Condition.MECHANISMS, company.mechanisms),
        (Condition.PAY_RULES, company.pay_rules),
        (Condition.MANAGERS, company.managers > 0),
        (Condition.EXPERTS, company.experts > 0 and company.supervisors > 0),
    ):
        if not held:
            yield Shortfall(condition=condition)


def _occupation(facts: OccupationFacts, rules: Rules, on: date) -> Iterator[Shortfall]:
    code = facts.code
    for condition, threshold, declared in (
        (Condition.STATIONS, Threshold.STATIONS, facts.stations),
        (Condition.ASSESSORS, Threshold.ASSESSORS, facts.assessors),
        (Condition.APPLICANTS, Threshold.APPLICANTS, facts.applicants),
    ):
        yield from _least(condition, declared, rules.threshold(threshold, on), code)
    for condition, held in (
        (Condition.CATALOGUE, facts.in_catalogue),
        (Condition.RELATED, facts.related),
        (Condition.NOT_NATIONAL, not facts.in_national_list),
    ):
        if not held:
            yield Shortfall(condition=condition, occupation=code)


def _least(
    condition: Condition, declared: int, rule: ThresholdRule, occupation: str = ""
) -> Iterator[Shortfall]:
    if declared < rule.least:
        yield Shortfall(
            condition=condition,
            occupation=occupation,
            declared=declared,
            wanted=rule.least,
            bars=rule.bars,
        )
