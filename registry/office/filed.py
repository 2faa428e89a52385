"""What a company on the list may assess: the occupations and levels of its approved filings.

A new occupation needs a new filing (notice 六（二）). What was approved before a delisting went
with it: filings approved before the day of the present listing count no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.cases import CaseKind, read_form
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.filing_form import parse_form
from registry.rules.catalogue import LEVEL_ORDER
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


def filed_occupations(session: Session, company: Company, context: Context) -> tuple[Filed, ...]:
    """Return what the company is filed for, by code and direction; nothing while it is unlisted."""
    if company.listed_on is None:
        return ()
    rows = session.execute(
        select(Case, CaseEvent.at)
        .join(CaseEvent, CaseEvent.case_id == Case.case_id)
        .where(
            Case.kind == CaseKind.FILING.value,
            Case.company_id == company.company_id,
            Case.state == "approved",
            CaseEvent.event == "approve",
        )
        .order_by(CaseEvent.event_id)
    )
    held: dict[tuple[str, str], Filed] = {}
    for case, at in rows:
        if china_day(at) < company.listed_on:
            continue
        for applied in parse_form(read_form(case, context)).occupations:
            key = (applied.code, applied.direction)
            known = held.get(key)
            levels = {*applied.levels, *(known.levels if known else "")}
            held[key] = Filed(
                code=applied.code,
                edition=applied.edition,
                name=applied.name,
                direction=applied.direction,
                levels="".join(level for level in LEVEL_ORDER if level in levels),
                since=known.since if known else china_day(at),
                case_id=case.case_id,
            )
    return tuple(held[key] for key in sorted(held))
