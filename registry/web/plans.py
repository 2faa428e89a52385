"""The company's way through a plan (实施计划), and the office's return of one.

Task list, check answers, what happens next. The parts are in `plan_parts` and `plan_upload`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.office.almanac import read_almanac
from registry.office.assessors import assessors_of
from registry.office.cases import EDITABLE, CaseKind, get_case, machine_of, step_for
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role
from registry.office.plan_check import Part, PlanCheck, PlanNotReady, check_plan
from registry.office.plan_form import PlanForm, days_ahead
from registry.office.plan_steps import return_plan, submit_plan
from registry.office.plans import (
    PlanCase,
    SchemeFacts,
    open_plan,
    own_schemes,
    read_plan,
)
from registry.office.rosters import found_lines, read_row_findings
from registry.office.supervising import visits_of
from registry.office.unit import Desk
from registry.rules.levels import BY_SYMBOL
from registry.web import plan_parts, plan_upload
from registry.web.cases import doing_from_form
from registry.web.gate import COMPANY, decide, me
from registry.web.sections import Act, Section, section
from registry.web.words import day_word

TASKS: Final = (
    (Part.TIMES, "时间地点", "Dates and sites"),
    (Part.ASSESSORS, "考评人员", "Assessors"),
    (Part.ROSTER, "评价员工名册", "Roster"),
    (Part.TRAINING, "评价前培训", "Training held"),
)
_PARTS: Final = {part: word for part, word, _ in TASKS} | {
    Part.STANDING: "依据",
    Part.IN_TIME: "报送期限",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the task list."""

    part: str
    word: str
    english: str
    status: str
    tone: str


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("plans", __name__)
    _opening(routes, desk)
    _sending(routes, desk)
    _returning(routes, desk)
    plan_parts.add_routes(routes, desk)
    plan_upload.add_routes(routes, desk)
    return routes


def _opening(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/new")
    @decide(of=COMPANY)
    def new() -> str:
        return _new(desk, ())

    @routes.post("/plans/new")
    @decide(of=COMPANY)
    def create() -> Response | tuple[str, int]:
        scheme = request.form.get("scheme", type=int)
        if scheme is None:
            return _new(desk, (FieldFault(field="scheme", text="请选择所依据的评价方案"),)), 422
        with desk.write() as session:
            case = open_plan(
                session, scheme, by=me(), context=desk.context(me()), today=desk.today()
            )
        return redirect(url_for("plans.tasks", case_id=case.case_id), 303)

    @routes.get("/plans/<int:case_id>/tasks")
    @decide(of=COMPANY)
    def tasks(case_id: int) -> Response | str:
        with desk.read() as session:
            case = get_case(session, case_id, me())
            plan = read_plan(case, desk.context(me()))
            if case.state not in EDITABLE:
                return redirect(url_for("cases.case", case_id=case_id), 303)
            check = _check(desk, session, case)
            ahead = days_ahead(case.first_day or desk.today(), read_almanac(session))
            returned = found_lines(session, case, desk.context(me()))
        return render_template(
            "plans/tasks.html",
            case=case,
            plan=plan,
            tasks=_tasks(plan, check),
            check=check,
            late=check.of(Part.IN_TIME),
            ahead=ahead,
            returned=returned if case.state == "returned" else (),
            today=desk.today(),
        )


def _sending(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/<int:case_id>/check")
    @decide(of=COMPANY)
    def check(case_id: int) -> Response | str:
        return _check_page(desk, case_id)

    @routes.post("/plans/<int:case_id>/check")
    @decide(Role.COMPANY_HEAD)
    def send(case_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                submit_plan(session, get_case(session, case_id, me()), doing, desk)
        except PlanNotReady:
            page = _check_page(desk, case_id)
            # Somebody else has sent it in meanwhile: then it leads to the case, where that stands.
            return page if isinstance(page, Response) else (page, 422)
        return redirect(url_for("plans.sent", case_id=case_id), 303)

    @routes.get("/plans/<int:case_id>/sent")
    @decide(of=COMPANY)
    def sent(case_id: int) -> str:
        with desk.read() as session:
            case = get_case(session, case_id, me())
            plan = read_plan(case, desk.context(me()))
        return render_template(
            "plans/sent.html", case=case, plan=plan, state=machine_of(case).words[case.state]
        )


def _returning(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/<int:case_id>/return")
    @decide(Role.CLERK)
    def giving_back(case_id: int) -> str:
        return _return_page(desk, case_id, ())

    @routes.post("/plans/<int:case_id>/return")
    @decide(Role.CLERK)
    def give_back(case_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form()
        if not doing.note.strip():
            fault = FieldFault(field="note", text="请写明退回理由：企业据此修改")
            return _return_page(desk, case_id, (fault,)), 422
        try:
            with desk.write() as session:
                case = get_case(session, case_id, me())
                rows = read_row_findings(session, case, request.form.get("rows", ""))
                return_plan(session, case, rows, doing, desk)
        except FormFaults as refused:
            return _return_page(desk, case_id, refused.faults), 422
        return redirect(url_for("cases.case", case_id=case_id, done="return"), 303)


@section(CaseKind.PLAN)
def _section(desk: Desk, session: Session, case: PlanCase, by: Identity) -> Section:
    context = desk.context(by)
    plan = read_plan(case, context)
    pending = case.state in EDITABLE | {"submitted"}
    return Section(
        template="plans/section.html",
        values={
            "rows": summary(plan, _assessor_words(session, case, plan, desk, by)),
            "faults": _worded(_check(desk, session, case)) if pending else (),
            "found": found_lines(session, case, context) if case.state == "returned" else (),
        },
        acts=_acts(case, by),
        links=tuple(_links(session, case, plan, by)),
    )


def _links(
    session: Session, case: PlanCase, plan: PlanForm, by: Identity
) -> Iterator[tuple[str, str]]:
    if plan.people:
        yield "评价员工名册", url_for("plans.people", case_id=case.case_id)
    for visit in visits_of(session, case, by):
        address = url_for("supervision.item", item_id=visit.supervision_id)
        yield f"质量督导 {visit.reference}", address


def _acts(case: PlanCase, by: Identity) -> tuple[Act, ...]:
    if by.role in COMPANY and case.state in EDITABLE:
        tasks = url_for("plans.tasks", case_id=case.case_id)
        return (Act(label="填写计划", address=tasks, event="submit"),)
    if by.role in COMPANY and case.state == "held" and case.turn is not None:
        return (Act(label="登记评价结果", address=url_for("batches.new")),)
    if by.role is Role.CLERK and case.state == "submitted":
        back = url_for("plans.giving_back", case_id=case.case_id)
        return (Act(label="退回修改", address=back, event="return", quiet=True),)
    return ()


def summary(plan: PlanForm, assessors: str) -> tuple[tuple[str, str], ...]:
    """Give a plan's facts, label and value, as the check page and the case's page show them."""
    trade = f"（{plan.direction}）" if plan.direction else ""
    training = (
        f"{plan.training_hours} 学时，{day_word(plan.training_first)}至"
        f"{day_word(plan.training_last)}："
        f"{plan.training_content}"
    )
    return (
        ("职业（工种）", f"{plan.occupation}{trade} {plan.occupation_code}"),
        ("评价等级", "、".join(BY_SYMBOL[symbol].printed for symbol in plan.levels) or "未填写"),
        (
            "评价时间",
            f"{day_word(plan.first_day)}至{day_word(plan.last_day)}"
            if plan.first_day
            else "未填写",
        ),
        ("考评场地", "；".join(f"{s.name}（{s.address}）" for s in plan.sites) or "未填写"),
        ("考评人员", assessors or "未填写"),
        ("评价员工", f"{plan.people} 人" if plan.people else "未填写"),
        ("评价前培训", training if plan.training_hours else "未填写"),
    )


def _assessor_words(
    session: Session, case: PlanCase, plan: PlanForm, desk: Desk, by: Identity
) -> str:
    views = assessors_of(session, case.company_id, desk.context(by))
    chosen = [view for view in views if view.assessor_id in plan.assessors]
    return "、".join(f"{view.masked_name}（{view.certificate}）" for view in chosen)


def _check(desk: Desk, session: Session, case: PlanCase) -> PlanCheck:
    return check_plan(
        session,
        case,
        context=desk.context(me()),
        almanac=read_almanac(session),
        today=desk.today(),
    )


def _worded(check: PlanCheck) -> tuple[tuple[str, str], ...]:
    return tuple((_PARTS[part], fault.text) for part, fault in check.faults)


def _tasks(plan: PlanForm, check: PlanCheck) -> list[Task]:
    filled = {
        Part.TIMES: plan.first_day,
        Part.ASSESSORS: plan.assessors,
        Part.ROSTER: plan.people,
        Part.TRAINING: plan.training_hours,
    }
    late = check.of(Part.IN_TIME)
    found = []
    for part, word, english in TASKS:
        wrong = check.of(part) or (part is Part.TIMES and late)
        status, tone = ("需修改", "bad") if wrong else ("已完成", "good")
        if not filled[part]:
            status, tone = "未填写", ""
        found.append(Task(part=part.value, word=word, english=english, status=status, tone=tone))
    return found


def _new(desk: Desk, faults: tuple[FieldFault, ...]) -> str:
    with desk.read() as session:
        schemes = own_schemes(session, me(), desk.context(me()))
    return render_template(
        "plans/new.html",
        faults=faults,
        schemes=[(scheme.case_id, _scheme_words(scheme)) for scheme in schemes],
    )


def _scheme_words(scheme: SchemeFacts) -> str:
    levels = "、".join(BY_SYMBOL[symbol].printed for symbol in scheme.levels)
    return f"{scheme.occupation} {scheme.direction} {levels}（{scheme.reference}）"


def _check_page(desk: Desk, case_id: int) -> Response | str:
    with desk.read() as session:
        case = get_case(session, case_id, me())
        plan = read_plan(case, desk.context(me()))
        if case.state not in EDITABLE:
            return redirect(url_for("cases.case", case_id=case_id), 303)
        check = _check(desk, session, case)
        rows = summary(plan, _assessor_words(session, case, plan, desk, me()))
    return render_template(
        "plans/check.html",
        case=case,
        rows=rows,
        faults=[
            {"address": _address(case_id, part), "part": _PARTS[part], "text": fault.text}
            for part, fault in check.faults
        ],
        head=me().role is Role.COMPANY_HEAD,
        today=desk.today(),
    )


def _address(case_id: int, part: Part) -> str:
    match part:
        case Part.TIMES | Part.IN_TIME:
            return url_for("plans.times", case_id=case_id)
        case Part.ASSESSORS:
            return url_for("plans.assessors", case_id=case_id)
        case Part.ROSTER:
            return url_for("plans.roster", case_id=case_id)
        case Part.TRAINING:
            return url_for("plans.training", case_id=case_id)
        case Part.STANDING:
            return url_for("cases.listing", kind="scheme")


def _return_page(desk: Desk, case_id: int, faults: tuple[FieldFault, ...]) -> str:
    with desk.read() as session:
        case = get_case(session, case_id, me())
        read_plan(case, desk.context(me()))
        step_for(case, "return", me())
    return render_template(
        "plans/return.html",
        case=case,
        faults=faults,
        wrong=plan_parts.first_words(faults),
        typed=request.form,
    )
