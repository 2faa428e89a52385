"""The roster's pages (评价员工名册): template, upload with every fault by row, fault report, list.

The file is read by the limited worker before the database's write lock is taken; what it says is
checked by the use case. It stands on disk only in a private folder that goes with the request.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.office.almanac import read_almanac
from registry.office.cases import Doing, get_case
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.fault_reports import has_report, read_report
from registry.office.form_faults import FieldFault
from registry.office.plan_form import months_dispatched
from registry.office.plans import put_roster, read_plan
from registry.office.rosters import CheckedPlanRoster, roster_lines
from registry.office.unit import Desk
from registry.rules.findings import Findings
from registry.rules.levels import BY_SYMBOL
from registry.rules.people import ID_TYPE_NAMES
from registry.rules.plan_roster import EMPLOYMENT_NAMES
from registry.sheets.layouts import ROSTER
from registry.sheets.template import write_empty
from registry.web.cases import doing_from_form
from registry.web.gate import CASES, COMPANY, decide, me
from registry.web.long_work import Words
from registry.web.plan_parts import open_for_editing
from registry.web.spreadsheets import workbook_download
from registry.web.table_upload import FOUND, Rows, Upload, found_text, receive

PAGE: Final = 25
_CHECKING: Final = Words(
    title="正在核对名册", english="Checking the roster", counted="已核对（行）"
)


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the roster's pages."""
    _upload_routes(routes, desk)
    _download_routes(routes, desk)

    @routes.get("/plans/<int:case_id>/people")
    @decide(of=CASES)
    def people(case_id: int) -> str:
        page = max(request.args.get("page", 1, type=int), 1)
        with desk.read() as session:
            case = get_case(session, case_id, me())
            read_plan(case, desk.context(me()))
            lines, total = roster_lines(session, case, desk.context(me()), page=page, size=PAGE)
        return render_template(
            "plans/people.html",
            case=case,
            lines=lines,
            total=total,
            page=page,
            pages=max(-(-total // PAGE), 1),
        )


def _upload_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/<int:case_id>/roster")
    @decide(of=COMPANY)
    def roster(case_id: int) -> str:
        count = request.args.get(FOUND, 0, type=int)
        return _page(desk, case_id, (found_text(count),) if count > 0 else (), 1)

    @routes.post("/plans/<int:case_id>/roster")
    @decide(of=COMPANY)
    def upload(case_id: int) -> Response | tuple[str, int]:
        doing = doing_from_form()
        file = request.files.get("roster")
        if file is None or not file.filename:
            return _page(desk, case_id, ("请选择填好的名册文件",), 1), 422
        with desk.read() as session:
            open_for_editing(desk, session, case_id)
        return receive(desk, file, _check(desk, case_id, doing))


def _check(desk: Desk, case_id: int, doing: Doing) -> Upload:
    def use_case(session: Session, rows: Rows, form: Findings) -> CheckedPlanRoster:
        return put_roster(
            session,
            get_case(session, case_id, doing.by),
            rows,
            form=form,
            doing=doing,
            context=desk.context(doing.by),
            today=desk.today(),
        )

    return Upload(
        case_id=case_id,
        by=doing.by,
        layout=ROSTER,
        check=use_case,
        onward=url_for("plans.tasks", case_id=case_id),
        back=url_for("plans.roster", case_id=case_id),
        words=_CHECKING,
        show=partial(_page, desk, case_id),
    )


def _download_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/plans/roster-template")
    @decide(of=CASES)
    def roster_template() -> Response:
        lists = {
            "id_type": list(ID_TYPE_NAMES.values()),
            "employment": list(EMPLOYMENT_NAMES.values()),
            "applied_level": [level.printed for level in BY_SYMBOL.values()],
        }
        with TemporaryDirectory() as folder:
            path = Path(folder, "template.xlsx")
            write_empty(path, ROSTER, lists)
            return workbook_download(path.read_bytes(), "评价员工名册模板.xlsx")

    @routes.get("/plans/<int:case_id>/roster/report")
    @decide(of=COMPANY)
    def report(case_id: int) -> Response:
        with desk.read() as session:
            case = get_case(session, case_id, me())
            read_plan(case, desk.context(me()))
        data = read_report(desk.documents, case_id, desk.context(me()))
        note_disclosure(desk, Disclosed.ROSTER_REPORT, case.reference, me())
        return workbook_download(data, f"名册问题表-{case.reference}.xlsx")


def _page(desk: Desk, case_id: int, faults: tuple[str, ...], total: int) -> str:
    with desk.read() as session:
        case, plan = open_for_editing(desk, session, case_id)
        lines, _ = roster_lines(session, case, desk.context(me()), page=1, size=PAGE)
        months = months_dispatched(case.first_day or desk.today(), read_almanac(session))
    return render_template(
        "plans/roster.html",
        case=case,
        plan=plan,
        lines=lines,
        months=months,
        faults=[FieldFault(field="roster", text=text) for text in faults],
        more=total - len(faults),
        report=has_report(desk.documents, case_id),
    )
