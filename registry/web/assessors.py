"""A company's assessors (考评人员): list, register, amend; the office looks on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from registry.office.almanac import read_almanac
from registry.office.assessor_entry import AssessorEntry, entry_of
from registry.office.assessor_list import PAGE, assessor_page
from registry.office.assessors import (
    AssessorView,
    add_assessor,
    amend_assessor,
    get_assessor,
    import_assessors,
)
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.plan_form import assessors_needed
from registry.office.unit import Desk
from registry.rules.findings import Severity
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.sheets.errors import SheetError
from registry.sheets.layout_assessors import ASSESSORS
from registry.sheets.reader import open_table
from registry.sheets.template import write_empty
from registry.web.cases import page_asked
from registry.web.gate import CASES, COMPANY, decide, me
from registry.web.plan_parts import first_words, posted_day
from registry.web.spreadsheets import saved_upload, workbook_download
from registry.web.table_upload import LIMITS
from registry.wording import message

SHOWN = 30
"""Faults of a table that the page lists."""


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("assessors", __name__)

    @routes.get("/assessors")
    @decide(of=CASES)
    def listing() -> str:
        with desk.read() as session:
            page = page_asked()
            views, total = assessor_page(session, me(), desk.context(me()), page=page)
            needed = assessors_needed(desk.today(), read_almanac(session))
        return render_template(
            "assessors/list.html",
            assessors=views,
            total=total,
            page=page,
            pages=-(-total // PAGE),
            needed=needed,
            mine=me().role in COMPANY,
            today=desk.today(),
        )

    @routes.get("/assessors/new")
    @decide(of=COMPANY)
    def new() -> str:
        return _page(None, ())

    @routes.post("/assessors/new")
    @decide(of=COMPANY)
    def create() -> Response | tuple[str, int]:
        try:
            with desk.write() as session:
                add_assessor(
                    session, _typed(), by=me(), context=desk.context(me()), today=desk.today()
                )
        except FormFaults as refused:
            return _page(None, refused.faults), 422
        return redirect(url_for("assessors.listing"), 303)

    _amending(routes, desk)
    _tables(routes, desk)
    return routes


def _amending(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/assessors/<int:assessor_id>")
    @decide(of=COMPANY)
    def amending(assessor_id: int) -> str:
        return _page(_view(desk, assessor_id), ())

    @routes.post("/assessors/<int:assessor_id>")
    @decide(of=COMPANY)
    def amend(assessor_id: int) -> Response | tuple[str, int]:
        version = request.form.get("version", type=int)
        if version is None:
            raise BadRequest
        try:
            with desk.write() as session:
                amend_assessor(
                    session,
                    assessor_id,
                    _typed(),
                    version=version,
                    by=me(),
                    context=desk.context(me()),
                    today=desk.today(),
                )
        except FormFaults as refused:
            return _page(_view(desk, assessor_id), refused.faults), 422
        return redirect(url_for("assessors.listing"), 303)


def _tables(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/assessors/template")
    @decide(of=COMPANY)
    def template() -> Response:
        with TemporaryDirectory() as folder:
            path = Path(folder, "template.xlsx")
            write_empty(path, ASSESSORS, {"id_type": list(ID_TYPE_NAMES.values())})
            return workbook_download(path.read_bytes(), "考评人员模板.xlsx")

    @routes.get("/assessors/import")
    @decide(of=COMPANY)
    def importing() -> str:
        return render_template("assessors/import.html", faults=(), more=0)

    @routes.post("/assessors/import")
    @decide(of=COMPANY)
    def take_table() -> Response | tuple[str, int]:
        faults = _import(desk)
        if faults:
            shown, more = faults[:SHOWN], max(len(faults) - SHOWN, 0)
            return render_template("assessors/import.html", faults=shown, more=more), 422
        return redirect(url_for("assessors.listing"), 303)


def _import(desk: Desk) -> tuple[FieldFault, ...]:
    """Take a table of assessors, wholly or not at all; return what is wrong with it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return (FieldFault(field="file", text="请选择填好的表格"),)
    try:
        with saved_upload(file) as path:
            table = open_table(path, LIMITS, ASSESSORS)
        form = [message(f) for f in table.findings.listed if f.severity is Severity.ERROR]
        if form:
            return tuple(FieldFault(field="file", text=text) for text in form)
        rows = [(number, entry_of(cells)) for number, cells in table]
        with desk.write() as session:
            import_assessors(session, rows, by=me(), context=desk.context(me()), today=desk.today())
    except SheetError as error:
        return (FieldFault(field="file", text=message(error.finding)),)
    except FormFaults as refused:
        return refused.faults
    return ()


def _view(desk: Desk, assessor_id: int) -> AssessorView:
    with desk.read() as session:
        return get_assessor(session, assessor_id, me(), desk.context(me()))


def _typed() -> AssessorEntry:
    form = request.form
    return AssessorEntry(
        name=form.get("name", ""),
        id_type=form.get("id_type", ""),
        id_number=form.get("id_number", ""),
        occupations=form.get("occupations", ""),
        certificate=form.get("certificate", ""),
        valid_until=posted_day("valid_until"),
    )


def _page(view: AssessorView | None, faults: tuple[FieldFault, ...]) -> str:
    kept = {
        "id_type": IdType.RESIDENT_ID.value,
        "occupations": " ".join(view.occupations) if view else "",
        "certificate": view.certificate if view else "",
        "valid_until": view.valid_until.isoformat() if view else "",
    }
    return render_template(
        "assessors/form.html",
        view=view,
        typed={**kept, **request.form.to_dict()},
        id_types=[(kind.value, word) for kind, word in ID_TYPE_NAMES.items()],
        faults=faults,
        wrong=first_words(faults),
    )
