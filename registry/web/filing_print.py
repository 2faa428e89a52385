"""The application form as a PDF for stamping (打印盖章): one button, drawn when it is asked for."""

from __future__ import annotations

import hashlib
from typing import Final

from flask import Blueprint
from werkzeug.wrappers import Response

from registry.documents.application import Application, AppliedRow, draw_application
from registry.documents.fonts import font_set
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.filing_form import PAPERS, REQUIRED, FilingForm, form_bytes
from registry.office.filings import form_of, get_filing
from registry.office.unit import Desk
from registry.web.filing_words import condition_rows, fact_rows, level_words
from registry.web.gate import COMPANY, OFFICE, decide, me

TITLE: Final = "企业开展职业技能等级认定备案申请表"


def add_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the printed form."""

    @routes.get("/filings/<int:case_id>/application.pdf")
    @decide(of=COMPANY | OFFICE)
    def application(case_id: int) -> Response:
        with desk.read() as session:
            case = get_filing(session, case_id, me())
            form = form_of(case, desk.context(me()))
        pdf = draw_application(printed(form, case.reference, desk), font_set())
        note_disclosure(desk, Disclosed.APPLICATION, case.reference, me())
        name = f"attachment; filename={case.reference}.pdf"
        return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": name})


def printed(form: FilingForm, reference: str, desk: Desk) -> Application:
    """Give what stands on the printed form; its foot has the digest of the electronic one."""
    return Application(
        title=TITLE,
        reference=reference,
        digest=form_digest(form),
        on=desk.today(),
        facts=fact_rows(form),
        conditions=condition_rows(form),
        occupations=tuple(
            AppliedRow(
                code=o.code,
                name=o.name,
                direction=o.direction,
                levels=level_words(o.levels),
                stations=o.stations,
                assessors=o.assessors,
                applicants=o.applicants,
                reason=o.reason,
            )
            for o in form.occupations
        ),
        papers=tuple(PAPERS[paper] for paper in REQUIRED),
    )


def form_digest(form: FilingForm) -> str:
    """Give the SHA-256 of the electronic form in hex."""
    return hashlib.sha256(form_bytes(form)).hexdigest()
