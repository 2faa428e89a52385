"""What a company on the list may assess: the occupations and levels of its approved filings.

A new occupation needs a new filing (notice 六（二）). What was approved before a delisting went
with it: filings approved before the day of the present listing count no more. An approved filing
never changes, so what it names is read out of its sealed form once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.cases import FORM, CaseKind
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.filing_form import parse_form
from registry.office.kept import kept_all
from registry.rules.catalogue import LEVEL_ORDER
from registry.store.among import among
from registry.store.fields import FieldCipher
from registry.store.prepared import Prepared
from registry.store.procedure import Case, CaseEvent, Company


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """One occupation and direction; ``levels`` over all filings, lowest first; ``since`` the first.

    ``case_id`` is the filing approved last.
    """

    code: str
    edition: int
    name: str
    direction: str
    levels: str
    since: date
    case_id: int


_Approval: TypeAlias = tuple[int, int, date]
"""An approved filing: case, version, and the day of its approval."""

_APPROVED: Final = Prepared(
    select(Case.case_id, Case.version, Case.company_id, CaseEvent.at)
    .join(CaseEvent, CaseEvent.case_id == Case.case_id)
    .where(
        Case.kind == CaseKind.FILING.value,
        Case.state == "approved",
        among(Case.company_id, "companies"),
        CaseEvent.event == "approve",
    )
    .order_by(CaseEvent.event_id)
)
_FORMS: Final = Prepared(select(Case.case_id, Case.form).where(among(Case.case_id, "cases")))


def filed_occupations(session: Session, company: Company, context: Context) -> tuple[Filed, ...]:
    """Return what the company is filed for, by code and direction; nothing while it is unlisted."""
    if company.listed_on is None:
        return ()
    listed = {company.company_id: company.listed_on}
    return filed_of(session, listed, context)[company.company_id]


def filed_of(
    session: Session, listed: Mapping[int, date], context: Context
) -> dict[int, tuple[Filed, ...]]:
    """Return what each company is filed for, by the day since which it is listed."""
    rows = _APPROVED.all(session, companies=list(listed)) if listed else ()
    of: dict[int, list[_Approval]] = {}
    for case_id, version, company_id, at in rows:
        day = china_day(at)
        if day >= listed[company_id]:
            of.setdefault(company_id, []).append((case_id, version, day))
    filings = [one for found in of.values() for one in found]
    filed = kept_all(session, "filed", filings, lambda some: _read(session, some, context))
    return {number: merged([filed[one] for one in of.get(number, ())]) for number in listed}


def merged(filings: list[tuple[Filed, ...]]) -> tuple[Filed, ...]:
    """Put the occupations of a company's filings, or schemes, together, in the order given."""
    if len(filings) == 1:
        return filings[0]
    held: dict[tuple[str, str], Filed] = {}
    for filed in (one for found in filings for one in found):
        known = held.get((filed.code, filed.direction), filed)
        levels = {*known.levels, *filed.levels}
        held[filed.code, filed.direction] = replace(
            filed,
            levels="".join(level for level in LEVEL_ORDER if level in levels),
            since=known.since,
        )
    return tuple(held[key] for key in sorted(held))


def _read(
    session: Session, missing: list[_Approval], context: Context
) -> dict[_Approval, tuple[Filed, ...]]:
    """Open filings, and read what each names."""
    cipher = FieldCipher(context.field_key, FORM)
    rows = _FORMS.all(session, cases=[case_id for case_id, _, _ in missing])
    forms = {case_id: cipher.open(case_id, form) for case_id, form in rows}
    return {one: _occupations(forms[one[0]], one) for one in missing}


def _occupations(form: bytes, approval: _Approval) -> tuple[Filed, ...]:
    case_id, _, day = approval
    return merged(
        [
            (
                Filed(
                    code=applied.code,
                    edition=applied.edition,
                    name=applied.name,
                    direction=applied.direction,
                    levels=applied.levels,
                    since=day,
                    case_id=case_id,
                ),
            )
            for applied in parse_form(form).occupations
        ]
    )
