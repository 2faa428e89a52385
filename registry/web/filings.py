"""The company's way through a filing (企业备案申请): start, sections, check answers, submit.

The office's pages are in `filing_office`, what a case's page shows in `filing_words`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.office import filings
from registry.office.almanac import read_almanac
from registry.office.cases import EDITABLE, machine_of, steps_open_to
from registry.office.filing_form import SECTION_WORDS, FilingForm, Section
from registry.office.filings import FilingCase, Preview, get_filing
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Role
from registry.office.steps import take
from registry.office.unit import Desk
from registry.rules.levels import BY_SYMBOL
from registry.rules.terms import Term
from registry.web import filing_office, filing_print
from registry.web.cases import doing_from_form
from registry.web.filing_words import (
    by_field,
    condition_rows,
    fact_rows,
    hints,
    last_return,
    occupation_rows,
    paper_rows,
    section_of,
)
from registry.web.gate import COMPANY, decide, me
from registry.wording_filing import shortfall_text
from registry.wording_schemes import UNITS

Save: TypeAlias = Callable[..., None]
_ENGLISH: Final = {
    Section.COMPANY: "Company",
    Section.CONDITIONS: "Conditions",
    Section.OCCUPATIONS: "Occupations",
    Section.DOCUMENTS: "Documents",
}
LEVELS: Final = tuple((symbol, BY_SYMBOL[symbol].printed) for symbol in "54321")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the task list."""

    address: str
    word: str
    english: str
    status: str
    tone: str


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("filings", __name__)
    _starting(routes, desk)
    _filling(routes, desk)
    _occupations(routes, desk)
    _sending(routes, desk)
    filing_office.add_routes(routes, desk)
    filing_print.add_routes(routes, desk)
    return routes


def _starting(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/new")
    @decide(of=COMPANY)
    def new() -> str:
        return render_template("filings/new.html")

    @routes.post("/filings/new")
    @decide(of=COMPANY)
    def create() -> Response:
        with desk.write() as session:
            case = filings.start_filing(
                session,
                by=me(),
                context=desk.context(me()),
                almanac=read_almanac(session),
                today=desk.today(),
            )
        return redirect(url_for("filings.tasks", case_id=case.case_id), 303)

    @routes.get("/filings/<int:case_id>/tasks")
    @decide(of=COMPANY)
    def tasks(case_id: int) -> Response | str:
        with desk.read() as session:
            case = get_filing(session, case_id, me())
            if case.state not in EDITABLE:
                return redirect(url_for("cases.case", case_id=case_id), 303)
            found = look(desk, session, case)
            returned = last_return(desk, session, case)
        return render_template(
            "filings/tasks.html", case=case, tasks=_tasks(case, found), returned=returned
        )


def _filling(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/company")
    @decide(of=COMPANY)
    def company(case_id: int) -> Response | str:
        return _form_page(desk, case_id, Section.COMPANY)

    @routes.post("/filings/<int:case_id>/company")
    @decide(of=COMPANY)
    def save_company(case_id: int) -> Response | tuple[str, int]:
        return _keep(desk, case_id, Section.COMPANY, filings.save_company)

    @routes.get("/filings/<int:case_id>/conditions")
    @decide(of=COMPANY)
    def conditions(case_id: int) -> Response | str:
        return _form_page(desk, case_id, Section.CONDITIONS)

    @routes.post("/filings/<int:case_id>/conditions")
    @decide(of=COMPANY)
    def save_conditions(case_id: int) -> Response | tuple[str, int]:
        return _keep(desk, case_id, Section.CONDITIONS, filings.save_conditions)


def _occupations(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/occupations")
    @decide(of=COMPANY)
    def occupations(case_id: int) -> Response | str:
        return _form_page(desk, case_id, Section.OCCUPATIONS)

    @routes.post("/filings/<int:case_id>/occupations")
    @decide(of=COMPANY)
    def add_occupation(case_id: int) -> Response | tuple[str, int]:
        return _keep(desk, case_id, Section.OCCUPATIONS, filings.add_occupation)

    @routes.post("/filings/<int:case_id>/occupations/<int:place>/remove")
    @decide(of=COMPANY)
    def remove_occupation(case_id: int, place: int) -> Response:
        doing = doing_from_form()
        with desk.write() as session:
            case = get_filing(session, case_id, me())
            filings.remove_occupation(session, case, place, doing=doing, context=desk.context(me()))
        return redirect(url_for("filings.occupations", case_id=case_id), 303)


def _sending(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/filings/<int:case_id>/check")
    @decide(of=COMPANY)
    def check(case_id: int) -> Response | str:
        return _check_page(desk, case_id)

    @routes.post("/filings/<int:case_id>/check")
    @decide(Role.COMPANY_HEAD)
    def send(case_id: int) -> Response | tuple[str | Response, int]:
        doing = doing_from_form()
        try:
            with desk.write() as session:
                take(session, get_filing(session, case_id, me()), "submit", doing, desk)
        except filings.NotReady:
            return _check_page(desk, case_id), 422
        return redirect(url_for("filings.sent", case_id=case_id), 303)

    @routes.get("/filings/<int:case_id>/sent")
    @decide(of=COMPANY)
    def sent(case_id: int) -> str:
        with desk.read() as session:
            case = get_filing(session, case_id, me())
            rules = read_almanac(session).rules
        term = rules.term(Term.FILING_DECISION, case.received_on or desk.today())
        return render_template(
            "filings/sent.html",
            case=case,
            state=machine_of(case).words[case.state],
            today=desk.today(),
            term=f"{term.length} {UNITS[term.unit]}",
        )


def look(desk: Desk, session: Session, case: FilingCase) -> Preview:
    """Run the checks of the submission."""
    return filings.preview(
        session,
        case,
        context=desk.context(me()),
        rules=read_almanac(session).rules,
        today=desk.today(),
    )


def _keep(desk: Desk, case_id: int, section: Section, save: Save) -> Response | tuple[str, int]:
    doing = doing_from_form()
    try:
        with desk.write() as session:
            case = get_filing(session, case_id, me())
            save(session, case, request.form, doing=doing, context=desk.context(me()))
    except FormFaults as refused:
        page = _form_page(desk, case_id, section, refused.faults)
        return page if isinstance(page, Response) else (page, 422)
    # Of occupations there may be more to add; the other sections lead back to the list.
    back = "filings.occupations" if section is Section.OCCUPATIONS else "filings.tasks"
    return redirect(url_for(back, case_id=case_id), 303)


def _form_page(
    desk: Desk, case_id: int, section: Section, faults: tuple[FieldFault, ...] = ()
) -> Response | str:
    with desk.read() as session:
        case = get_filing(session, case_id, me())
        if case.state not in EDITABLE:
            return redirect(url_for("cases.case", case_id=case_id), 303)
        form = filings.form_of(case, desk.context(me()))
        rules = read_almanac(session).rules
    return render_template(
        f"filings/{section.value}.html",
        case=case,
        form=form,
        hints=hints(rules, desk.today()),
        levels=LEVELS,
        occupations=occupation_rows(form),
        typed=request.form if faults else _stored(form, section),
        faults=faults,
        wrong=by_field(faults),
    )


def _stored(form: FilingForm, section: Section) -> Mapping[str, str]:
    if section is Section.OCCUPATIONS or (form.insured_staff < 0 and section is Section.CONDITIONS):
        return {}
    values: dict[str, Any] = {name: getattr(form, name) for name in form.__struct_fields__}
    return {
        name: "yes" if value is True else str(value)
        for name, value in values.items()
        if value is not False
    }


def _tasks(case: FilingCase, found: Preview) -> list[Task]:
    tasks = []
    for section in Section:
        if section in found.unfilled:
            status, tone = "未填写", ""
        elif section is Section.DOCUMENTS and found.missing:
            status, tone = f"还缺 {len(found.missing)} 项", ""
        elif any(s.bars and section_of(s.condition) is section for s in found.shortfalls):
            status, tone = "不符合条件", "bad"
        else:
            status, tone = "已完成", "good"
        address = (
            url_for("documents.listing", case_id=case.case_id)
            if section is Section.DOCUMENTS
            else url_for(f"filings.{section.value}", case_id=case.case_id)
        )
        word, english = SECTION_WORDS[section], _ENGLISH[section]
        tasks.append(Task(address=address, word=word, english=english, status=status, tone=tone))
    return tasks


def _check_page(desk: Desk, case_id: int) -> Response | str:
    with desk.read() as session:
        case = get_filing(session, case_id, me())
        if case.state not in EDITABLE:
            return redirect(url_for("cases.case", case_id=case_id), 303)
        found = look(desk, session, case)
        papers = paper_rows(session, case)
    names = {o.code: o.name for o in found.form.occupations}
    # What a section that is still empty falls short of is said by its being empty.
    worded = [
        (s.bars, section_of(s.condition).value, shortfall_text(s, names.get(s.occupation, "")))
        for s in found.shortfalls
        if section_of(s.condition) not in found.unfilled
    ]
    return render_template(
        "filings/check.html",
        case=case,
        found=found,
        bars=[(section, text) for bars, section, text in worded if bars],
        warnings=[text for bars, _, text in worded if not bars],
        unfilled=[(section.value, SECTION_WORDS[section]) for section in found.unfilled],
        missing=[word for held, word, _ in papers if not held],
        facts=fact_rows(found.form),
        conditions=condition_rows(found.form),
        occupations=occupation_rows(found.form),
        papers=papers,
        may_send=any(row.event == "submit" for row in steps_open_to(case, me())),
    )
