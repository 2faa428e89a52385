"""Supervision at the desks (监督管理): what waits, visits and answers, evaluations, decisions.

The draw's pages are in `registry.web.draws`, the proposals' in `registry.web.sanctions`.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.office import evaluations, sanctions, supervising
from registry.office.almanac import read_almanac
from registry.office.assessors import get_assessor
from registry.office.companies import get_company
from registry.office.draws import list_draws
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.supervising import (
    OF_EVALUATIONS,
    OF_VISITS,
    RESULT_WORDS,
    SANCTIONS,
    Item,
    Kind,
    Result,
    Stage,
)
from registry.office.unit import Desk
from registry.web import draws as draw_pages
from registry.web import sanctions as sanction_pages
from registry.web.gate import CASES, COMPANY, OFFICE, decide, me
from registry.web.plan_parts import first_words

LOOKS_ON = OFFICE | {Role.AUDITOR}


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("supervision", __name__)

    @routes.get("/supervision")
    @decide(of=CASES)
    def index() -> str:
        return _index(desk)

    @routes.get("/supervision/<int:item_id>")
    @decide(of=CASES)
    def item(item_id: int) -> str:
        return _item(desk, item_id, ())

    _item_routes(routes, desk)
    _evaluation_routes(routes, desk)
    draw_pages.add_routes(routes, desk)
    sanction_pages.add_routes(routes, desk)
    return routes


def _item_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/supervision/<int:item_id>/finding")
    @decide(Role.SUPERVISOR)
    def finding(item_id: int) -> Response | tuple[str, int]:
        words = request.form.get("finding", "")
        try:
            result = _result()
            with desk.write() as session:
                context = desk.context(me())
                supervising.report_visit(session, item_id, result, words, by=me(), context=context)
        except FormFaults as refused:
            return _item(desk, item_id, refused.faults), 422
        return _done(item_id, "finding")

    @routes.post("/supervision/<int:item_id>/answer")
    @decide(of=COMPANY)
    def answer(item_id: int) -> Response | tuple[str, int]:
        words = request.form.get("answer", "")
        try:
            with desk.write() as session:
                context = desk.context(me())
                supervising.answer(session, item_id, words, by=me(), context=context)
        except FormFaults as refused:
            return _item(desk, item_id, refused.faults), 422
        return _done(item_id, "answer")

    @routes.post("/supervision/<int:item_id>/decide")
    @decide(Role.APPROVER)
    def decision(item_id: int) -> Response | tuple[str, int]:
        note = request.form.get("note", "")
        try:
            uphold = _upholds()
            with desk.write() as session:
                sanctions.decide(session, item_id, uphold=uphold, note=note, by=me(), desk=desk)
        except FormFaults as refused:
            return _item(desk, item_id, refused.faults), 422
        return _done(item_id, "decision")


def _evaluation_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/supervision/companies/<int:company_id>/evaluate")
    @decide(of=OFFICE)
    def evaluating(company_id: int) -> str:
        return _evaluation(desk, company_id, ())

    @routes.post("/supervision/companies/<int:company_id>/evaluate")
    @decide(of=OFFICE)
    def evaluate(company_id: int) -> Response | tuple[str, int]:
        reasons = request.form.get("reasons", "")
        try:
            result = _result()
            with desk.write() as session:
                item_id = evaluations.evaluate(
                    session,
                    company_id,
                    result,
                    reasons,
                    by=me(),
                    context=desk.context(me()),
                    almanac=read_almanac(session),
                    today=desk.today(),
                )
        except FormFaults as refused:
            return _evaluation(desk, company_id, refused.faults), 422
        return _done(item_id, "evaluation")


def _result() -> Result:
    try:
        return Result(request.form.get("result", ""))
    except ValueError:
        raise FormFaults([FieldFault(field="result", text="请选择结论")]) from None


def _upholds() -> bool:
    choice = request.form.get("decision", "")
    if choice not in {"uphold", "drop"}:
        raise FormFaults([FieldFault(field="decision", text="请选择处理决定")])
    return choice == "uphold"


def _done(item_id: int, what: str) -> Response:
    return redirect(url_for("supervision.item", item_id=item_id, done=what), 303)


def _index(desk: Desk) -> str:
    role = me().role
    with desk.read() as session:
        items = supervising.list_items(session, me(), desk.context(me()))
        due = (
            evaluations.due_evaluations(session, me(), read_almanac(session), today=desk.today())
            if role in LOOKS_ON
            else ()
        )
        draws = list_draws(session, me()) if role in LOOKS_ON and not me().district else ()
    return render_template(
        "supervision/index.html",
        waiting=[one for one in items if one.stage in {Stage.ASSIGNED, Stage.PROPOSED}],
        settled=[one for one in items if one.stage not in {Stage.ASSIGNED, Stage.PROPOSED}],
        due=due,
        draws=draws,
        today=desk.today(),
        looks_on=role in LOOKS_ON,
        sees_draws=role in LOOKS_ON and not me().district,
        office=role in OFFICE,
        clerk=role is Role.CLERK,
        city=role in OFFICE and not me().district,
        supervisor=role is Role.SUPERVISOR,
    )


def _item(desk: Desk, item_id: int, faults: Iterable[FieldFault]) -> str:
    faults = tuple(faults)
    with desk.read() as session:
        context = desk.context(me())
        shown = supervising.get_item(session, item_id, me(), context)
        assessor = (
            get_assessor(session, shown.assessor_id, me(), context)
            if shown.assessor_id is not None
            else None
        )
        standing = sanctions.count_standing(session, shown.text.batch) if shown.text.batch else 0
    return render_template(
        "supervision/item.html",
        item=shown,
        ground=sanctions.GROUND_WORDS.get(shown.text.ground, ""),
        assessor=assessor,
        standing=standing,
        reports=_reports(shown),
        answers=_answers(shown),
        decides=me().role is Role.APPROVER
        and shown.kind in SANCTIONS
        and shown.stage is Stage.PROPOSED,
        own=shown.proposed_by == me().account_id,
        results=[(one.value, RESULT_WORDS[one]) for one in OF_VISITS],
        done=request.args.get("done", ""),
        typed=request.form,
        faults=faults,
        wrong=first_words(faults),
    )


def _reports(shown: Item) -> bool:
    return (
        me().role is Role.SUPERVISOR and shown.kind is Kind.VISIT and shown.stage is Stage.ASSIGNED
    )


def _answers(shown: Item) -> bool:
    heard = {Stage.REPORTED, Stage.RECORDED, Stage.PROPOSED}
    return me().role in COMPANY and shown.stage in heard and not shown.text.answer


def _evaluation(desk: Desk, company_id: int, faults: Iterable[FieldFault]) -> str:
    faults = tuple(faults)
    with desk.read() as session:
        company = get_company(session, company_id, me())
        almanac, today = read_almanac(session), desk.today()
        idle = evaluations.idle_since(session, company, almanac, today=today)
    return render_template(
        "supervision/evaluate.html",
        company=company,
        idle=idle,
        results=[(one.value, RESULT_WORDS[one]) for one in OF_EVALUATIONS],
        typed=request.form,
        faults=faults,
        wrong=first_words(faults),
    )
