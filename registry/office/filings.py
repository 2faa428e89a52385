"""A company's filing (企业备案申请, notice 六（一）1): start, fill in, preview, submit, take back.

The preview runs the very checks of the submission. The day of submission is the day of receipt
(收到申请表当日): the office's twenty working days run from it, whether it accepts at once or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from msgspec.structs import replace
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import Almanac
from registry.office.cases import (
    CaseKind,
    Doing,
    GuardsFailed,
    fill_in,
    get_case_of,
    open_case,
    read_form,
    step_for,
    take_step,
)
from registry.office.companies import barred_until, own_company
from registry.office.context import Context
from registry.office.documents import documents_of
from registry.office.due import set_due
from registry.office.filing_form import (
    PAPERS,
    REQUIRED,
    SECTION_WORDS,
    FilingForm,
    Paper,
    Section,
    company_facts,
    form_bytes,
    occupation_facts,
    parse_form,
    title_of,
    unfilled,
    without_applied,
)
from registry.office.filing_reading import add_applied, read_company, read_conditions
from registry.office.identity import Identity
from registry.office.steps import Taking, register
from registry.rules.eligibility import Shortfall, shortfalls
from registry.rules.terms import Rules
from registry.rules.workflow import Guard
from registry.store.among import among
from registry.store.procedure import Case, Company
from registry.store.reading import Records
from registry.store.registers import Occupation

FilingCase: TypeAlias = Case
"""A case that `get_filing` gave, for the pages, which do not know the store."""


class Barred(Refused):
    """The company's filings are not taken before a date, which the message says."""

    code = "barred"


class NotReady(GuardsFailed):
    """The application falls short; ``preview`` says of what, for whoever words it at length."""

    code = "not-ready"

    def __init__(self, message: str, preview: Preview) -> None:
        super().__init__(message)
        self.preview = preview


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would happen if the application were submitted now."""

    form: FilingForm
    unfilled: tuple[Section, ...]
    missing: tuple[Paper, ...]
    shortfalls: tuple[Shortfall, ...]
    barred_until: date | None

    @property
    def held(self) -> frozenset[Guard]:
        """The guards of the submission that hold."""
        bars = any(shortfall.bars for shortfall in self.shortfalls)
        return frozenset(
            guard
            for guard, holds in (
                (Guard.NOT_BARRED, self.barred_until is None),
                (Guard.DOCUMENTS_COMPLETE, not self.missing),
                (Guard.CONDITIONS_MET, not bars and not self.unfilled),
            )
            if holds
        )

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way; warnings do not."""
        return self.held == {Guard.NOT_BARRED, Guard.DOCUMENTS_COMPLETE, Guard.CONDITIONS_MET}


def start_filing(
    session: Session, *, by: Identity, context: Context, almanac: Almanac, today: date
) -> Case:
    """Open an application for the person's own company, filled in from its last one.

    Raises ``NotAllowed``, and ``Barred`` with the date.
    """
    company = own_company(session, by)
    check_not_barred(company, today)
    form = replace(
        _last_form(session, company, context), name=company.name, uscc=company.uscc, occupations=()
    )
    case = open_case(
        session,
        CaseKind.FILING,
        company,
        title=title_of(form),
        form=form_bytes(form),
        by=by,
        context=context,
    )
    set_due(case, almanac, today=today)
    return case


def check_not_barred(company: Company, today: date) -> None:
    """Raise ``Barred`` while the company's filings are not taken; the message says until when."""
    until = barred_until(company, today)
    if until is not None:
        day = f"{until.year}年{until.month}月{until.day}日"
        raise Barred(f"本企业已被移出备案名单，{day}前不予受理备案申请（通知七（二））")


def get_filing(session: Session, case_id: int, by: Identity) -> FilingCase:
    """Return a filing the person may see; ``NotFound`` otherwise, and for other kinds of cases."""
    return get_case_of(session, case_id, by, CaseKind.FILING)


def form_of(case: Case, context: Context) -> FilingForm:
    """Return the application's form."""
    return parse_form(read_form(case, context))


def save_company(
    session: Session, case: Case, values: Mapping[str, str], *, doing: Doing, context: Context
) -> None:
    """Keep the company's facts as typed. Raises ``FormFaults`` and what the engine raises."""
    _save(session, case, lambda form: read_company(form, values), doing, context)


def save_conditions(
    session: Session, case: Case, values: Mapping[str, str], *, doing: Doing, context: Context
) -> None:
    """Keep the conditions as declared. Raises ``FormFaults`` and what the engine raises."""
    _save(session, case, lambda form: read_conditions(form, values), doing, context)


def add_occupation(
    session: Session, case: Case, values: Mapping[str, str], *, doing: Doing, context: Context
) -> None:
    """Add an occupation as typed. Raises ``FormFaults`` and what the engine raises."""

    def catalogue(asked: str) -> Occupation | None:
        return occupation_named(session, asked)

    _save(session, case, lambda form: add_applied(form, values, catalogue), doing, context)


def remove_occupation(
    session: Session, case: Case, place: int, *, doing: Doing, context: Context
) -> None:
    """Take the occupation at a place (from 0) out of the application."""
    _save(session, case, lambda form: without_applied(form, place), doing, context)


def occupation_named(session: Session, asked: str) -> Occupation | None:
    """Return the newest edition's occupation of this code or exact name."""
    query = (
        select(Occupation)
        .where(or_(Occupation.code == asked, Occupation.name == asked))
        .order_by(Occupation.edition.desc(), Occupation.code)
    )
    return session.scalars(query).first()


def preview(
    session: Session, case: Case, *, context: Context, rules: Rules, today: date
) -> Preview:
    """Say what would come of submitting the application now."""
    form = form_of(case, context)
    held = {row.kind for row in documents_of(session, case)}
    company = session.get_one(Company, case.company_id)
    catalogue = _catalogue(session, form)
    occupations = tuple(
        occupation_facts(o, catalogue.get((o.edition, o.code))) for o in form.occupations
    )
    return Preview(
        form=form,
        unfilled=unfilled(form),
        missing=tuple(paper for paper in REQUIRED if paper not in held),
        shortfalls=shortfalls(company_facts(form, held), occupations, rules, today),
        barred_until=barred_until(company, today),
    )


def submit(taking: Taking) -> None:
    """Submit the application. Raises ``Barred``, ``NotReady`` and what the engine raises."""
    session, case, context = taking.session, taking.case, taking.desk.context(taking.doing.by)
    step_for(case, taking.event, taking.doing.by)
    check_not_barred(session.get_one(Company, case.company_id), taking.today)
    found = preview(session, case, context=context, rules=taking.almanac.rules, today=taking.today)
    if not found.ready:
        raise NotReady("申请尚不能提交：" + "；".join(_said(found)), found)
    take_step(session, case, taking.event, held=found.held, doing=taking.doing, context=context)
    case.received_on = taking.today


register(CaseKind.FILING, "submit")(submit)


@register(CaseKind.FILING, "withdraw")
def withdraw(taking: Taking) -> None:
    """Take the application back while the office has not accepted it."""
    context = taking.desk.context(taking.doing.by)
    take_step(taking.session, taking.case, taking.event, doing=taking.doing, context=context)
    taking.case.outcome = "withdrawn"


def _said(found: Preview) -> list[str]:
    said = [f"“{SECTION_WORDS[section]}”未填写" for section in found.unfilled]
    if found.missing:
        said.append("缺少材料：" + "、".join(PAPERS[paper] for paper in found.missing))
    bars = sum(shortfall.bars for shortfall in found.shortfalls)
    if bars:
        said.append(f"有 {bars} 项条件不符合，详见“核对并提交”页")
    return said


def _save(
    session: Session,
    case: Case,
    change: Callable[[FilingForm], FilingForm],
    doing: Doing,
    context: Context,
) -> None:
    form = change(form_of(case, context))
    fill_in(session, case, form_bytes(form), title=title_of(form), doing=doing, context=context)


def _last_form(session: Session, company: Company, context: Context) -> FilingForm:
    query = (
        select(Case)
        .where(Case.company_id == company.company_id, Case.kind == CaseKind.FILING.value)
        .order_by(Case.case_id.desc())
        .limit(1)
    )
    last = session.scalars(query).first()
    return form_of(last, context) if last is not None else FilingForm()


_OF_CODES: Final = Records(Occupation, select(Occupation).where(among(Occupation.code, "codes")))


def _catalogue(session: Session, form: FilingForm) -> dict[tuple[int, str], Occupation]:
    codes = sorted({occupation.code for occupation in form.occupations})
    rows = _OF_CODES.all(session, codes=codes) if codes else []
    return {(row.edition, row.code): row for row in rows}
