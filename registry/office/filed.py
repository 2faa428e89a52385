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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Approval:
    """One approval of a filing: its place in the timelines, its day, and what was approved."""

    event_id: int
    day: date
    filed: tuple[Filed, ...]


_Version: TypeAlias = tuple[int, int]
"""A case and its version."""

_APPROVED: Final = Prepared(
    select(Case.case_id, Case.version, Case.company_id).where(
        Case.kind == CaseKind.FILING.value,
        Case.state == "approved",
        among(Case.company_id, "companies"),
    )
)
_FORMS: Final = Prepared(
    select(Case.case_id, Case.form, CaseEvent.event_id, CaseEvent.at)
    .join(CaseEvent, CaseEvent.case_id == Case.case_id)
    .where(among(Case.case_id, "cases"), CaseEvent.event == "approve")
)


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
    rows = _APPROVED.all(session, companies=list(listed)) if listed else []
    versions = [(case_id, version) for case_id, version, _ in rows]
    kept = kept_all(session, "filed", versions, lambda some: _read(session, some, context))
    of: dict[int, list[_Approval]] = {number: [] for number in listed}
    for case_id, version, company_id in rows:
        since = listed[company_id]
        of[company_id] += [one for one in kept[case_id, version] if one.day >= since]
    return {number: _together(approvals) for number, approvals in of.items()}


def _together(approvals: list[_Approval]) -> tuple[Filed, ...]:
    if len(approvals) == 1:
        return approvals[0].filed
    approvals.sort(key=lambda one: one.event_id)
    return merged([one.filed for one in approvals])


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
    session: Session, missing: list[_Version], context: Context
) -> dict[_Version, tuple[_Approval, ...]]:
    """Open filings, and read what each names and when it was approved."""
    cipher = FieldCipher(context.field_key, FORM)
    found: dict[int, list[_Approval]] = {case_id: [] for case_id, _ in missing}
    for case_id, form, event_id, at in _FORMS.all(session, cases=list(found)):
        day = china_day(at)
        filed = _occupations(cipher.open(case_id, form), case_id, day)
        found[case_id].append(_Approval(event_id=event_id, day=day, filed=filed))
    return {one: tuple(found[one[0]]) for one in missing}


def _occupations(form: bytes, case_id: int, day: date) -> tuple[Filed, ...]:
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
