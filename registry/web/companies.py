"""The directory of companies (备案企业目录), and the office's record of those that file."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import Refused
from registry.office.companies import (
    PAGE,
    NewCompany,
    add_company,
    barred_until,
    companies_seen,
    count_companies,
    directory,
    get_company,
    set_pilot,
)
from registry.office.form_faults import FieldFault
from registry.office.identity import NotAllowed, Role
from registry.office.unit import Desk
from registry.rules.standing import COMPANY as MACHINE
from registry.web.filing_words import by_field, level_words
from registry.web.gate import CASES, OFFICE, decide, me

SEES_ALL = OFFICE | {Role.SUPERVISOR, Role.AUDITOR}


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("companies", __name__)

    @routes.get("/companies")
    @decide(of=CASES)
    def listing() -> str:
        return _page(desk)

    @routes.post("/companies")
    @decide(Role.CLERK)
    def add() -> Response | tuple[str, int]:
        facts = NewCompany(
            name=request.form.get("name", ""),
            uscc=request.form.get("uscc", ""),
            district=request.form.get("district", "").strip()[:12] or me().district,
        )
        try:
            with desk.write() as session:
                add_company(session, facts, by=me(), context=desk.context(me()))
        except NotAllowed:
            raise
        except Refused as refused:
            field = "name" if "企业名称" in str(refused) else "uscc"
            return _page(desk, (FieldFault(field=field, text=str(refused)),)), 422
        return redirect(url_for("companies.listing"), 303)

    @routes.post("/companies/<int:company_id>/pilot")
    @decide(Role.APPROVER)
    def pilot(company_id: int) -> Response:
        on = request.form.get("pilot") == "yes"
        with desk.write() as session:
            company = get_company(session, company_id, me())
            set_pilot(session, company, pilot=on, by=me(), context=desk.context(me()))
        return redirect(url_for("companies.listing"), 303)

    return routes


def _page(desk: Desk, faults: tuple[FieldFault, ...] = ()) -> str:
    today, page = desk.today(), max(request.args.get("page", 1, type=int), 1)
    with desk.read() as session:
        entries = directory(session, desk.context(me()), page=page)
        seen = companies_seen(session, me(), page=page) if me().role in SEES_ALL else ()
        pages = -(-count_companies(session) // PAGE)
    return render_template(
        "companies/list.html",
        entries=entries,
        page=page,
        pages=pages,
        companies=[
            (company, MACHINE.words[company.state], barred_until(company, today))
            for company in seen
        ],
        level_words=level_words,
        role=me().role.value,
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )
