"""Supervision at the desks (监督管理): what waits, visits and answers, evaluations, decisions.

The draw's pages are in `registry.web.draws`, the proposals' in `registry.web.sanctions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.office import evaluations, sanctions, supervising, visits
from registry.office.almanac import read_almanac
from registry.office.assessors import get_assessor
from registry.office.companies import get_company
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
from registry.web import supervision_lists
from registry.web.gate import CASES, COMPANY, OFFICE, decide, me
from registry.web.long_work import LARGE, Tell, Words, follow
from registry.web.plan_parts import first_words

_REVOKING: Final = Words(title="正在撤销证书", english="Revoking", counted="已撤销（本）")


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("supervision", __name__)

    @routes.get("/supervision")
    @decide(of=CASES)
    def index() -> str:
        return supervision_lists.index(desk)

    @routes.get("/supervision/<int:item_id>")
    @decide(of=CASES)
    def item(item_id: int) -> str:
        return _item(desk, item_id, ())

    _item_routes(routes, desk)
    _decision_route(routes, desk)
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
                visits.report_visit(session, item_id, result, words, by=me(), context=context)
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
                visits.answer(session, item_id, words, by=me(), context=context)
        except FormFaults as refused:
            return _item(desk, item_id, refused.faults), 422
        return _done(item_id, "answer")

    @routes.post("/supervision/<int:item_id>/check")
    @decide(Role.CLERK)
    def check(item_id: int) -> Response | tuple[str, int]:
        words, again = request.form.get("check", ""), "again" in request.form
        use_case = visits.ask_again if again else visits.close_visit
        try:
            with desk.write() as session:
                use_case(session, item_id, words, by=me(), context=desk.context(me()))
        except FormFaults as refused:
            return _item(desk, item_id, refused.faults), 422
        return _done(item_id, "again" if again else "closed")


def _decision_route(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/supervision/<int:item_id>/decide")
    @decide(Role.APPROVER)
    def decision(item_id: int) -> Response | tuple[str, int]:
        note, by, done = request.form.get("note", ""), me(), _address(item_id, "decision")
        try:
            uphold = _upholds()

            def run(tell: Tell) -> str:
                with desk.write() as session:
                    sanctions.decide(
                        session, item_id, uphold=uphold, note=note, by=by, desk=desk, progress=tell
                    )
                return done

            if uphold and note.strip() and _standing(desk, item_id) >= LARGE:
                return follow(run, _REVOKING, url_for("supervision.item", item_id=item_id))
            run(desk.tell)
        except FormFaults as refused:
            return _item(desk, item_id, refused.faults), 422
        return redirect(done, 303)


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
    return redirect(_address(item_id, what), 303)


def _address(item_id: int, what: str) -> str:
    return url_for("supervision.item", item_id=item_id, done=what)


def _standing(desk: Desk, item_id: int) -> int:
    """Count the certificates that a decision would revoke."""
    with desk.read() as session:
        batch = supervising.get_item(session, item_id, me(), desk.context(me())).text.batch
        return sanctions.count_standing(session, batch) if batch else 0


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
        checks=_checks(shown),
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
    return me().role in COMPANY and shown.stage in visits.HEARD and not shown.text.answer


def _checks(shown: Item) -> bool:
    sound = shown.stage is Stage.REPORTED and shown.result is Result.SOUND
    return me().role is Role.CLERK and (sound or shown.stage is Stage.ANSWERED)


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
