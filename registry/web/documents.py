"""Documents of a case (申请材料): list, upload, remove, download.

A file is examined and stored before the database is written to. A download is an attachment that
no browser interprets, and only for who sees the case. `DOCUMENT_SCANNER` in the application's
configuration is the virus scan, if one is configured.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.office.cases import EDITABLE, get_case
from registry.office.document_files import DocumentRefused, Scanner, read_bytes, receive
from registry.office.documents import (
    add_document,
    check_may_change,
    documents_of,
    get_document,
    kinds_of,
    remove_document,
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
            row = get_document(session, get_case(session, case_id, me()), document_id)
        return Response(
            read_bytes(desk.documents, row.sha256),
            mimetype=row.media_type,
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )

    return routes


def _take_in(desk: Desk, case_id: int) -> None:
    with desk.read() as session:
        case = get_case(session, case_id, me())
        check_may_change(session, case, me())
        kind = request.form.get("kind", "")
        if kind not in kinds_of(case):
            raise DocumentRefused("请选择材料种类")
    file = request.files.get("file")
    if file is None or not file.filename:
        raise DocumentRefused("请选择要上传的文件")
    scanner = cast("Scanner | None", current_app.config.get(SCANNER))
    received = receive(desk.documents, file.filename, file.stream, scanner=scanner)
    with desk.write() as session:
        case = get_case(session, case_id, me())
        add_document(session, case, kind, received, by=me(), context=desk.context(me()))


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
