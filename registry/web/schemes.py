"""Schemes at the desks (评价方案): task list, check answers, experts' opinions, what is published.

The parts that are typed are in `scheme_parts`; moving a scheme on is the case page's, except for
submitting, which follows the check of what was filled in.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.cases import EDITABLE, CaseKind, step_for
from registry.office.directory import PAGE, count_listed, directory
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role
from registry.office.scheme_review import record_opinion
from registry.office.schemes import (
    SchemeCase,
    SchemeNotReady,
    form_of,
    get_scheme,
    may_start,
    preview,
    start_scheme,
)
from registry.office.steps import take
from registry.office.unit import Desk
from registry.office.votes import Said, experts_to_ask, opinions, tally
from registry.rules.levels import BY_SYMBOL
from registry.rules.terms import Threshold
from registry.web import scheme_parts
from registry.web.cases import doing_from_form, page_asked
from registry.web.filing_words import level_words
from registry.web.gate import CASES, COMPANY, decide, me
from registry.web.plan_parts import first_words
from registry.web.scheme_parts import Faults, Page
from registry.web.scheme_words import fault_lines, levels_shown, standard_rows, task_lines
from registry.web.sections import Act, Section, section


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("schemes", __name__)
    _opening(routes, desk)
    _sending(routes, desk)
    _voting(routes, desk)
    scheme_parts.add_routes(routes, desk)
    return routes


def _opening(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/schemes/published")
    @decide(of=CASES)
    def published() -> str:
        page = page_asked()
        with desk.read() as session:
            entries = directory(session, desk.context(me()), page=page)
            total = count_listed(session)
        return render_template(
            "schemes/published.html",
            entries=[entry for entry in entries if entry.occupations],
            total=total,
            page=page,
            pages=-(-total // PAGE),
            level_words=level_words,
        )

    @routes.get("/schemes/new")
    @decide(of=COMPANY)
    def new() -> str:
        return _new(desk)

    @routes.post("/schemes/new")
    @decide(of=COMPANY)
    def create() -> Page:
        code, _, direction = request.form.get("occupation", "").partition("|")
        if not code:
            fault = FieldFault(field="occupation", text="请选择已备案的职业（工种）")
            return _new(desk, (fault,)), 422
        with desk.write() as session:
            case = start_scheme(
                session,
                code,
                direction,
                by=me(),
                context=desk.context(me()),
                almanac=read_almanac(session),
                today=desk.today(),
            )
        return scheme_parts.back_to_tasks(case.case_id)

    @routes.get("/schemes/<int:case_id>/tasks")
    @decide(of=COMPANY)
    def tasks(case_id: int) -> str:
        with desk.read() as session:
            case, _, offered = scheme_parts.open_for_editing(desk, session, case_id)
            seen = preview(session, case, desk.context(me()))
        lines = task_lines(case_id, seen, offered)
        return render_template("schemes/tasks.html", case=case, seen=seen, tasks=lines)


def _sending(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/schemes/<int:case_id>/check")
    @decide(of=COMPANY)
    def check(case_id: int) -> str:
        return _check_page(desk, case_id)

    @routes.post("/schemes/<int:case_id>/check")
    @decide(Role.COMPANY_HEAD)
    def send(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                take(session, get_scheme(session, case_id, me()), "submit", doing, desk)
        except SchemeNotReady:
            return _check_page(desk, case_id), 422
        return redirect(url_for("schemes.sent", case_id=case_id), 303)

    @routes.get("/schemes/<int:case_id>/sent")
    @decide(of=COMPANY)
    def sent(case_id: int) -> str:
        with desk.read() as session:
            case = get_scheme(session, case_id, me())
            rule = read_almanac(session).rules.threshold(Threshold.EXPERTS, desk.today())
        return render_template("schemes/sent.html", case=case, experts=rule.least)


def _voting(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/schemes/<int:case_id>/votes")
    @decide(Role.CLERK)
    def votes(case_id: int) -> str:
        return _votes_page(desk, case_id)

    @routes.post("/schemes/<int:case_id>/votes")
    @decide(Role.CLERK)
    def vote(case_id: int) -> Page:
        doing = doing_from_form()
        answer = request.form.get("answer", "")
        said = Said(
            expert_id=request.form.get("expert", 0, type=int),
            in_favour=answer == "for",
            opinion=request.form.get("opinion", ""),
        )
        if answer not in {"for", "against"}:
            fault = FieldFault(field="answer", text="请选择同意或者不同意")
            return _votes_page(desk, case_id, (fault,)), 422
        try:
            with desk.write() as session:
                record_opinion(session, case_id, said, doing=doing, context=desk.context(me()))
        except FormFaults as refused:
            return _votes_page(desk, case_id, refused.faults), 422
        return redirect(url_for("schemes.votes", case_id=case_id), 303)


@section(CaseKind.SCHEME)
def _section(desk: Desk, session: Session, case: SchemeCase, by: Identity) -> Section:
    context = desk.context(by)
    form = form_of(case, context)
    seen = preview(session, case, context)
    counted = tally(session, case)
    office = by.role not in COMPANY
    return Section(
        template="schemes/section.html",
        values={
            "rows": standard_rows(form),
            "levels": levels_shown(form, seen),
            "votes": counted if counted.in_favour + counted.against else None,
            "opinions": opinions(session, case, context) if office else (),
        },
        acts=_acts(case, by),
    )


def _acts(case: SchemeCase, by: Identity) -> tuple[Act, ...]:
    if by.role in COMPANY and case.state in EDITABLE:
        tasks = url_for("schemes.tasks", case_id=case.case_id)
        return (Act(label="填写方案", address=tasks, event="submit"),)
    if by.role is Role.CLERK and case.state == "assessed":
        votes = url_for("schemes.votes", case_id=case.case_id)
        return (Act(label="登记专家意见", address=votes, event="record-vote"),)
    return ()


def _check_page(desk: Desk, case_id: int) -> str:
    with desk.read() as session:
        case, form, _ = scheme_parts.open_for_editing(desk, session, case_id)
        seen = preview(session, case, desk.context(me()))
    return render_template(
        "schemes/check.html",
        case=case,
        rows=standard_rows(form),
        levels=levels_shown(form, seen),
        faults=fault_lines(case_id, seen),
        ready=seen.ready,
        head=me().role is Role.COMPANY_HEAD,
    )


def _new(desk: Desk, faults: Faults = ()) -> str:
    with desk.read() as session:
        filed = may_start(session, me(), desk.context(me()))
    options = [
        (
            f"{item.code}|{item.direction}",
            f"{item.name}{f'（{item.direction}）' if item.direction else ''} {item.code}："
            + "、".join(BY_SYMBOL[level].printed for level in item.levels),
        )
        for item in filed
    ]
    return render_template("schemes/new.html", options=options, faults=faults)


def _votes_page(desk: Desk, case_id: int, faults: Faults = ()) -> str:
    with desk.read() as session:
        case = get_scheme(session, case_id, me())
        step_for(case, "record-vote", me())
        experts = experts_to_ask(session, case)
        counted = tally(session, case)
        said = opinions(session, case, desk.context(me()))
    return render_template(
        "schemes/votes.html",
        case=case,
        experts=[(str(row.expert_id), f"{row.label}（{row.fields}）") for row in experts],
        counted=counted,
        opinions=said,
        faults=faults,
        wrong=first_words(faults),
        typed=request.form,
    )
