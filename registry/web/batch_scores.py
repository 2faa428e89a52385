"""Scores and results (评价成绩): the plan's own table out, the filled one in, computed results.

The file is read by the limited worker before the database's write lock is taken; pass or fail is
computed and shown before anything is in publicity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.office.batch_facts import facts_of
from registry.office.batches import (
    CheckedScores,
    basis_of,
    get_batch,
    planned_people,
    put_scores,
    read_batch,
)
from registry.office.cases import EDITABLE, Doing, machine_of
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.fault_reports import has_report, read_report
from registry.office.form_faults import FieldFault
from registry.office.kept import kept
from registry.office.results import ResultLine, result_lines, result_page
from registry.office.unit import Desk
from registry.rules.findings import Findings
from registry.rules.scheme import PartKind, Scheme
from registry.rules.scores_sheet import NONE, SERIOUS, template_rows
from registry.sheets.layout_scores import PART_NAMES, SCORES, scores_layout
from registry.sheets.template import write_empty
from registry.web import charts
from registry.web.cases import doing_from_form, page_asked
from registry.web.gate import CASES, COMPANY, decide, me
from registry.web.long_work import Words
from registry.web.spreadsheets import workbook_download
from registry.web.table_upload import FOUND, Rows, Upload, found_text, receive
from registry.wording_batches import failing_text, points

PAGE: Final = 25
_CHECKING: Final = Words(title="正在核对成绩", english="Checking scores", counted="已核对（行）")


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
        page = page_asked()
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            form, facts = read_batch(case, context), facts_of(session, case, context)
            schemes = facts.schemes
            figures = kept(
                session,
                ("result-figures", facts.links),
                lambda: _figures(result_lines(session, case, schemes, context), schemes),
            )
            lines = result_page(session, case, schemes, context, page=page, size=PAGE)
        return render_template(
            "batches/results.html",
            case=case,
            form=form,
            parts=[PART_NAMES[kind] for kind in figures.kinds],
            rows=list(_rows(lines, figures.kinds)),
            totals=figures.totals,
            rates=figures.rates,
            page=page,
            pages=max(-(-form.people // PAGE), 1),
            editing=case.state in EDITABLE and me().role in COMPANY,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """What the page says of all results together: the parts, and the two charts."""

    kinds: tuple[PartKind, ...]
    totals: tuple[charts.Bar, ...]
    rates: tuple[charts.Bar, ...]


def _figures(lines: Sequence[ResultLine], schemes: Mapping[str, Scheme]) -> _Figures:
    kinds = tuple(kind for kind in PartKind if any(kind in line.parts for line in lines))
    return _Figures(
        kinds=kinds,
        totals=charts.totals(lines),
        rates=charts.pass_rates(lines, schemes, kinds),
    )


def _upload_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/scores")
    @decide(of=COMPANY)
    def scores(case_id: int) -> str:
        count = request.args.get(FOUND, 0, type=int)
        return _page(desk, case_id, (found_text(count),) if count > 0 else (), 1)

    @routes.post("/batches/<int:case_id>/scores")
    @decide(of=COMPANY)
    def upload(case_id: int) -> Response | tuple[str, int]:
        doing, file = doing_from_form(), request.files.get("scores")
        if file is None or not file.filename:
            return _page(desk, case_id, ("请选择填好的成绩表",), 1), 422
        _demand_editable(desk, case_id)
        return receive(desk, file, _check(desk, case_id, doing))


def _check(desk: Desk, case_id: int, doing: Doing) -> Upload:
    def use_case(session: Session, rows: Rows, form: Findings) -> CheckedScores:
        return put_scores(
            session,
            get_batch(session, case_id, doing.by),
            rows,
            form=form,
            drawable=drawable,
            doing=doing,
            context=desk.context(doing.by),
        )

    return Upload(
        case_id=case_id,
        by=doing.by,
        layout=SCORES,
        check=use_case,
        onward=url_for("batches.results", case_id=case_id),
        back=url_for("batches.scores", case_id=case_id),
        words=_CHECKING,
        show=partial(_page, desk, case_id),
    )


def _download_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/batches/<int:case_id>/scores/template")
    @decide(of=COMPANY)
    def template(case_id: int) -> Response:
        context = desk.context(me())
        with desk.read() as session:
            case = get_batch(session, case_id, me())
            form, basis = read_batch(case, context), basis_of(session, case, context)
            planned = planned_people(session, basis, context)
        levels = {person.level for person in planned}
        kinds = {
            part.kind
            for level, scheme in basis.schemes.items()
            if level in levels
            for part in scheme.parts
        }
        rows = template_rows(planned, plan=form.plan, occupation=form.occupation)
        with TemporaryDirectory() as folder:
            path = Path(folder, "scores.xlsx")
            write_empty(path, scores_layout(kinds), {"safety_record": [NONE, SERIOUS]}, rows)
            note_disclosure(desk, Disclosed.SCORES_TEMPLATE, case.reference, me())
            return workbook_download(path.read_bytes(), f"评价成绩-{form.plan}.xlsx")

    @routes.get("/batches/<int:case_id>/scores/report")
    @decide(of=COMPANY)
    def report(case_id: int) -> Response:
        with desk.read() as session:
            case = get_batch(session, case_id, me())
        data = read_report(desk.documents, case_id, desk.context(me()))
        note_disclosure(desk, Disclosed.SCORES_REPORT, case.reference, me())
        return workbook_download(data, f"成绩问题表-{case.reference}.xlsx")


def _demand_editable(desk: Desk, case_id: int) -> None:
    with desk.read() as session:
        case = get_batch(session, case_id, me())
    if case.state not in EDITABLE:
        raise Refused(f"评价结果现为“{machine_of(case).words[case.state]}”，不能再修改")


def _page(desk: Desk, case_id: int, faults: tuple[str, ...], total: int) -> str:
    _demand_editable(desk, case_id)
    with desk.read() as session:
        case = get_batch(session, case_id, me())
        form = read_batch(case, desk.context(me()))
    return render_template(
        "batches/scores.html",
        case=case,
        form=form,
        faults=[FieldFault(field="scores", text=text) for text in faults],
        more=total - len(faults),
        report=has_report(desk.documents, case_id),
    )


def _rows(lines: Iterable[ResultLine], kinds: Sequence[PartKind]) -> Iterator[tuple[object, ...]]:
    """Give each line's cells in the table's order, the marks' cells as one piece of HTML.

    Made from the parts' names and numbers alone; six loops in the template would cost more than
    the rest of the page.
    """
    cells = "".join(
        f'<td data-label="{escape(PART_NAMES[kind])}" class="number">%s</td>' for kind in kinds
    )
    for line in lines:
        marks = tuple(
            "—"
            if kind not in line.parts
            else "缺考"
            if (mark := line.marks.get(kind)) is None
            else points(mark)
            for kind in kinds
        )
        yield (
            line.row,
            line.name,
            line.id_number,
            line.admission,
            line.level,
            Markup(cells % marks),  # noqa: S704 - nothing in it was typed by anybody
            points(line.outcome.total),
            failing_text(line.outcome.failing) if line.outcome.failing else "",
            line.withheld,
        )
