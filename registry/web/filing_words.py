"""How a filing is shown: rows of facts, conditions, occupations and papers, and the last return.

The same rows stand on the check page, on the case's page and on the printed form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Final

from sqlalchemy.orm import Session

from registry.office.cases import read_note, timeline
from registry.office.documents import documents_of
from registry.office.filing_form import PAPERS, REQUIRED, FilingForm, Section
from registry.office.filings import FilingCase
from registry.office.form_faults import FieldFault
from registry.office.identity import COMPANY_ROLES, Identity, Role
from registry.office.unit import Desk
from registry.rules.eligibility import FORBIDDEN_BUSINESS, Condition
from registry.rules.levels import BY_SYMBOL
from registry.rules.terms import Rules, Threshold
from registry.rules.text import mask_id, mask_name
from registry.web.gate import me

Rows = tuple[tuple[str, str], ...]
NOT_SAID: Final = "未填写"
NEEDS_NAMES: Final = COMPANY_ROLES | {Role.CLERK, Role.APPROVER}
"""Who must be able to reach the company's people to do their work."""

_OF_OCCUPATION: Final = frozenset(
    {
        Condition.STATIONS,
        Condition.ASSESSORS,
        Condition.RELATED,
        Condition.APPLICANTS,
        Condition.NOT_NATIONAL,
        Condition.CATALOGUE,
    }
)
_OF_COMPANY: Final = frozenset({Condition.NO_TRAINING_BUSINESS})


def section_of(condition: Condition) -> Section:
    """Give the section in which a condition is declared."""
    if condition in _OF_OCCUPATION:
        return Section.OCCUPATIONS
    return Section.COMPANY if condition in _OF_COMPANY else Section.CONDITIONS


def fact_rows(form: FilingForm, by: Identity | None = None) -> Rows:
    """Give the company's facts; people are masked unless the role needs them."""
    plain = (by or me()).role in NEEDS_NAMES
    person = (lambda name: name) if plain else mask_name
    phone = form.phone if plain else mask_id(form.phone)
    return (
        ("企业名称", form.name),
        ("统一社会信用代码", form.uscc),
        ("注册地址", form.address or NOT_SAID),
        ("法定代表人", person(form.legal_person) if form.legal_person else NOT_SAID),
        ("联系人", person(form.contact) if form.contact else NOT_SAID),
        ("联系电话", phone if form.phone else NOT_SAID),
        ("主营业务", form.main_business or NOT_SAID),
        ("经营范围", form.scope or NOT_SAID),
    )


def condition_rows(form: FilingForm) -> Rows:
    """Give the six conditions (通知一（一）至（六）) as declared."""
    if form.insured_staff < 0:
        return (("申请条件", NOT_SAID),)
    return (
        ("在我市依法注册，具备独立法人资格（一（一））", _yes(form.registered_here)),
        ("合法经营、管理规范、信用良好（一（一））", _yes(form.good_standing)),
        ("在我市参保的职工人数（一（二））", f"{form.insured_staff} 人"),
        ("技能人才培养、评价、使用、激励机制（一（四））", _yes(form.mechanisms)),
        ("技能等级与岗位、薪资相挂钩的规章制度（一（五））", _yes(form.pay_rules)),
        ("专职评价工作管理人员（一（六））", f"{form.managers} 人"),
        ("专家（一（六））", f"{form.experts} 人"),
        ("质量督导人员（一（六））", f"{form.supervisors} 人"),
    )


def _yes(value: bool) -> str:  # noqa: FBT001 - a declaration, not a switch
    return "是" if value else "否"


@cache
def level_words(levels: str) -> str:
    """Write level symbols as words."""
    return "、".join(BY_SYMBOL[symbol].printed for symbol in levels)


def occupation_rows(form: FilingForm) -> tuple[Mapping[str, str], ...]:
    """Give the occupations asked for (一（三）、一（六）、二), as a table shows them."""
    return tuple(
        {
            "code": o.code,
            "edition": f"{o.edition} 年版",
            "name": o.name,
            "direction": o.direction,
            "levels": level_words(o.levels),
            "stations": str(o.stations),
            "assessors": str(o.assessors),
            "applicants": str(o.applicants),
            "reason": o.reason or NOT_SAID,
        }
        for o in form.occupations
    )


def paper_rows(session: Session, case: FilingCase) -> list[tuple[bool, str, str]]:
    """Give the papers that must be there or are: whether they are, their word, their names."""
    names: dict[str, list[str]] = {}
    for row in documents_of(session, case):
        names.setdefault(row.kind, []).append(row.name)
    return [
        (kind in names, word, "、".join(names.get(kind, [])))
        for kind, word in PAPERS.items()
        if kind in REQUIRED or kind in names
    ]


def last_return(desk: Desk, session: Session, case: FilingCase) -> str:
    """Return what the office last asked to be mended, "" unless the case is returned."""
    if case.state != "returned":
        return ""
    notes = [line for line in timeline(session, case) if line.event == "return"]
    return read_note(notes[-1], desk.context(me())) if notes else ""


def by_field(faults: Iterable[FieldFault]) -> Mapping[str, str]:
    """Give the first fault of each field; a field without one has an empty text."""
    found: dict[str, str] = defaultdict(str)
    for fault in faults:
        found.setdefault(fault.field, fault.text)
    return found


def hints(rules: Rules, today: date) -> dict[str, str]:
    """Say what the rules of the day ask for, beside the fields that are judged by them."""
    least = {name: rules.threshold(name, today).least for name in Threshold}
    shut_out = "、".join(FORBIDDEN_BUSINESS)
    return {
        "insured_staff": f"不少于 {least[Threshold.INSURED_STAFF]} 人。",
        "stations": f"不少于 {least[Threshold.STATIONS]} 个。",
        "assessors": f"不少于 {least[Threshold.ASSESSORS]} 名。",
        "applicants": f"原则上不少于 {least[Threshold.APPLICANTS]} 人。",
        "scope": f"按营业执照填写；不得从事{shut_out}等业务，有此字样的须核实。",
    }
