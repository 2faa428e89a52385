"""Scores and results (评价成绩): the plan's own table out, the filled one in, computed results.

The file is read by the limited worker before the database's write lock is taken; pass or fail is
computed and shown before anything is in publicity.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.office.batches import CheckedScores, basis_of, get_batch, put_scores, read_batch
from registry.office.cases import EDITABLE, machine_of
from registry.office.fault_reports import drop_report, has_report, keep_report, read_report
from registry.office.form_faults import FieldFault
from registry.office.results import ResultLine, result_lines
from registry.office.unit import Desk
from registry.rules.findings import Findings
from registry.rules.scheme import PartKind
from registry.rules.scores_sheet import NONE, SERIOUS, template_rows
from registry.sheets.errors import SheetError
from registry.sheets.layout_scores import PART_NAMES, SCORES, scores_layout
from registry.sheets.limits import MEBIBYTE, Limits
from registry.sheets.reader import open_table
from registry.sheets.report import write_report
from registry.sheets.table import Table
from registry.sheets.template import write_empty
from registry.web.cases import doing_from_form
from registry.web.gate import CASES, COMPANY, decide, me
from registry.web.spreadsheets import saved_upload, workbook_download
from registry.wording import message
from registry.wording_batches import failing_text, points

PAGE: Final = 50
SHOWN: Final = 30
"""Faults a page lists; the report has all that are listed at all."""

LIMITS: Final = Limits(
    file_bytes=8 * MEBIBYTE,
    unpacked_bytes=64 * MEBIBYTE,
    rows=5000,
    cpu_seconds=20,
    wall_seconds=40.0,
    table_bytes=8 * MEBIBYTE,
)
_BANDS: Final = ((0, 60), (60, 70), (70, 80), (80, 90), (90, 101))
"""Points, the upper one left out: what the chart counts by."""

Page = Response | tuple[str, int] | str


def drawable(character: str) -> bool:
    """Say whether a certificate's fonts have a character."""
    return ord(character) in drawable_codepoints(font_set())


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the pages of scores and results."""
    _upload_routes(routes, desk)
    _download_routes(routes, desk)

    @routes.get("/batches/<int:case_id>/results")
    @decide(of=CASES)
    def results(case_id: int) -> str:
        page = max(request.args.get("page", 1, type=int), 1)
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            form = read_batch(case, context)
            lines = result_lines(session, case, basis_of(session, case, context).schemes, context)
        kinds = [kind for kind in PartKind if any(kind in line.parts for line in lines)]
        shown = lines[PAGE * (page - 1) : PAGE * page]
        return render_template(
            "batches/results.html",
            case=case,
            form=form,
            parts=[PART_NAMES[kind] for kind in kinds],
            rows=[_row(line, kinds) for line in shown],
            chart=_chart(lines),
            page=page,
            pages=max(-(-len(lines) // PAGE), 1),
            editing=case.state in EDITABLE and me().role in COMPANY,
        )


def _upload_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/scores")
    @decide(of=COMPANY)
    def scores(case_id: int) -> str:
        return _page(desk, case_id, (), 0)

    @routes.post("/batches/<int:case_id>/scores")
    @decide(of=COMPANY)
    def upload(case_id: int) -> Page:
        doing, file = doing_from_form(), request.files.get("scores")
        if file is None or not file.filename:
            return _page(desk, case_id, (_fault("请选择填好的成绩表"),), 1), 422
        _demand_editable(desk, case_id)
        context = desk.context(me())
        with saved_upload(file) as path:
            try:
                table = open_table(path, LIMITS, SCORES)
            except SheetError as error:
                return _page(desk, case_id, (_fault(message(error.finding)),), 1), 422
            with desk.write() as session:
                checked = put_scores(
                    session,
                    get_batch(session, case_id, me()),
                    table,
                    form=table.findings,
                    drawable=drawable,
                    doing=doing,
                    context=context,
                )
            if checked.acceptable:
                drop_report(desk.documents, case_id)
                return redirect(url_for("batches.results", case_id=case_id), 303)
            keep_report(desk.documents, case_id, _report(path.parent, table, checked), context)
        listed = tuple(_fault(message(found)) for found in checked.findings.listed[:SHOWN])
        total = checked.findings.errors + checked.findings.warnings
        return _page(desk, case_id, listed, total), 422


def _download_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/scores/template")
    @decide(of=COMPANY)
    def template(case_id: int) -> Response:
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            form, basis = read_batch(case, context), basis_of(session, case, context)
        levels = {person.level for person in basis.people}
        kinds = {
            part.kind
            for level, scheme in basis.schemes.items()
            if level in levels
            for part in scheme.parts
        }
        rows = template_rows(basis.people, plan=form.plan, occupation=form.occupation)
        with TemporaryDirectory() as folder:
            path = Path(folder, "scores.xlsx")
            write_empty(path, scores_layout(kinds), {"safety_record": [NONE, SERIOUS]}, rows)
            return workbook_download(path.read_bytes(), f"评价成绩-{form.plan}.xlsx")

    @routes.get("/batches/<int:case_id>/scores/report")
    @decide(of=COMPANY)
    def report(case_id: int) -> Response:
        with desk.read() as session:
            case = get_batch(session, case_id, me())
        data = read_report(desk.documents, case_id, desk.context(me()))
        return workbook_download(data, f"成绩问题表-{case.reference}.xlsx")


def _demand_editable(desk: Desk, case_id: int) -> None:
    with desk.read() as session:
        case = get_batch(session, case_id, me())
    if case.state not in EDITABLE:
        raise Refused(f"评价结果现为“{machine_of(case).words[case.state]}”，不能再修改")


def _page(desk: Desk, case_id: int, faults: tuple[FieldFault, ...], total: int) -> str:
    _demand_editable(desk, case_id)
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        form = read_batch(case, desk.context(me()))
    return render_template(
        "batches/scores.html",
        case=case,
        form=form,
        faults=faults,
        more=total - len(faults),
        report=has_report(desk.documents, case_id),
    )


def _report(folder: Path, table: Table, checked: CheckedScores) -> bytes:
    path = folder / "report.xlsx"
    # The file's own findings are among those of the check already.
    bare = Table(
        sheet=table.sheet,
        columns=table.columns,
        findings=Findings(),
        rows=table.rows,
        chunks=table.chunks,
        layout=table.layout,
    )
    write_report(bare, checked.findings, path, message=message)
    return path.read_bytes()


def _row(line: ResultLine, kinds: Iterable[PartKind]) -> dict[str, object]:
    marks = [
        (
            "—"
            if kind not in line.parts
            else points(line.marks[kind])
            if kind in line.marks
            else "缺考"
        )
        for kind in kinds
    ]
    return {
        "line": line,
        "marks": marks,
        "total": points(line.outcome.total),
        "why": failing_text(line.outcome.failing),
    }


def _chart(lines: tuple[ResultLine, ...]) -> list[tuple[str, int, int]]:
    """Count whole points of the totals by bands: label, persons, the bar's length of 200."""
    totals = [line.outcome.total for line in lines]
    counts = [sum(first * 10 <= total < end * 10 for total in totals) for first, end in _BANDS]
    most = max([*counts, 1])
    return [
        (f"{first}–{end - 1}", count, 200 * count // most)
        for (first, end), count in zip(_BANDS, counts, strict=True)
    ]


def _fault(text: str) -> FieldFault:
    return FieldFault(field="scores", text=text)
