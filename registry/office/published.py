"""Published schemes (已公布的评价方案): the one a plan rests on, and what the public may see.

Notice 六（二）: what is assessed of a company on the list is published with occupation and levels,
and kept up to date. Parts, marks and reasons stay between company and office.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from registry.office.cases import CaseKind, read_form
from registry.office.companies import ON_THE_LIST
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.scheme_form import SchemeForm, parse_scheme, scheme_of
from registry.rules.scheme import Scheme
from registry.store.procedure import Case, CaseEvent, Company

PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScheme:
    """One published scheme, and the day since which it is."""

    case_id: int
    reference: str
    company_id: int
    company: str
    form: SchemeForm
    since: date

    @property
    def levels(self) -> str:
        """The levels' symbols, lowest first."""
        return "".join(item.level for item in self.form.levels)

    def parts(self, level: str) -> Scheme | None:
        """Give a level's parts as results are judged by them."""
        found = (item for item in self.form.levels if item.level == level)
        return next(map(scheme_of, found), None)


def published_scheme(
    session: Session,
    company_id: int,
    code: str,
    level: str,
    *,
    direction: str | None = None,
    context: Context,
) -> PublishedScheme | None:
    """Return the company's newest published scheme of an occupation that has the level.

    None also while the company is not on the list, or was delisted since the scheme was published.
    """
    query = _published().where(Case.company_id == company_id)
    for found in _read(session, query, context):
        form = found.form
        wanted = form.occupation_code == code and level in found.levels
        if wanted and direction in (None, form.direction):
            return found
    return None


def published_schemes(session: Session, context: Context) -> tuple[PublishedScheme, ...]:
    """Return all published schemes of companies on the list, by company and occupation."""
    found = _read(session, _published(), context)
    return tuple(sorted(found, key=_order))


def _order(found: PublishedScheme) -> tuple[str, str, str]:
    return found.company, found.form.occupation_code, found.form.direction


def _published() -> Select[Case, Company, CaseEvent]:
    return (
        select(Case, Company, CaseEvent)
        .join(Company, Company.company_id == Case.company_id)
        .join(CaseEvent, CaseEvent.case_id == Case.case_id)
        .where(
            Case.kind == CaseKind.SCHEME.value,
            Case.state == PUBLISHED,
            CaseEvent.event == "approve",
            Company.state.in_(sorted(ON_THE_LIST)),
        )
        .order_by(CaseEvent.event_id.desc())
    )


def _read(
    session: Session, query: Select[Case, Company, CaseEvent], context: Context
) -> list[PublishedScheme]:
    return [
        PublishedScheme(
            case_id=case.case_id,
            reference=case.reference,
            company_id=company.company_id,
            company=company.name,
            form=parse_scheme(read_form(case, context)),
            since=china_day(line.at),
        )
        for case, company, line in session.execute(query)
        if company.listed_on is not None and china_day(line.at) >= company.listed_on
    ]
