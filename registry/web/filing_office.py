"""The office's pages of a filing: return by section, assign, experts' opinions, approve.

What needs no more than a remark (accept, call experts, prepare, reject) is a button on the case's
page; here are the steps that ask for more, and what that page shows.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.office import filing_review
from registry.office.almanac import read_almanac
from registry.office.cases import EDITABLE, CaseKind, Doing, step_for, steps_open_to
from registry.office.companies import get_company
from registry.office.documents import documents_of
from registry.office.filing_approval import carry_approval, record_prefix, recorded_prefix
from registry.office.filing_form import PAPERS, SECTION_WORDS
from registry.office.filings import FilingCase, form_of, get_filing, preview
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role
from registry.office.steps import take
from registry.office.unit import Desk
from registry.office.votes import Said, experts_to_ask, opinions, record_vote, tally
from registry.rules.errors import PrefixError
from registry.web.cases import doing_from_form
from registry.web.filing_print import form_digest
from registry.web.filing_words import (
    by_field,
    condition_rows,
    fact_rows,
    last_return,
    occupation_rows,
)
from registry.web.gate import COMPANY, OFFICE, decide, me
from registry.web.sections import Act, Section, section
from registry.wording_filing import shortfall_text

Page = Response | tuple[str, int]
Faults = tuple[FieldFault, ...]
_PREFIX_FORM: Final = "机构编码为 13 位：1 位字母、4 位机构代码、2 位省级代码、6 位序列码"


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the office's pages."""
    _returning(routes, desk)
    _assigning(routes, desk)
    _voting(routes, desk)
    _entering(routes, desk)
    _approving(routes, desk)


def _returning(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/return")
    @decide(Role.CLERK)
    def giving_back(case_id: int) -> str:
        return _page(desk, case_id, "return", "return")

    @routes.post("/filings/<int:case_id>/return")
    @decide(Role.CLERK)
    def give_back(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            note = filing_review.return_note(request.form)
            with desk.write() as session:
                case = get_filing(session, case_id, me())
                noted = Doing(by=doing.by, version=doing.version, note=note)
                take(session, case, "return", noted, desk)
        except FormFaults as refused:
            return _page(desk, case_id, "return", "return", refused.faults), 422
        return _done(case_id, "return")


def _assigning(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/assign")
    @decide(Role.CLERK)
    def assigning(case_id: int) -> str:
        return _page(desk, case_id, "assign", _assigning_now(desk, case_id))

    @routes.post("/filings/<int:case_id>/assign")
    @decide(Role.CLERK)
    def assign(case_id: int) -> Page:
        doing = doing_from_form()
        reviewer = request.form.get("reviewer", 0, type=int)
        try:
            with desk.write() as session:
                case = get_filing(session, case_id, me())
                context = desk.context(me())
                filing_review.assign(session, case, reviewer, doing=doing, context=context)
        except FormFaults as refused:
            event = _assigning_now(desk, case_id)
            return _page(desk, case_id, "assign", event, refused.faults), 422
        return _done(case_id, "assign")


def _assigning_now(desk: Desk, case_id: int) -> str:
    with desk.read() as session:
        case = get_filing(session, case_id, me())
        return "assign" if case.state == "accepted" else "reassign"


def _voting(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/votes")
    @decide(Role.CLERK)
    def votes(case_id: int) -> str:
        return _page(desk, case_id, "votes", "record-vote")

    @routes.post("/filings/<int:case_id>/votes")
    @decide(Role.CLERK)
    def vote(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            said = _said()
            with desk.write() as session:
                case = get_filing(session, case_id, me())
                record_vote(session, case, said, doing=doing, context=desk.context(me()))
        except FormFaults as refused:
            return _page(desk, case_id, "votes", "record-vote", refused.faults), 422
        return redirect(url_for("filings.votes", case_id=case_id), 303)


def _said() -> Said:
    answer = request.form.get("answer", "")
    if answer not in {"for", "against"}:
        raise FormFaults([FieldFault(field="answer", text="请选择同意或者不同意")])
    return Said(
        expert_id=request.form.get("expert", 0, type=int),
        in_favour=answer == "for",
        opinion=request.form.get("opinion", ""),
    )


def _entering(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/prefix")
    @decide(Role.CLERK)
    def prefix(case_id: int) -> str:
        return _page(desk, case_id, "prefix", "record-prefix")

    @routes.post("/filings/<int:case_id>/prefix")
    @decide(Role.CLERK)
    def keep_prefix(case_id: int) -> Page:
        doing, typed = doing_from_form(), request.form.get("prefix", "")
        try:
            with desk.write() as session:
                case = get_filing(session, case_id, me())
                record_prefix(session, case, typed, doing=doing, context=desk.context(me()))
        except PrefixError:
            faults = (FieldFault(field="prefix", text=_PREFIX_FORM),)
            return _page(desk, case_id, "prefix", "record-prefix", faults), 422
        except FormFaults as refused:
            return _page(desk, case_id, "prefix", "record-prefix", refused.faults), 422
        return _done(case_id, "record-prefix")


def _approving(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/approve")
    @decide(Role.APPROVER)
    def approving(case_id: int) -> str:
        return _page(desk, case_id, "approve", "approve")

    @routes.post("/filings/<int:case_id>/approve")
    @decide(Role.APPROVER)
    def approve(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            carry_approval(desk, case_id, request.form.get("prefix", ""), doing)
        except PrefixError:
            faults = (FieldFault(field="prefix", text=_PREFIX_FORM),)
            return _page(desk, case_id, "approve", "approve", faults), 422
        except FormFaults as refused:
            return _page(desk, case_id, "approve", "approve", refused.faults), 422
        return _done(case_id, "approve")


def _done(case_id: int, event: str) -> Response:
    return redirect(url_for("cases.case", case_id=case_id, done=event), 303)


def _page(desk: Desk, case_id: int, page: str, event: str, faults: Faults = ()) -> str:
    with desk.read() as session:
        case = get_filing(session, case_id, me())
        step_for(case, event, me())
        company = get_company(session, case.company_id, me())
        form = form_of(case, desk.context(me()))
        values = {
            "reviewers": [(a.account_id, a.login) for a in filing_review.reviewers(session, case)],
            "experts": [(e.expert_id, e.label, e.fields) for e in experts_to_ask(session, case)],
            "opinions": opinions(session, case, desk.context(me())),
            "tally": tally(session, case),
            "known_prefix": recorded_prefix(session, company),
        }
    return render_template(
        f"filings/{page}.html",
        case=case,
        company=company,
        occupations=occupation_rows(form),
        sections=[*((s.value, word) for s, word in SECTION_WORDS.items()), ("other", "其他")],
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
        **values,
    )


@section(CaseKind.FILING)
def filing_section(desk: Desk, session: Session, case: FilingCase, by: Identity) -> Section:
    """Give what a filing's page shows, and where it leads on to for this person."""
    context = desk.context(by)
    form = form_of(case, context)
    found = preview(
        session,
        case,
        context=context,
        rules=read_almanac(session).rules,
        today=desk.today(),
    )
    names = {o.code: o.name for o in form.occupations}
    pending = case.state not in {"approved", "rejected", "withdrawn"}
    return Section(
        template="filings/section.html",
        values={
            "facts": fact_rows(form, by),
            "conditions": condition_rows(form),
            "occupations": occupation_rows(form),
            "documents": documents_of(session, case),
            "kinds": PAPERS,
            "printable": by.role in COMPANY | OFFICE,
            "digest": form_digest(form),
            "shortfalls": [
                (s.bars, shortfall_text(s, names.get(s.occupation, ""))) for s in found.shortfalls
            ]
            if pending
            else [],
            "returned": last_return(desk, session, case),
            "opinions": opinions(session, case, context) if by.role not in COMPANY else (),
            "tally": tally(session, case),
            "company": get_company(session, case.company_id, by),
        },
        acts=_acts(case, by),
    )


def _acts(case: FilingCase, by: Identity) -> tuple[Act, ...]:
    open_events = {row.event for row in steps_open_to(case, by)}
    if by.role in COMPANY and case.state in EDITABLE:
        tasks = url_for("filings.tasks", case_id=case.case_id)
        return (Act(label="填写申请表", address=tasks, event="submit"),)
    return tuple(
        Act(
            label=label,
            address=url_for(page, case_id=case.case_id),
            event=event,
            quiet=event in {"return", "record-prefix", "reassign"},
        )
        for event, label, page, role in (
            ("assign", "分派审核", "filings.assigning", Role.CLERK),
            ("reassign", "改派审核人员", "filings.assigning", Role.CLERK),
            ("record-vote", "登记专家意见", "filings.votes", Role.CLERK),
            ("record-prefix", "登记机构编码", "filings.prefix", Role.CLERK),
            ("approve", "同意备案", "filings.approving", Role.APPROVER),
            ("return", "退回补正", "filings.giving_back", Role.CLERK),
        )
        if event in open_events and by.role is role
    )
