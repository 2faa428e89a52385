"""Documents of a case (申请材料): list, upload, remove, download.

A file is examined and sealed before the database is written to. A download is an attachment that
no browser interprets, and only for who sees the case. `DOCUMENT_SCANNER` in the application's
configuration is the virus scan, if one is configured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.documents.pdf_check import look_into
from registry.documents.pdf_finding import PdfFinding
from registry.office.cases import EDITABLE, get_case
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.document_files import Examiner, Scanner
from registry.office.document_types import DocumentRefused
from registry.office.document_vault import vault_of
from registry.office.documents import (
    documents_of,
    get_document,
    kinds_of,
    paper_of,
    remove_document,
    take_in,
)
from registry.office.filing_form import OPTIONAL
from registry.office.form_faults import FieldFault
from registry.office.unit import Desk
from registry.web.filing_words import by_field
from registry.web.gate import CASES, COMPANY, decide, me

SCANNER = "DOCUMENT_SCANNER"


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("documents", __name__)

    @routes.get("/cases/<int:case_id>/documents")
    @decide(of=CASES)
    def listing(case_id: int) -> str:
        return _page(desk, case_id)

    @routes.post("/cases/<int:case_id>/documents")
    @decide(of=COMPANY)
    def upload(case_id: int) -> Response | tuple[str, int]:
        try:
            _take_in(desk, case_id)
        except DocumentRefused as refused:
            return _page(desk, case_id, (FieldFault(field="file", text=str(refused)),)), 422
        return redirect(url_for("documents.listing", case_id=case_id), 303)

    @routes.post("/cases/<int:case_id>/documents/<int:document_id>/remove")
    @decide(of=COMPANY)
    def remove(case_id: int, document_id: int) -> Response:
        with desk.write() as session:
            case = get_case(session, case_id, me())
            remove_document(session, case, document_id, by=me(), context=desk.context(me()))
        return redirect(url_for("documents.listing", case_id=case_id), 303)

    @routes.get("/cases/<int:case_id>/documents/<int:document_id>")
    @decide(of=CASES)
    def download(case_id: int, document_id: int) -> Response:
        with desk.read() as session:
            case = get_case(session, case_id, me())
            row = get_document(session, case, document_id)
        data = vault_of(desk).open(paper_of(row))
        note_disclosure(desk, Disclosed.DOCUMENT, case.reference, me(), number=document_id)
        return Response(
            data,
            mimetype=row.media_type,
            headers={
                "Content-Length": str(row.size),
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )

    return routes


def _take_in(desk: Desk, case_id: int) -> None:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise DocumentRefused("请选择要上传的文件")
    kind = request.form.get("kind", "")
    take_in(desk, case_id, kind, file.filename, file.stream, by=me(), examiner=examiner())


def examiner() -> Examiner:
    """Give what looks at uploaded files: into PDFs always, for viruses if so configured."""
    return Examiner(look=_look, scanner=cast("Scanner | None", current_app.config.get(SCANNER)))


def _look(path: Path) -> str:
    return _FOUND[look_into(path)]


_FOUND: Final = {
    PdfFinding.NOTHING: "",
    PdfFinding.RUNS: "PDF 文件含有脚本或者多媒体，不予接收，请打印为 PDF 后上传",
    PdfFinding.STARTS: "PDF 文件含有启动程序或者提交数据的命令，不予接收，请打印为 PDF 后上传",
    PdfFinding.CARRIES: "PDF 文件内嵌有其他文件，不予接收，请将各文件分别上传",
    PdfFinding.LOCKED: "PDF 文件设有打开密码，无法检查，请去除密码后上传",
    PdfFinding.UNREADABLE: "PDF 文件无法读取，请重新打印或者扫描为 PDF 后上传",
    PdfFinding.TOO_MUCH: "PDF 文件过于复杂，无法检查，请打印或者扫描为 PDF 后上传",
}


def _page(desk: Desk, case_id: int, faults: tuple[FieldFault, ...] = ()) -> str:
    with desk.read() as session:
        case = get_case(session, case_id, me())
        rows = documents_of(session, case)
    kinds = kinds_of(case)
    present = {row.kind for row in rows}
    return render_template(
        "documents/list.html",
        case=case,
        documents=rows,
        kinds=kinds,
        missing=[word for kind, word in kinds.items() if kind not in present | OPTIONAL],
        editable=me().role in COMPANY and case.state in EDITABLE and bool(kinds),
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )
