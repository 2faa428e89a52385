"""Publicity and filing at the company's desk (公示、结果备案, notice 六（三）3).

The list in publicity shows names masked, for the screen and for the notice board.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.errors import NotFound
from registry.office.almanac import Almanac, read_almanac
from registry.office.batch_facts import facts_of
from registry.office.batches import (
    BatchCase,
    BatchNotReady,
    check_batch,
    get_batch,
    read_batch,
)
from registry.office.cases import Doing, step_for
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.publicity import (
    Publicity,
    handle_objection,
    publicity_of,
    record_objection,
    start_publicity,
    submit_batch,
    take_back,
)
from registry.office.results import result_lines, result_page
from registry.office.unit import Desk
from registry.rules.terms import Term, deadline
from registry.web.batch_scores import PAGE
from registry.web.cases import doing_from_form, page_asked
from registry.web.gate import CASES, COMPANY, decide, me
from registry.wording_batches import points

Page = Response | tuple[str, int] | str
Faults = tuple[FieldFault, ...]


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the pages of publicity and filing."""
    _publishing(routes, desk)
    _showing(routes, desk)
    _filing(routes, desk)
    _taking_back(routes, desk)


def _publishing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/publish")
    @decide(of=COMPANY)
    def publish(case_id: int) -> str:
        return _publish_page(desk, case_id)

    @routes.post("/batches/<int:case_id>/publish")
    @decide(Role.COMPANY_HEAD)
    def begin(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                start_publicity(session, get_batch(session, case_id, me()), doing, desk)
        except BatchNotReady:
            return _publish_page(desk, case_id), 422
        return redirect(url_for("batches.publicity", case_id=case_id), 303)


def _publish_page(desk: Desk, case_id: int) -> str:
    context, today = desk.context(me()), desk.today()
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        faults = check_batch(session, case, context)
        form, almanac = read_batch(case, context), read_almanac(session)
    rule = almanac.rules.term(Term.PUBLICITY, today)
    last = deadline(rule, today, almanac.days)
    return render_template(
        "batches/publish.html",
        case=case,
        form=form,
        faults=faults,
        length=rule.length,
        last=last,
        head=me().role is Role.COMPANY_HEAD,
        today=today,
    )


def _showing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/publicity")
    @decide(of=CASES)
    def publicity(case_id: int) -> str:
        return _publicity_page(desk, case_id, ())

    @routes.get("/batches/<int:case_id>/publicity/list")
    @decide(of=CASES)
    def printed(case_id: int) -> str:
        # On the screen page by page; all at once for whoever prints it for the notice board.
        whole, page, context = request.args.get("whole") == "yes", page_asked(), desk.context(me())
        with desk.read() as session:
            case, now, _ = _current(desk, session, case_id)
            form, facts = read_batch(case, context), facts_of(session, case, context)
            lines = (
                result_lines(session, case, facts.schemes, context)
                if whole
                else result_page(session, case, facts.schemes, context, page=page, size=PAGE)
            )
        if whole:
            note_disclosure(desk, Disclosed.PUBLICITY_LIST, case.reference, me())
        return render_template(
            "batches/printed.html",
            case=case,
            form=form,
            now=now,
            company=facts.company,
            rows=[(line, points(line.outcome.total)) for line in lines],
            before=0 if whole else PAGE * (page - 1),
            page=page,
            pages=1 if whole else -(-form.people // PAGE),
        )

    @routes.post("/batches/<int:case_id>/objections")
    @decide(of=COMPANY)
    def objection(case_id: int) -> Page:
        text = request.form.get("objection", "")

        def record(session: Session, case: BatchCase, doing: Doing) -> None:
            record_objection(session, case, text, doing, desk)

        return _objecting(desk, case_id, record)

    @routes.post("/batches/<int:case_id>/objections/<int:number>")
    @decide(of=COMPANY)
    def handling(case_id: int, number: int) -> Page:
        text = request.form.get(f"handling-{number}", "")

        def record(session: Session, case: BatchCase, doing: Doing) -> None:
            handle_objection(session, case, number, text, doing=doing, desk=desk)

        return _objecting(desk, case_id, record)


def _objecting(
    desk: Desk, case_id: int, record: Callable[[Session, BatchCase, Doing], None]
) -> Page:
    doing = doing_from_form()
    try:
        with desk.write() as session:
            record(session, get_batch(session, case_id, me()), doing)
    except FormFaults as refused:
        return _publicity_page(desk, case_id, refused.faults), 422
    return redirect(url_for("batches.publicity", case_id=case_id), 303)


def _publicity_page(desk: Desk, case_id: int, faults: Faults) -> str:
    with desk.read() as session:
        case, now, _ = _current(desk, session, case_id)
        form = read_batch(case, desk.context(me()))
    return render_template(
        "batches/publicity.html",
        case=case,
        form=form,
        now=now,
        open=case.state == "publicity" and me().role in COMPANY,
        head=me().role is Role.COMPANY_HEAD,
        faults=faults,
        wrong={fault.field: fault.text for fault in faults},
        typed=request.form,
    )


def _filing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/check")
    @decide(of=COMPANY)
    def check(case_id: int) -> str:
        return _check_page(desk, case_id, ())

    @routes.post("/batches/<int:case_id>/check")
    @decide(Role.COMPANY_HEAD)
    def send(case_id: int) -> Page:
        doing = doing_from_form()
        with desk.read() as session:
            _, now, _ = _current(desk, session, case_id)
        if desk.today() > now.file_by and not doing.note.strip():
            fault = FieldFault(field="note", text="已超过报送期限，请说明逾期理由")
            return _check_page(desk, case_id, (fault,)), 422
        try:
            with desk.write() as session:
                submit_batch(session, get_batch(session, case_id, me()), doing, desk)
        except BatchNotReady as refused:
            return _check_page(desk, case_id, refused.faults), 422
        return redirect(url_for("batches.sent", case_id=case_id), 303)

    @routes.get("/batches/<int:case_id>/sent")
    @decide(of=COMPANY)
    def sent(case_id: int) -> str:
        with desk.read() as session:
            case = get_batch(session, case_id, me())
        return render_template("batches/sent.html", case=case, today=desk.today())


def _check_page(desk: Desk, case_id: int, faults: Faults) -> str:
    context = desk.context(me())
    with desk.read() as session:
        case, now, _ = _current(desk, session, case_id)
        form = read_batch(case, context)
        blocking = check_batch(session, case, context) if case.state == "publicity" else ()
    return render_template(
        "batches/check.html",
        case=case,
        form=form,
        now=now,
        faults=faults,
        blocking=blocking,
        late=desk.today() > now.file_by,
        head=me().role is Role.COMPANY_HEAD,
        typed=request.form,
        today=desk.today(),
    )


def _taking_back(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/take-back")
    @decide(Role.COMPANY_HEAD)
    def taking_back(case_id: int) -> str:
        return _take_back_page(desk, case_id, ())

    @routes.post("/batches/<int:case_id>/take-back")
    @decide(Role.COMPANY_HEAD)
    def give_up(case_id: int) -> Page:
        doing = doing_from_form()
        if not doing.note.strip():
            fault = FieldFault(field="note", text="请写明撤回公示的理由")
            return _take_back_page(desk, case_id, (fault,)), 422
        with desk.write() as session:
            take_back(session, get_batch(session, case_id, me()), doing, desk)
        return redirect(url_for("batches.tasks", case_id=case_id), 303)


def _take_back_page(desk: Desk, case_id: int, faults: Faults) -> str:
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        step_for(case, "take-back", me())
    return render_template("batches/take_back.html", case=case, faults=faults, typed=request.form)


def _current(desk: Desk, session: Session, case_id: int) -> tuple[BatchCase, Publicity, Almanac]:
    case, almanac = get_batch(session, case_id, me()), read_almanac(session)
    now = publicity_of(session, case, desk.context(me()), almanac, today=desk.today())
    if now is None:
        raise NotFound("此评价结果没有在公示：请先核对成绩并开始公示")
    return case, now, almanac
