"""The office's side of a filing (notice 六（一）2): accept, return, review, experts, decide.

Within twenty working days of receipt; experts look at the site unless the company stands on the
provincial pilot list. Who prepares does not approve; `filing_approval` holds the approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.cases import (
    LONGEST_NOTE,
    CaseKind,
    Doing,
    GuardsFailed,
    step_for,
    take_step,
)
from registry.office.context import Context
from registry.office.filing_form import SECTION_WORDS
from registry.office.filings import check_not_barred, preview
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.steps import Taking, register
from registry.office.votes import call_panel, tally
from registry.rules.eligibility import Condition
from registry.rules.text import tidy
from registry.rules.workflow import Guard
from registry.store.accounts import Account
from registry.store.procedure import Case, Company
from registry.store.reading import Records

_REVIEWERS: Final = Records(
    Account,
    select(Account)
    .where(
        Account.role == Role.CLERK.value,
        Account.disabled.is_(False),
        or_(Account.district == "", Account.district == bindparam("district")),
    )
    .order_by(Account.login),
)


@register(CaseKind.FILING, "accept")
def accept(taking: Taking) -> None:
    """Accept the application (受理). Raises ``Barred`` and what the engine raises."""
    step_for(taking.case, taking.event, taking.doing.by)
    check_not_barred(_company(taking), taking.today)
    _step(taking, Guard.NOT_BARRED)


@register(CaseKind.FILING, "call-experts", "redraw-experts")
def call_experts(taking: Taking) -> None:
    """Begin a round of experts' opinions on the site; not for a company on the pilot list."""
    step_for(taking.case, taking.event, taking.doing.by)
    if _company(taking).pilot:
        raise Refused("省试点企业不再组织专家现场评估（通知六（一）2），请直接拟办")
    call_panel(taking)


@register(CaseKind.FILING, "prepare")
def prepare(taking: Taking) -> None:
    """Put the application before the approver, as its reviewer, once the site has been reviewed.

    Enough opinions make a review, also when they are against: a refusal must be prepared too.
    """
    pilot = _company(taking).pilot
    reviewed = pilot or tally(taking.session, taking.case).complete
    _demand_weighed(taking)
    held = [Guard.SITE_REVIEWED] if reviewed else []
    if taking.case.assigned_to in (None, taking.doing.by.account_id):
        held.append(Guard.ASSIGNED)
    _step(taking, *held)


def _demand_weighed(taking: Taking) -> None:
    """Demand the reviewer's words where only a person can say if a condition is met (一（一）)."""
    context = taking.desk.context(taking.doing.by)
    rules, today = taking.almanac.rules, taking.today
    found = preview(taking.session, taking.case, context=context, rules=rules, today=today)
    doubtful = any(s.condition is Condition.NO_TRAINING_BUSINESS for s in found.shortfalls)
    if doubtful and not taking.doing.note.strip():
        raise GuardsFailed(
            "不满足办理条件：经营范围中有“培训”“评价”或者“咨询”字样，拟办须写明是否属于该类业务及理由（一（一））"
        )


@register(CaseKind.FILING, "return", "reject")
def return_or_reject(taking: Taking) -> None:
    """Return the application, or refuse it, with reasons."""
    _step(taking)
    if taking.event == "reject":
        taking.case.outcome = "rejected"


def return_note(values: Mapping[str, str]) -> str:
    """Join reasons given by section into the note of a return; ``fix-<section>`` and ``fix-other``.

    Raises ``FormFaults`` when there is none, or they are too long together.
    """
    places = {**{section.value: word for section, word in SECTION_WORDS.items()}, "other": "其他"}
    given = {word: tidy(values.get(f"fix-{place}", "")) for place, word in places.items()}
    note = "\n".join(f"【{word}】{text}" for word, text in given.items() if text)
    first = f"fix-{next(iter(places))}"
    if not note:
        raise FormFaults([FieldFault(field=first, text="请至少在一处写明需要补正的内容")])
    if len(note) > LONGEST_NOTE:
        raise FormFaults([FieldFault(field=first, text=f"合计不能超过 {LONGEST_NOTE} 个字")])
    return note


def reviewers(session: Session, case: Case) -> tuple[Account, ...]:
    """Return the clerks who may review the case: the city's and those of the company's district."""
    company = session.get_one(Company, case.company_id)
    return tuple(_REVIEWERS.all(session, district=company.district))


def assign(
    session: Session, case: Case, reviewer_id: int, *, doing: Doing, context: Context
) -> None:
    """Give the case to a reviewer (分派审核), or to another one while it is under review.

    Raises ``FormFaults`` and what the engine raises.
    """
    chosen = {account.account_id: account.login for account in reviewers(session, case)}
    if reviewer_id not in chosen:
        raise FormFaults([FieldFault(field="reviewer", text="请选择审核人员")])
    noted = Doing(by=doing.by, version=doing.version, note=f"审核人员 {chosen[reviewer_id]}")
    event = "assign" if case.state == "accepted" else "reassign"
    take_step(session, case, event, doing=noted, context=context)
    case.assigned_to = reviewer_id


def _company(taking: Taking) -> Company:
    return taking.session.get_one(Company, taking.case.company_id)


def _step(taking: Taking, *held: Guard) -> None:
    context = taking.desk.context(taking.doing.by)
    take_step(
        taking.session, taking.case, taking.event, held=held, doing=taking.doing, context=context
    )
