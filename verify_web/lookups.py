"""The lookup (证书查询): any two of four facts, as the national system's, and what it gives away.

A miss says the same, after the same work, whatever was right and whatever exists. A hit gives no
personal fact that the asker did not bring: the ID number is masked for everybody, the name and
the way to the page that shows it are for those who typed the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, render_template, request

from signing.mirror import Factor
from verify_web import forms
from verify_web.clients import this_client
from verify_web.elsewhere import elsewhere
from verify_web.evidence import check_entry
from verify_web.numbers import PROVINCE
from verify_web.pages import status_of
from verify_web.successors import is_reissued
from verify_web.views import Listed, view_of

if TYPE_CHECKING:
    from verify_web.elsewhere import Elsewhere
    from verify_web.forms import Form
    from verify_web.lookup import Found
    from verify_web.site import Site

MAX_FORM: Final = 8192
"""Bytes of a lookup form."""


def blueprint(site: Site) -> Blueprint:
    """Build the routes over `site`."""
    routes = Blueprint("lookups", __name__)

    @routes.get("/lookup")
    def lookup() -> Response:
        return _form_page(forms.EMPTY)

    @routes.post("/lookup")
    def look_up() -> Response:
        request.max_content_length = MAX_FORM
        form = forms.read(request.form)
        return _form_page(form) if form.faults else _results(site, form)

    return routes


def _form_page(form: Form) -> Response:
    page = render_template(
        "lookup.html",
        fields=forms.FIELDS,
        faults=form.faults,
        wrong={fault.field: fault.text for fault in form.faults},
    )
    return Response(page)


def _results(site: Site, form: Form) -> Response:
    charged = site.allowance.look_up(this_client(site.config.trusted_proxies), form.facts)
    found = site.mirror.by_facts(form.facts)
    if not found:
        page = render_template("lookup_none.html", elsewhere=_elsewhere(site, form))
        return Response(page)
    site.allowance.found(charged)
    listed = sorted((_listed(site, form, one) for one in found), key=Listed.order)
    page = render_template("lookup_found.html", items=listed, named=Factor.NAME in form.facts)
    return Response(page, status_of(one.report for one in listed))


def _listed(site: Site, form: Form, one: Found) -> Listed:
    report = check_entry(site, one.entry)
    view = view_of(
        report,
        checked_at=site.config.clock.now(),
        reissued=is_reissued(site, report, one.entry.superseded_by),
        named=Factor.NAME in form.facts,
    )
    return Listed(token=one.entry.token, view=view, report=report)


def _elsewhere(site: Site, form: Form) -> Elsewhere | None:
    prefixes = site.public.snapshot().trust.issuers
    return elsewhere(form.facts.get(Factor.NUMBER, ""), {prefix[PROVINCE] for prefix in prefixes})
