"""The office's pages of a results batch: review by row, return, issue, and the numbers issued.

Approval and rejection are buttons on the case's page. Nothing is issued but from here.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.office.approving import (
    issue_approved,
    issued_results,
    prepare_batch,
    return_batch,
    review,
)
from registry.office.batches import BatchNotReady, basis_of, get_batch, read_batch
from registry.office.cases import GuardsFailed, step_for
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.rosters import read_row_findings
from registry.office.unit import Desk
from registry.rules.findings import Severity
from registry.web.batch_scores import SHOWN, drawable
from registry.web.cases import doing_from_form
from registry.web.gate import CASES, OFFICE, decide, me
from registry.wording import message

Page = Response | tuple[str, int] | str
Faults = tuple[FieldFault, ...]


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the office's pages."""
    _reviewing(routes, desk)
    _returning(routes, desk)
    _issuing(routes, desk)


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
    errors = [found for found in seen.findings.listed if found.severity is Severity.ERROR]
    warnings = [found for found in seen.findings.listed if found.severity is Severity.WARNING]
    return render_template(
        "batches/review.html",
        case=case,
        form=form,
        seen=seen,
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
            form, basis = read_batch(case, context), basis_of(session, case, context)
        return render_template(
            "batches/issue.html", case=case, form=form, company=basis.company, gaps=basis.gaps
        )

    @routes.post("/batches/<int:case_id>/issue")
    @decide(Role.CLERK)
    def issue(case_id: int) -> Response:
        doing = doing_from_form()
        with desk.write() as session:
            issue_approved(session, get_batch(session, case_id, me()), doing, desk)
        return redirect(url_for("batches.issued", case_id=case_id), 303)

    @routes.get("/batches/<int:case_id>/issued")
    @decide(of=CASES)
    def issued(case_id: int) -> str:
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            done = issued_results(session, case)
        return render_template("batches/issued.html", case=case, done=done)
