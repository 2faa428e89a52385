"""The office's pages of a results batch: review by row, return, issue, and the numbers issued.

Approval and rejection are buttons on the case's page. Nothing is issued but from here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.office.approving import (
    issue_approved,
    issued_results,
    prepare_batch,
    return_batch,
)
from registry.office.batch_facts import facts_of
from registry.office.batches import BatchNotReady, get_batch, read_batch
from registry.office.cases import GuardsFailed, step_for
from registry.office.closing import NOBODY, close_batch
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.results import withheld_reasons
from registry.office.reviewing import review
from registry.office.rosters import read_row_findings
from registry.office.unit import Desk
from registry.office.weighing import weigh
from registry.office.withholding import count_to_issue, withhold
from registry.rules.findings import Severity
from registry.web.batch_scores import drawable
from registry.web.cases import doing_from_form
from registry.web.gate import CASES, OFFICE, decide, me
from registry.web.long_work import LARGE, Tell, Words, follow
from registry.web.table_upload import SHOWN
from registry.wording import message

Page = Response | tuple[str, int] | str
Faults = tuple[FieldFault, ...]


_ISSUING: Final = Words(title="正在发证", english="Issuing", counted="已签发（本）")


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the office's pages."""
    _reviewing(routes, desk)
    _returning(routes, desk)
    _withholding(routes, desk)
    _issuing(routes, desk)
    _closing(routes, desk)


def _reviewing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/review")
    @decide(of=OFFICE)
    def reviewing(case_id: int) -> str:
        return _review_page(desk, case_id)

    @routes.post("/batches/<int:case_id>/review")
    @decide(Role.CLERK)
    def prepare(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                case = get_batch(session, case_id, me())
                prepare_batch(session, case, doing, desk, drawable=drawable)
        except (BatchNotReady, GuardsFailed):
            return _review_page(desk, case_id), 422
        return redirect(url_for("cases.case", case_id=case_id, done="prepare"), 303)


def _review_page(desk: Desk, case_id: int) -> str:
    context = desk.context(me())
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        form = read_batch(case, context)
        seen = review(session, case, drawable=drawable, context=context, today=desk.today())
        weighed = weigh(session, case, context)
    errors = [found for found in seen.findings.listed if found.severity is Severity.ERROR]
    warnings = [found for found in seen.findings.listed if found.severity is Severity.WARNING]
    return render_template(
        "batches/review.html",
        case=case,
        form=form,
        seen=seen,
        weighed=weighed,
        errors=[message(found) for found in errors[:SHOWN]],
        warnings=[message(found) for found in warnings[:SHOWN]],
        may=case.state == "submitted" and me().role is Role.CLERK,
        typed=request.form,
    )


def _returning(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/return")
    @decide(of=OFFICE)
    def giving_back(case_id: int) -> str:
        return _return_page(desk, case_id, ())

    @routes.post("/batches/<int:case_id>/return")
    @decide(of=OFFICE)
    def give_back(case_id: int) -> Page:
        doing = doing_from_form()
        if not doing.note.strip():
            fault = FieldFault(field="note", text="请写明退回理由：对方据此修改")
            return _return_page(desk, case_id, (fault,)), 422
        try:
            with desk.write() as session:
                case = get_batch(session, case_id, me())
                rows = read_row_findings(session, case, request.form.get("rows", ""))
                return_batch(session, case, rows, doing, desk)
        except FormFaults as refused:
            return _return_page(desk, case_id, refused.faults), 422
        return redirect(url_for("cases.case", case_id=case_id, done="return"), 303)


def _return_page(desk: Desk, case_id: int, faults: Faults) -> str:
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        step_for(case, "return", me())
    return render_template(
        "batches/return.html",
        case=case,
        faults=faults,
        wrong={fault.field: fault.text for fault in faults},
        typed=request.form,
    )


def _withholding(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/withhold")
    @decide(Role.CLERK)
    def withholding(case_id: int) -> str:
        return _withhold_page(desk, case_id, ())

    @routes.post("/batches/<int:case_id>/withhold")
    @decide(Role.CLERK)
    def keep_withheld(case_id: int) -> Page:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                case = get_batch(session, case_id, me())
                rows = read_row_findings(session, case, request.form.get("rows", ""))
                withhold(session, case, rows, doing, desk.context(me()))
        except FormFaults as refused:
            return _withhold_page(desk, case_id, refused.faults), 422
        return redirect(url_for("batches.reviewing", case_id=case_id), 303)


def _withhold_page(desk: Desk, case_id: int, faults: Faults) -> str:
    context = desk.context(me())
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        step_for(case, "withhold", me())
        named = withheld_reasons(session, case, context)
    lines = "\n".join(f"{row} {reason}" for row, reason in sorted(named.items()))
    return render_template(
        "batches/withhold.html",
        case=case,
        faults=faults,
        wrong={fault.field: fault.text for fault in faults},
        rows=request.form.get("rows", lines),
    )


def _issuing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/issue")
    @decide(Role.CLERK)
    def issuing(case_id: int) -> Page:
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            if case.state == "issued":
                return redirect(url_for("batches.issued", case_id=case_id), 303)
            step_for(case, "issue", me())
            form, facts = read_batch(case, context), facts_of(session, case, context)
            count = count_to_issue(session, case, context)
        return render_template(
            "batches/issue.html", case=case, form=form, facts=facts, gaps=facts.gaps, count=count
        )

    @routes.post("/batches/<int:case_id>/issue")
    @decide(Role.CLERK)
    def issue(case_id: int) -> Response:
        doing, done = doing_from_form(), url_for("batches.issued", case_id=case_id)

        def run(tell: Tell) -> str:
            with desk.write() as session:
                case = get_batch(session, case_id, doing.by)
                issue_approved(session, case, doing, replace(desk, tell=tell))
            return done

        with desk.read() as session:
            case = get_batch(session, case_id, me())
            large = count_to_issue(session, case, desk.context(me())) >= LARGE
        if large:
            return follow(run, _ISSUING, url_for("cases.case", case_id=case_id))
        return redirect(run(desk.tell), 303)

    @routes.get("/batches/<int:case_id>/issued")
    @decide(of=CASES)
    def issued(case_id: int) -> str:
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            done = issued_results(session, case)
        return render_template("batches/issued.html", case=case, done=done)


def _closing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/close")
    @decide(Role.CLERK)
    def closing(case_id: int) -> str:
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            step_for(case, "close", me())
            form, facts = read_batch(case, context), facts_of(session, case, context)
        return render_template(
            "batches/close.html", case=case, form=form, facts=facts, remark=NOBODY
        )

    @routes.post("/batches/<int:case_id>/close")
    @decide(Role.CLERK)
    def close(case_id: int) -> Response:
        doing = doing_from_form()
        with desk.write() as session:
            close_batch(session, get_batch(session, case_id, me()), doing, desk)
        return redirect(url_for("cases.case", case_id=case_id, done="close"), 303)
