"""The parts of a plan that are typed: dates and sites, assessors, the training before.

What was typed comes back with its faults; nothing typed is lost, and nothing half right is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.assessor_list import list_assessors
from registry.office.assessors import unfit
from registry.office.cases import EDITABLE, get_case, machine_of
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.plan_form import (
    SITES_AT_MOST,
    PlanForm,
    Times,
    Training,
    assessors_needed,
    day,
    days_ahead,
    times_of,
    training_of,
)
from registry.office.plans import (
    PlanCase,
    read_plan,
    scheme_facts,
    scheme_of,
    set_assessors,
    set_times,
    set_training,
)
from registry.office.unit import Desk
from registry.rules.levels import BY_SYMBOL
from registry.web.cases import doing_from_form
from registry.web.gate import COMPANY, decide, me

SITES_SHOWN: Final = 2
"""Blank pairs of a new plan; each saved page shows one more than there are."""


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the pages of the typed parts."""
    _times_routes(routes, desk)
    _assessor_routes(routes, desk)
    _training_routes(routes, desk)


def open_for_editing(desk: Desk, session: Session, case_id: int) -> tuple[PlanCase, PlanForm]:
    """Return a plan that the company has; ``Refused`` once it was sent in."""
    case = get_case(session, case_id, me())
    plan = read_plan(case, desk.context(me()))
    if case.state not in EDITABLE:
        raise Refused(f"实施计划现为“{machine_of(case).words[case.state]}”，不能再修改")
    return case, plan


def back_to_tasks(case_id: int) -> Response:
    """Lead back to the task list."""
    return redirect(url_for("plans.tasks", case_id=case_id), 303)


def posted_day(name: str) -> date | None:
    """Read a day from the form; None if there is none that can be read."""
    try:
        return date.fromisoformat(request.form.get(name, "").strip())
    except ValueError:
        return None


def first_words(faults: Iterable[FieldFault]) -> dict[str, str]:
    """Give the words beside each field: of two faults of one field the first."""
    words: defaultdict[str, str] = defaultdict(str)  # a page asks for every field
    for fault in faults:
        words[fault.field] = words[fault.field] or fault.text
    return words


def _times_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/<int:case_id>/times")
    @decide(of=COMPANY)
    def times(case_id: int) -> str:
        return _times_page(desk, case_id, None, ())

    @routes.post("/plans/<int:case_id>/times")
    @decide(of=COMPANY)
    def save_times(case_id: int) -> Response | tuple[str, int]:
        doing, typed = doing_from_form(), _typed_times()
        try:
            with desk.write() as session:
                case = get_case(session, case_id, me())
                context = desk.context(me())
                set_times(session, case, typed, doing=doing, context=context, today=desk.today())
        except FormFaults as refused:
            return _times_page(desk, case_id, typed, refused.faults), 422
        return back_to_tasks(case_id)


def _typed_times() -> Times:
    pairs = (
        (request.form.get(f"site_name_{n}", ""), request.form.get(f"site_address_{n}", ""))
        for n in range(1, SITES_AT_MOST + 1)
    )
    return Times(
        first_day=posted_day("first_day"),
        last_day=posted_day("last_day"),
        levels=tuple(symbol for symbol in BY_SYMBOL if request.form.get(f"level-{symbol}")),
        sites=tuple(pair for pair in pairs if any(text.strip() for text in pair)),
    )


def _times_page(
    desk: Desk, case_id: int, typed: Times | None, faults: tuple[FieldFault, ...]
) -> str:
    with desk.read() as session:
        case, plan = open_for_editing(desk, session, case_id)
        offered = scheme_facts(scheme_of(session, case), desk.context(me())).levels
        ahead = days_ahead(day(plan.first_day) or desk.today(), read_almanac(session))
    shown = typed or times_of(plan)
    blank = max(SITES_SHOWN - len(shown.sites), 1)
    sites = [*shown.sites, *[("", "")] * blank][:SITES_AT_MOST]
    return render_template(
        "plans/times.html",
        case=case,
        ahead=ahead,
        # As it was typed, readable or not.
        first=request.form.get("first_day", plan.first_day),
        last=request.form.get("last_day", plan.last_day),
        levels=[(s, BY_SYMBOL[s].printed, s in shown.levels) for s in offered],
        sites=sites,
        faults=faults,
        wrong=first_words(faults),
    )


def _assessor_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/<int:case_id>/assessors")
    @decide(of=COMPANY)
    def assessors(case_id: int) -> str:
        return _assessors_page(desk, case_id, None, ())

    @routes.post("/plans/<int:case_id>/assessors")
    @decide(of=COMPANY)
    def save_assessors(case_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form()
        chosen = [int(text) for text in request.form.getlist("assessor") if text.isdecimal()]
        try:
            with desk.write() as session:
                case = get_case(session, case_id, me())
                context, today = desk.context(me()), desk.today()
                set_assessors(session, case, chosen, doing=doing, context=context, today=today)
        except FormFaults as refused:
            return _assessors_page(desk, case_id, chosen, refused.faults), 422
        return back_to_tasks(case_id)


def _assessors_page(
    desk: Desk, case_id: int, chosen: list[int] | None, faults: tuple[FieldFault, ...]
) -> str:
    with desk.read() as session:
        case, plan = open_for_editing(desk, session, case_id)
        views = list_assessors(session, me(), desk.context(me()))
        needed = assessors_needed(day(plan.first_day) or desk.today(), read_almanac(session))
    last = day(plan.last_day) or desk.today()
    return render_template(
        "plans/assessors.html",
        case=case,
        plan=plan,
        needed=needed,
        assessors=[(view, unfit(view, code=plan.occupation_code, last_day=last)) for view in views],
        chosen=plan.assessors if chosen is None else chosen,
        faults=faults,
        wrong=first_words(faults),
    )


def _training_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/<int:case_id>/training")
    @decide(of=COMPANY)
    def training(case_id: int) -> str:
        return _training_page(desk, case_id, None, ())

    @routes.post("/plans/<int:case_id>/training")
    @decide(of=COMPANY)
    def save_training(case_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form()
        typed = Training(
            hours=request.form.get("hours", 0, type=int),
            content=request.form.get("content", ""),
            first_day=posted_day("training_first"),
            last_day=posted_day("training_last"),
        )
        try:
            with desk.write() as session:
                case = get_case(session, case_id, me())
                set_training(session, case, typed, doing=doing, context=desk.context(me()))
        except FormFaults as refused:
            return _training_page(desk, case_id, typed, refused.faults), 422
        return back_to_tasks(case_id)


def _training_page(
    desk: Desk, case_id: int, typed: Training | None, faults: tuple[FieldFault, ...]
) -> str:
    with desk.read() as session:
        case, plan = open_for_editing(desk, session, case_id)
    shown = typed or training_of(plan)
    return render_template(
        "plans/training.html",
        case=case,
        plan=plan,
        hours=request.form.get("hours", shown.hours or ""),
        content=shown.content,
        first=request.form.get("training_first", plan.training_first),
        last=request.form.get("training_last", plan.training_last),
        faults=faults,
        wrong=first_words(faults),
    )
