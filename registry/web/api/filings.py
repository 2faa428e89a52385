"""Filings at the machine API (企业备案): the company's way to submission, the office's to approval.

Accepting, calling experts, preparing, refusing and submitting are plain steps of the case.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sqlalchemy.orm import Session

from registry.office import filing_review, filings
from registry.office.almanac import read_almanac
from registry.office.cases import Doing
from registry.office.filing_approval import carry_approval, record_prefix
from registry.office.filing_form import PAPERS, FilingForm
from registry.office.filing_reading import YES
from registry.office.identity import Identity, Role
from registry.office.steps import take
from registry.office.votes import Opinion, Said, Tally, experts_to_ask, opinions, record_vote, tally
from registry.rules.text import mask_id, mask_name
from registry.web.api.cases import Case, after, case_of, doing_of
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Table, Version
from registry.web.api.problems import Fault
from registry.web.filing_words import NEEDS_NAMES
from registry.web.gate import CASES, COMPANY
from registry.wording_filing import shortfall_text

TABLE = Table("filings")
Count = Annotated[int, Meta(ge=0, le=9_999_999)]
CLERKS = frozenset({Role.CLERK})
APPROVERS = frozenset({Role.APPROVER})
SEES_OPINIONS = CASES - COMPANY


class CompanyFacts(Version, frozen=True, kw_only=True):
    """The company's facts (企业基本情况)."""

    address: str
    legal_person: str
    contact: str
    phone: str
    main_business: str
    scope: str


class Conditions(Version, frozen=True, kw_only=True):
    """The conditions as declared (申请条件)."""

    insured_staff: Count
    managers: Count
    experts: Count
    supervisors: Count
    registered_here: bool
    good_standing: bool
    mechanisms: bool
    pay_rules: bool


class NewOccupation(Version, frozen=True, kw_only=True):
    """One occupation asked for, by code or name; ``levels`` are level symbols."""

    occupation: str
    direction: str = ""
    levels: tuple[Literal["5", "4", "3", "2", "1"], ...]
    stations: Count
    assessors: Count
    applicants: Count
    reason: str


class Reasons(Version, frozen=True, kw_only=True):
    """Why an application is returned, by section; at least one."""

    company: str = ""
    conditions: str = ""
    occupations: str = ""
    documents: str = ""
    other: str = ""


class Assignment(Version, frozen=True, kw_only=True):
    """Who reviews: a clerk's account."""

    reviewer: int


class NewOpinion(Version, frozen=True, kw_only=True):
    """One expert's opinion."""

    expert_id: int
    in_favour: bool
    opinion: str


class Prefix(Version, frozen=True, kw_only=True):
    """The 13-character body code (机构编码) that the province gave."""

    prefix: str


class Approval(Version, frozen=True, kw_only=True):
    """The 13-character prefix (机构编码) as given by the province."""

    prefix: str
    note: str = ""


class Filing(Given, frozen=True, kw_only=True):
    """An application: the form (persons masked for who does not work with them), what it lacks.

    ``warnings`` do not stand in the way of submitting.
    """

    case: Case
    form: FilingForm
    ready: bool
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


class Expert(Given, frozen=True, kw_only=True):
    """An expert by number, with what they know."""

    expert_id: int
    label: str
    fields: str


class Opinions(Given, frozen=True, kw_only=True):
    """The round that counts: its opinions, their tally, and who has not spoken yet."""

    opinions: tuple[Opinion, ...]
    tally: Tally
    to_ask: tuple[Expert, ...]


class Reviewer(Given, frozen=True, kw_only=True):
    """A clerk who may review."""

    account_id: int
    login: str


class Reviewers(Given, frozen=True, kw_only=True):
    """Who may be assigned."""

    reviewers: tuple[Reviewer, ...]


@TABLE.post("/filings", roles=COMPANY, takes=Nothing, gives=Case, status=CREATED)
def start_filing(call: Call, _: Nothing) -> Case:
    """Start filing (新建备案申请)."""
    with call.desk.write() as session:
        case = filings.start_filing(
            session,
            by=call.by,
            context=call.context,
            almanac=read_almanac(session),
            today=call.desk.today(),
        )
        return after(session, case)


@TABLE.get("/filings/<int:case_id>", roles=CASES, takes=Nothing, gives=Filing)
def show_filing(call: Call, _: Nothing) -> Filing:
    """Show filing (备案申请：表单和提交前检查)."""
    with call.desk.read() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        seen = filings.preview(
            session,
            case,
            context=call.context,
            rules=read_almanac(session).rules,
            today=call.desk.today(),
        )
        return Filing(
            case=case_of(case),
            form=shown_to(call.by, seen.form),
            ready=seen.ready,
            faults=(
                *(Fault(field=section.value, text="未填写") for section in seen.unfilled),
                *(Fault(field="documents", text=f"缺少{PAPERS[p]}") for p in seen.missing),
                *_shortfalls(seen, bars=True),
            ),
            warnings=_shortfalls(seen, bars=False),
        )


@TABLE.post("/filings/<int:case_id>/company", roles=COMPANY, takes=CompanyFacts, gives=Case)
def save_company(call: Call, given: CompanyFacts) -> Case:
    """Save company (填写企业基本情况)."""
    values = {name: getattr(given, name) for name in _members(given)}
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing = doing_of(call, given)
        filings.save_company(session, case, values, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/filings/<int:case_id>/conditions", roles=COMPANY, takes=Conditions, gives=Case)
def save_conditions(call: Call, given: Conditions) -> Case:
    """Save conditions (填写申请条件)."""
    values = {name: _typed(getattr(given, name)) for name in _members(given)}
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing = doing_of(call, given)
        filings.save_conditions(session, case, values, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post(
    "/filings/<int:case_id>/occupations",
    roles=COMPANY,
    takes=NewOccupation,
    gives=Case,
    status=CREATED,
)
def add_occupation(call: Call, given: NewOccupation) -> Case:
    """Add occupation (增加申请备案的职业（工种）)."""
    values = {name: _typed(getattr(given, name)) for name in _members(given) if name != "levels"}
    values |= {f"level-{level}": YES for level in given.levels}
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing = doing_of(call, given)
        filings.add_occupation(session, case, values, doing=doing, context=call.context)
        return after(session, case)


@TABLE.delete(
    "/filings/<int:case_id>/occupations/<int:place>", roles=COMPANY, takes=Version, gives=Case
)
def drop_occupation(call: Call, given: Version) -> Case:
    """Drop occupation (删去一个职业（工种），place 从 0 起)."""
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing, place = doing_of(call, given), call.number("place")
        filings.remove_occupation(session, case, place, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/filings/<int:case_id>/return", roles=CLERKS, takes=Reasons, gives=Case)
def return_filing(call: Call, given: Reasons) -> Case:
    """Return filing (逐项退回补正)."""
    note = filing_review.return_note(
        {f"fix-{name}": getattr(given, name) for name in _members(given)}
    )
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        take(session, case, "return", _doing(call, given, note), call.desk)
        return after(session, case)


@TABLE.get("/filings/<int:case_id>/reviewers", roles=CLERKS, takes=Nothing, gives=Reviewers)
def list_reviewers(call: Call, _: Nothing) -> Reviewers:
    """List reviewers (可以分派的审核人)."""
    with call.desk.read() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        return Reviewers(
            reviewers=tuple(
                Reviewer(account_id=row.account_id, login=row.login)
                for row in filing_review.reviewers(session, case)
            )
        )


@TABLE.post("/filings/<int:case_id>/assign", roles=CLERKS, takes=Assignment, gives=Case)
def assign_filing(call: Call, given: Assignment) -> Case:
    """Assign filing (分派审核)."""
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing = doing_of(call, given)
        filing_review.assign(session, case, given.reviewer, doing=doing, context=call.context)
        return after(session, case)


@TABLE.get("/filings/<int:case_id>/opinions", roles=SEES_OPINIONS, takes=Nothing, gives=Opinions)
def list_filing_opinions(call: Call, _: Nothing) -> Opinions:
    """List filing opinions (专家意见)."""
    with call.desk.read() as session:
        return opinions_of(session, call, filings.get_filing(session, call.case_id, call.by))


@TABLE.post(
    "/filings/<int:case_id>/opinions", roles=CLERKS, takes=NewOpinion, gives=Case, status=CREATED
)
def record_filing_opinion(call: Call, given: NewOpinion) -> Case:
    """Record filing opinion (登记一位专家的意见)."""
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing = doing_of(call, given)
        record_vote(session, case, said_of(given), doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/filings/<int:case_id>/prefix", roles=CLERKS, takes=Prefix, gives=Case)
def record_filing_prefix(call: Call, given: Prefix) -> Case:
    """Record filing prefix (经办人登记机构编码，审批时再录入一次)."""
    with call.desk.write() as session:
        case = filings.get_filing(session, call.case_id, call.by)
        doing = doing_of(call, given)
        record_prefix(session, case, given.prefix, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/filings/<int:case_id>/approve", roles=APPROVERS, takes=Approval, gives=Case)
def approve_filing(call: Call, given: Approval) -> Case:
    """Approve filing (同意备案，登记机构编码)."""
    carry_approval(call.desk, call.case_id, given.prefix, _doing(call, given, given.note))
    with call.desk.read() as session:
        return case_of(filings.get_filing(session, call.case_id, call.by))


def opinions_of(session: Session, call: Call, case: filings.FilingCase) -> Opinions:
    """Give the opinions of the round that counts."""
    return Opinions(
        opinions=opinions(session, case, call.context),
        tally=tally(session, case),
        to_ask=tuple(
            Expert(expert_id=row.expert_id, label=row.label, fields=row.fields)
            for row in experts_to_ask(session, case)
        ),
    )


def said_of(given: NewOpinion) -> Said:
    """Give an opinion as the use case takes it."""
    return Said(expert_id=given.expert_id, in_favour=given.in_favour, opinion=given.opinion)


def shown_to(by: Identity, form: FilingForm) -> FilingForm:
    """Mask a form's persons for who does not have to reach them."""
    if by.role in NEEDS_NAMES:
        return form
    return msgspec.structs.replace(
        form,
        contact=mask_name(form.contact) if form.contact else "",
        legal_person=mask_name(form.legal_person) if form.legal_person else "",
        phone=mask_id(form.phone) if form.phone else "",
    )


def _shortfalls(seen: filings.Preview, *, bars: bool) -> tuple[Fault, ...]:
    names = {o.code: o.name for o in seen.form.occupations}
    return tuple(
        Fault(field=s.condition.value, text=shortfall_text(s, names.get(s.occupation, "")))
        for s in seen.shortfalls
        if s.bars is bars
    )


def _members(given: Version) -> list[str]:
    return [name for name in given.__struct_fields__ if name != "version"]


def _typed(value: object) -> str:
    # The use cases read what a page's form posts: a tick is "yes" or nothing.
    if isinstance(value, bool):
        return YES if value else ""
    return str(value)


def _doing(call: Call, given: Version, note: str) -> Doing:
    return Doing(by=call.by, version=given.version, note=note)
