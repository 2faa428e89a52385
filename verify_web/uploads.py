"""The upload page: a form, and the same result page as for a scanned code.

A file that cannot be read is a fault of the form (422), not an answer about a certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template, request

from signing.report import Verdict
from verify_web.checking import Checked, Unreadable, check_file
from verify_web.forms import Fault
from verify_web.successors import is_reissued
from verify_web.views import view_of
from verify_web.wording import REMARKS

if TYPE_CHECKING:
    from signing.wording import Words
    from verify_web.site import Site


def blueprint(site: Site) -> Blueprint:
    """Build the routes over `site`."""
    routes = Blueprint("uploads", __name__)

    @routes.get("/verify")
    def form() -> Response:
        return _form(None)

    @routes.post("/verify")
    def check() -> Response:
        upload = request.files.get("file")
        data = upload.read() if upload else b""
        if not data:
            return _form(REMARKS["no-file"])
        try:
            return _result(site, check_file(site, data))
        except Unreadable as error:
            return _form(error.text)

    return routes


def _form(fault: Words | None) -> Response:
    faults = [Fault(field="file", text=fault)] if fault else []
    page = render_template("verify.html", faults=faults, wrong=fault)
    return Response(page, 422 if fault else 200)


def _result(site: Site, checked: Checked) -> Response:
    onward = checked.onward if checked.report.verdict is Verdict.CORRECTED else ""
    page = render_template(
        "certificate.html",
        view=view_of(
            checked.report,
            checked_at=site.config.clock.now(),
            reissued=is_reissued(site, checked.report, onward),
        ),
        onward=onward,
        remarks=checked.remarks,
    )
    return Response(page)
