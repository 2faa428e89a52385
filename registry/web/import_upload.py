"""A table of existing certificates handed in (提交补录表): blank form, every fault by row, report.

The file is read by the limited worker and its rows are checked before the database's write lock is
taken; under the lock only the registry is asked. What is wrong with it is kept as a fault report,
one for each clerk, until the next table or its day; a table kept with hints keeps its report too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from registry.errors import NotFound, Refused
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.fault_reports import (
    IMPORT_REPORTS,
    drop_report,
    has_report,
    keep_report,
    read_report,
)
from registry.office.form_faults import FieldFault
from registry.office.identity import Identity, Role
from registry.office.importing import prepare, require_city
from registry.office.importing_checks import check_table
from registry.office.issuers import all_issuers
from registry.office.unit import Desk
from registry.rules.findings import Findings
from registry.rules.imported import MOST_ROWS
from registry.sheets.errors import SheetError
from registry.sheets.layout_import import IMPORT
from registry.sheets.limits import MEBIBYTE, Limits
from registry.sheets.reader import open_table
from registry.sheets.template import write_import_form
from registry.web.batch_scores import drawable
from registry.web.filing_words import by_field
from registry.web.gate import OFFICE, decide, me
from registry.web.long_work import Tell, Words, follow
from registry.web.spreadsheets import workbook_download
from registry.web.table_upload import FOUND, SHOWN, Held, found_text, report_of
from registry.wording import message

LIMITS: Final = Limits(
    file_bytes=16 * MEBIBYTE,
    unpacked_bytes=128 * MEBIBYTE,
    rows=MOST_ROWS,
    cpu_seconds=30,
    wall_seconds=60.0,
    table_bytes=32 * MEBIBYTE,
)
"""An organisation's whole history in one table, as many rows as one import takes."""

AGAIN, HINTS = "again", "hints"
"""Where an address says that a table was known already, and how many hints it was kept with."""

_REPORTS: Final = IMPORT_REPORTS

_NO_REPORT: Final = "没有可以下载的问题表：请重新上传补录表"
_CHECKING: Final = Words(
    title="正在核对补录表", english="Checking the table", counted="已核对（行）"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What came of a table: the ``address`` to go on to, or "" and what is wrong with it."""

    address: str
    findings: Findings


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the pages by which a table comes in."""

    @routes.get("/imports/new")
    @decide(Role.CLERK)
    def new() -> str:
        require_city(me(), Role.CLERK)
        count = request.args.get(FOUND, 0, type=int)
        return _page(desk, _faults("table", found_text(count)) if count > 0 else ())

    @routes.post("/imports/new")
    @decide(Role.CLERK)
    def hand_in() -> Response | tuple[str, int]:
        require_city(me(), Role.CLERK)
        prefix, file = request.form.get("prefix", "")[:13], request.files.get("table")
        with desk.read() as session:
            known = {one.prefix for one in all_issuers(session)}
        faults: tuple[FieldFault, ...] = ()
        if prefix not in known:
            faults += _faults("prefix", "请选择评价机构")
        if file is None or not file.filename:
            faults += _faults("table", "请选择填好的补录表")
        if faults or file is None:
            return _page(desk, faults), 422
        return _receive(desk, file, prefix)

    @routes.get("/imports/form")
    @decide(of=OFFICE)
    def form() -> Response:
        with TemporaryDirectory() as folder:
            path = Path(folder, "form.xlsx")
            write_import_form(path)
            return workbook_download(path.read_bytes(), "既有证书补录表.xlsx")

    @routes.get("/imports/report")
    @decide(Role.CLERK)
    def report() -> Response:
        require_city(me(), Role.CLERK)
        if not has_report(desk.documents, _report_number(me())):
            raise NotFound(_NO_REPORT)
        data = read_report(desk.documents, _report_number(me()), desk.context(me()))
        note_disclosure(desk, Disclosed.IMPORT_REPORT, "import", me())
        return workbook_download(data, "补录问题表.xlsx")


def _receive(desk: Desk, file: FileStorage, prefix: str) -> Response | tuple[str, int]:
    held, by = Held(file, LIMITS.file_bytes), me()
    back = url_for("imports.new")
    if held.is_large():

        def run(tell: Tell) -> str:
            try:
                done = _prepare(replace(desk, tell=tell), held, prefix, by)
            except SheetError as error:
                raise Refused(message(error.finding)) from None
            found = done.findings.errors + done.findings.warnings
            return done.address or f"{back}?{FOUND}={found}"

        return follow(run, _CHECKING, back)
    try:
        done = _prepare(desk, held, prefix, by)
    except SheetError as error:
        return _page(desk, _faults("table", message(error.finding))), 422
    if done.address:
        return redirect(done.address, 303)
    texts = tuple(message(one) for one in done.findings.listed[:SHOWN])
    total = done.findings.errors + done.findings.warnings
    return _page(desk, _faults("table", *texts), more=total - len(texts)), 422


def _prepare(desk: Desk, held: Held, prefix: str, by: Identity) -> _Done:
    """Check a table and keep it for a decision if it has no error.

    Raises ``SheetError`` for a file that is no such table, and what `prepare` raises.
    """
    context, today = desk.context(by), desk.today()
    try:
        table = open_table(held.path, LIMITS, IMPORT)
        rows = desk.telling(table, len(table))
        checked = check_table(rows, prefix, today=today, drawable=drawable, form=table.findings)
        with desk.write() as session:
            done = prepare(session, checked, by=by, today=today, context=context)
        found, number = done.findings, _report_number(by)
        kept = done.import_id is not None
        if (kept and not found.warnings) or done.recognised:
            _drop_own_report(desk, by)
        else:
            keep_report(desk.documents, number, report_of(held, table, found), context)
        if not kept:
            return _Done(address="", findings=found)
        # Work in a thread of its own has no request to make addresses from.
        said = f"?{AGAIN}=yes" if done.recognised else ""
        if found.warnings and not done.recognised:
            said = f"?{HINTS}={found.warnings}"
        return _Done(address=f"/imports/{done.reference}{said}", findings=found)
    finally:
        held.drop()


def arrival(desk: Desk, *, mine: bool) -> Mapping[str, object]:
    """Say to whoever has just handed the table in that it was known, or has hints to look at."""
    hints = max(request.args.get(HINTS, 0, type=int), 0) if mine else 0
    return {
        "again": mine and AGAIN in request.args,
        "hints": hints if hints and has_report(desk.documents, _report_number(me())) else 0,
    }


def _drop_own_report(desk: Desk, by: Identity) -> None:
    """Remove a clerk's report of an earlier table: it holds persons and serves nobody any more."""
    drop_report(desk.documents, _report_number(by))


def _report_number(by: Identity) -> int:
    return _REPORTS + by.account_id


def _faults(field: str, *texts: str) -> tuple[FieldFault, ...]:
    return tuple(FieldFault(field=field, text=text) for text in texts)


def _page(desk: Desk, faults: tuple[FieldFault, ...], more: int = 0) -> str:
    with desk.read() as session:
        issuers = [(one.prefix, one.name) for one in all_issuers(session)]
    return render_template(
        "imports/new.html",
        issuers=issuers,
        chosen=request.form.get("prefix", "")[:13],
        most=MOST_ROWS,
        megabytes=LIMITS.file_bytes // MEBIBYTE,
        faults=faults,
        more=more,
        wrong=by_field(faults),
        report=has_report(desk.documents, _report_number(me())),
    )
