"""The pages: home, one certificate by its QR token, lookup by two facts, the log, health."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, jsonify, render_template, request

from signing.mirror import Factor
from signing.qr import is_token
from signing.report import Verdict
from signing.tlog.entry import parse_time
from verify_web import api, forms
from verify_web.errors import ServiceTrouble, problem_json, wants_json
from verify_web.evidence import check_entry
from verify_web.numbers import PROVINCE, hint
from verify_web.successors import is_reissued
from verify_web.views import Listed, view_of
from verify_web.wording import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signing.report import Report
    from verify_web.forms import Form
    from verify_web.site import Site

MAX_FORM: Final = 8192
"""Bytes of a lookup form."""


def blueprint(site: Site) -> Blueprint:
    """Build the routes over `site`."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    def home() -> str:
        return render_template("home.html")

    @routes.get("/v/<token>")
    def certificate(token: str) -> Response:
        return _certificate(site, token)

    @routes.get("/lookup")
    def lookup() -> Response:
        return _form_page(forms.EMPTY)

    @routes.post("/lookup")
    def look_up() -> Response:
        request.max_content_length = MAX_FORM
        form = forms.read(request.form)
        return _form_page(form) if form.faults else _results(site, form)

    @routes.get("/log")
    def log() -> str:
        return _log(site)

    @routes.get("/healthz")
    def health() -> Response:
        return _health(site)

    return routes


def _certificate(site: Site, token: str) -> Response:
    entry = site.mirror.by_token(token) if is_token(token) else None
    if entry is None:
        if wants_json():
            return problem_json("not-found", 404)
        return Response(render_template("unknown.html", state=STATES["not-found"]), 404)
    report = check_entry(site, entry)
    if wants_json():
        body = api.report_json(report, superseded_by=entry.superseded_by)
        response = Response(body, content_type="application/json")
    else:
        onward = entry.superseded_by if report.verdict is Verdict.CORRECTED else ""
        view = view_of(
            report,
            checked_at=site.config.clock.now(),
            reissued=is_reissued(site, report, onward),
        )
        page = render_template("certificate.html", view=view, onward=onward)
        response = Response(page)
    response.status_code = status_of([report])
    response.headers["Vary"] = "Accept"
    return response


def status_of(reports: Iterable[Report]) -> int:
    """503 when an answer is missing that the site should have, so that nobody caches a doubt."""
    unsaid = any(report.verdict is Verdict.CANNOT_SAY for report in reports)
    return ServiceTrouble.status if unsaid else 200


def _form_page(form: Form) -> Response:
    page = render_template(
        "lookup.html",
        fields=forms.FIELDS,
        faults=form.faults,
        wrong={fault.field: fault.text for fault in form.faults},
    )
    return Response(page)


def _results(site: Site, form: Form) -> Response:
    found = site.mirror.by_facts(form.facts)
    reports = [(one.entry, check_entry(site, one.entry)) for one in found]
    now = site.config.clock.now()
    # The newest certificate first; its own older editions, no longer used, after the others.
    listed = sorted(
        (
            Listed(
                token=entry.token,
                view=view_of(
                    report,
                    checked_at=now,
                    reissued=is_reissued(site, report, entry.superseded_by),
                ),
                report=report,
            )
            for entry, report in reports
        ),
        key=Listed.order,
    )
    remark = None if listed else _hint(site, form)
    page = render_template("found.html", items=listed, remarks=[remark] if remark else [])
    return Response(page, status_of(report for _, report in reports))


def _hint(site: Site, form: Form) -> object:
    prefixes = site.public.snapshot().trust.issuers
    return hint(form.facts.get(Factor.NUMBER, ""), {prefix[PROVINCE] for prefix in prefixes})


def _log(site: Site) -> str:
    snapshot = site.public.snapshot()
    head, status = snapshot.head, snapshot.status
    return render_template(
        "log.html",
        head=head.checkpoint,
        # A frozen log's successor has a folder of its own.
        folder=head.checkpoint.origin.rpartition("/")[2],
        root=base64.b64encode(head.checkpoint.root).decode(),
        witnesses=sorted(head.signed_by),
        status_time=parse_time(status.facts.time) if status else None,
        certificates=status.facts.count if status else 0,
    )


def _health(site: Site) -> Response:
    """Whether certificates can be verified now; tells a load balancer, and no more."""
    snapshot = site.public.snapshot()
    site.mirror.check()
    ready = snapshot.status is not None
    response = jsonify(status="ok" if ready else "no-status-list")
    response.status_code = 200 if ready else ServiceTrouble.status
    return response
