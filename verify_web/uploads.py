"""The upload page: a form, and one clear page for what the file turned out to be.

A file that cannot be read is a fault of the form (422), not an answer about a certificate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, render_template, request

from signing.annotation import MAX_RECIPIENT
from signing.report import StepCode, Verdict
from verify_web.checking import Checked, Unreadable
from verify_web.clients import this_client
from verify_web.filestate import file_state
from verify_web.forms import Fault
from verify_web.sandbox import SANDBOX
from verify_web.successors import is_reissued
from verify_web.times import printed_date
from verify_web.uploaded import Upload, check_upload
from verify_web.views import Fact, view_of
from verify_web.wording_files import COPY_FACTS, COPY_NOTE, COPY_TITLE, REMARKS

if TYPE_CHECKING:
    from signing.wording import Words
    from verify_web.site import Site


_DAYS: Final = frozenset({"made", "until"})


def blueprint(site: Site) -> Blueprint:
    """Build the routes over `site`."""
    routes = Blueprint("uploads", __name__)

    @routes.get("/verify")
    def form() -> Response:
        # Whoever opens the form is about to send a file: the libraries load meanwhile.
        SANDBOX.warm()
        return _form(None)

    @routes.post("/verify")
    def check() -> Response:
        return _check(site)

    return routes


def _check(site: Site) -> Response:
    sent = request.files.get("file")
    data = sent.read() if sent else b""
    recipient = request.form.get("recipient", "").strip()
    if not data:
        return _form(Fault(field="file", text=REMARKS["no-file"]))
    if len(recipient) > MAX_RECIPIENT:
        return _form(Fault(field="recipient", text=REMARKS["long-recipient"]))
    client = this_client(site.config.trusted_proxies)
    try:
        checked = check_upload(site, Upload(data=data, client=client, recipient=recipient))
    except Unreadable as error:
        return _form(Fault(field="file", text=error.text))
    return _result(site, checked)


def _form(fault: Fault | None) -> Response:
    page = render_template(
        "verify.html",
        faults=[fault] if fault else [],
        wrong={fault.field: fault.text} if fault else {},
        longest=MAX_RECIPIENT,
    )
    return Response(page, 422 if fault else 200)


def _result(site: Site, checked: Checked) -> Response:
    report = checked.report
    onward = checked.onward if report.verdict is Verdict.CORRECTED else ""
    view = view_of(
        report,
        checked_at=site.config.clock.now(),
        reissued=is_reissued(site, report, onward),
    )
    own = file_state(checked)
    advice: tuple[Words, ...] = ()
    if own is not None:
        # No time beside it: that would read as if something had been confirmed as of then.
        view, advice = replace(view, state=own.state, as_of=None), own.advice
    page = render_template(
        "upload_result.html",
        view=view,
        advice=advice,
        onward=onward,
        remarks=checked.remarks,
        copy=_copy_facts(checked),
        copy_title=COPY_TITLE,
        copy_note=COPY_NOTE,
    )
    return Response(page)


def _copy_facts(checked: Checked) -> tuple[Fact, ...]:
    """List what an annotated copy was made for; only a good seal gives the step these facts."""
    try:
        facts = checked.report.step(StepCode.COPY).facts
    except KeyError:
        return ()
    return tuple(
        Fact(label=label, value=printed_date(facts[name]) if name in _DAYS else facts[name])
        for name, label in COPY_FACTS
        if name in facts
    )
