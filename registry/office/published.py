"""Published schemes (已公布的评价方案): the one a plan rests on, and what the public may see.

Notice 六（二）: what is assessed of a company on the list is published with occupation and levels,
and kept up to date. Parts, marks and reasons stay between company and office.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from registry.office.cases import FORM, CaseKind, read_form
from registry.office.companies import ON_THE_LIST
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.filed import Filed, filed_occupations, filed_of, merged
from registry.office.kept import kept_all
from registry.office.scheme_form import SchemeForm, parse_scheme
from registry.store.among import among
from registry.store.fields import FieldCipher
from registry.store.prepared import Prepared
from registry.store.procedure import Case, CaseEvent, Company

PUBLISHED: Final = "published"

_Version: TypeAlias = tuple[int, int]
"""A scheme's case and its version."""

_SCHEMES: Final = Prepared(
    select(Case.case_id, Case.version, Case.company_id).where(
        Case.kind == CaseKind.SCHEME.value,
        Case.state == PUBLISHED,
        among(Case.company_id, "companies"),
    )
)
_FORMS: Final = Prepared(
    select(Case.case_id, Case.form, CaseEvent.event_id, CaseEvent.at)
    .join(CaseEvent, CaseEvent.case_id == Case.case_id)
    .where(among(Case.case_id, "cases"), CaseEvent.event == "approve")
)


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


def published_schemes(session: Session, context: Context) -> tuple[PublishedScheme, ...]:
    """Return all published schemes of companies on the list, by company and occupation."""
    found = _read(session, _published(), context)
    return tuple(sorted(found, key=_order))


def published_of(
    session: Session, listed: Mapping[int, date], context: Context
) -> dict[int, tuple[Filed, ...]]:
    """Return what of each company has a published scheme and is filed for still (六（二）).

    By the day since which the company is listed; ``case_id`` and ``since`` are the scheme's.
    """
    rows = _SCHEMES.all(session, companies=list(listed)) if listed else []
    versions = [(case_id, version) for case_id, version, _ in rows]
    read = kept_all(session, "published", versions, lambda some: _assessed(session, some, context))
    of: dict[int, list[tuple[int, Filed]]] = {number: [] for number in listed}
    for case_id, version, company_id in rows:
        since = listed[company_id]
        of[company_id] += [one for one in read[case_id, version] if one[1].since >= since]
    filed = filed_of(session, listed, context)
    return {number: _still_filed(_together(of[number]), filed[number]) for number in listed}


def _together(published: list[tuple[int, Filed]]) -> tuple[Filed, ...]:
    """Put them together in the order of their publication."""
    return merged([(one,) for _, one in sorted(published, key=lambda pair: pair[0])])


def _still_filed(shown: tuple[Filed, ...], filed: tuple[Filed, ...]) -> tuple[Filed, ...]:
    levels = {(one.code, one.direction): set(one.levels) for one in filed}
    kept_levels = (
        replace(
            one,
            levels="".join(x for x in one.levels if x in levels.get((one.code, one.direction), ())),
        )
        for one in shown
    )
    return tuple(one for one in kept_levels if one.levels)


def _assessed(
    session: Session, missing: list[_Version], context: Context
) -> dict[_Version, tuple[tuple[int, Filed], ...]]:
    """Open schemes, and read what each is for: by the place of its publication in the timelines."""
    cipher = FieldCipher(context.field_key, FORM)
    found: dict[int, list[tuple[int, Filed]]] = {case_id: [] for case_id, _ in missing}
    for case_id, sealed, event_id, at in _FORMS.all(session, cases=list(found)):
        form = parse_scheme(cipher.open(case_id, sealed))
        filed = Filed(
            code=form.occupation_code,
            edition=form.edition,
            name=form.occupation,
            direction=form.direction,
            levels="".join(item.level for item in form.levels),
            since=china_day(at),
            case_id=case_id,
        )
        found[case_id].append((event_id, filed))
    return {one: tuple(found[one[0]]) for one in missing}


def stands(session: Session, company: Company, scheme: Case, context: Context) -> bool:
    """Say whether a plan may rest on the scheme now.

    It is published since the company's present listing, and all it assesses is still filed for:
    what was published before a delisting went with it.
    """
    line = _line(session, scheme, "approve")
    known = scheme.kind == CaseKind.SCHEME.value and scheme.state == PUBLISHED
    if not known or line is None or company.listed_on is None:
        return False
    if company.company_id != scheme.company_id or china_day(line.at) < company.listed_on:
        return False
    form = parse_scheme(read_form(scheme, context))
    key = (form.occupation_code, form.direction)
    return any(
        (filed.code, filed.direction) == key
        and {item.level for item in form.levels} <= set(filed.levels)
        for filed in filed_occupations(session, company, context)
    )


def stood(session: Session, company: Company, scheme: Case, plan: Case) -> bool:
    """Say whether the scheme was published when the plan was recorded, under the present listing.

    A scheme that ended since takes nothing from a plan that was recorded while it stood.
    """
    recorded, line = _line(session, plan, "record"), _line(session, scheme, "approve")
    ended = _line(session, scheme, "end")
    if recorded is None or line is None or company.listed_on is None:
        return False
    lost = scheme.state != PUBLISHED if ended is None else ended.event_id < recorded.event_id
    return (
        not lost
        and line.event_id < recorded.event_id
        and china_day(line.at) >= company.listed_on
        and china_day(recorded.at) >= company.listed_on
    )


_LAST_LINE: Final = Prepared(
    select(CaseEvent.event_id, CaseEvent.at)
    .where(CaseEvent.case_id == bindparam("case"), CaseEvent.event == bindparam("event"))
    .order_by(CaseEvent.event_id.desc())
    .limit(1)
)


class _Line(NamedTuple):
    event_id: int
    at: datetime


def _line(session: Session, case: Case, event: str) -> _Line | None:
    found = _LAST_LINE.first(session, case=case.case_id, event=event)
    return None if found is None else _Line._make(found)


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
