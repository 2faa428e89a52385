"""The directory of companies (备案企业目录), and the office's record of those that file."""

from __future__ import annotations

from datetime import date
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.companies import (
    NewCompany,
    add_company,
    barred_until,
    get_company,
)
from registry.office.company_changes import (
    FACT_WORDS,
    NO,
    STATE_WORDS,
    YES,
    Fact,
    NewChange,
    changes_of,
    company_of_change,
    decide_change,
    propose_change,
)
from registry.office.directory import (
    PAGE,
    company_lines,
    count_listed,
    directory,
    occupations_on_file,
)
from registry.office.evaluations import evaluation_year, evaluations_of
from registry.office.figures import numbers_by_level
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import NotAllowed, Role
from registry.office.unit import Desk
from registry.rules.standing import COMPANY as MACHINE
from registry.web import charts
from registry.web.batch_scores import drawable
from registry.web.cases import page_asked
from registry.web.filing_words import by_field, level_words
from registry.web.gate import CASES, OFFICE, decide, me

_PILOT_WORDS: Final = {"列入": YES, "移出": NO}
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

    @routes.get("/companies/<int:company_id>")
    @decide(of=CASES)
    def company(company_id: int) -> str:
        return _company(desk, company_id)

    _changing(routes, desk)
    return routes


def _changing(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/companies/<int:company_id>/changes")
    @decide(Role.CLERK)
    def propose(company_id: int) -> Response | tuple[str, int]:
        try:
            new = _typed_change()
            with desk.write() as session:
                propose_change(
                    session,
                    company_id,
                    new,
                    drawable=drawable,
                    by=me(),
                    context=desk.context(me()),
                    today=desk.today(),
                )
        except FormFaults as refused:
            return _company(desk, company_id, refused.faults), 422
        return redirect(url_for("companies.company", company_id=company_id), 303)

    @routes.post("/companies/changes/<int:change_id>/decide")
    @decide(Role.APPROVER)
    def decide_on(change_id: int) -> Response:
        adopt = {"adopt": True, "drop": False}.get(request.form.get("decision", ""))
        if adopt is None:
            raise BadRequest
        with desk.write() as session:
            company_id = company_of_change(session, change_id, me())
            context = desk.context(me())
            decide_change(session, change_id, adopt=adopt, by=me(), context=context)
        return redirect(url_for("companies.company", company_id=company_id), 303)


def _typed_change() -> NewChange:
    faults = []
    fact, on = request.form.get("fact", ""), request.form.get("based_on", "")
    value = request.form.get("value", "")
    try:
        based_on = date.fromisoformat(on.strip())
    except ValueError:
        based_on = date.min
        faults.append(FieldFault(field="based_on", text="请按 2026-11-26 的形式填写日期"))
    if fact not in frozenset(Fact):
        faults.append(FieldFault(field="fact", text="请选择变更事项"))
    if faults:
        raise FormFaults(faults)
    return NewChange(
        fact=Fact(fact),
        value=_PILOT_WORDS.get(value.strip(), value) if fact == Fact.PILOT else value,
        basis=request.form.get("basis", ""),
        based_on=based_on,
    )


def _company(desk: Desk, company_id: int, faults: tuple[FieldFault, ...] = ()) -> str:
    today, context = desk.today(), desk.context(me())
    with desk.read() as session:
        shown = get_company(session, company_id, me())
        years = evaluation_year(shown, read_almanac(session), today=today)
        held = evaluations_of(session, company_id, me())
        given = numbers_by_level(session, shown.prefix) if shown.prefix else ()
        occupations = occupations_on_file(session, shown, context)
        changes = changes_of(session, company_id, me())
    due = years if years is not None and not (held and held[0].on >= years[0]) else None
    return render_template(
        "companies/company.html",
        company=shown,
        word=MACHINE.words[shown.state],
        until=barred_until(shown, today),
        occupations=occupations,
        level_words=level_words,
        by_level=charts.levels(given),
        by_year=charts.years(given),
        evaluations=held,
        due=due,
        office=me().role in OFFICE,
        changes=changes,
        facts=[(fact.value, word) for fact, word in FACT_WORDS.items()],
        fact_words=FACT_WORDS,
        states=STATE_WORDS,
        role=me().role.value,
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )


def _page(desk: Desk, faults: tuple[FieldFault, ...] = ()) -> str:
    if me().role not in SEES_ALL or request.args.get("list") == "public":
        return _directory(desk)
    page = page_asked()
    with desk.read() as session:
        seen, total = company_lines(
            session, me(), desk.context(me()), today=desk.today(), page=page
        )
    return render_template(
        "companies/list.html",
        companies=[(company, MACHINE.words[company.state]) for company in seen],
        total=total,
        page=page,
        pages=-(-total // PAGE),
        level_words=level_words,
        role=me().role.value,
        typed=request.form,
        faults=faults,
        wrong=by_field(faults),
    )


def _directory(desk: Desk) -> str:
    page = page_asked()
    with desk.read() as session:
        entries = directory(session, desk.context(me()), page=page)
        total = count_listed(session)
    return render_template(
        "companies/directory.html",
        entries=entries,
        total=total,
        page=page,
        pages=-(-total // PAGE),
        level_words=level_words,
        query="list=public&" if me().role in SEES_ALL else "",
    )
