"""Subsidy candidates (技能提升补贴): whose certificates can still be claimed for, and until when.

A holder may claim only while the certificate is listed nationally and within the term that begins
with its issue date (`Term.SUBSIDY_CLAIM`, 12 months). Whether somebody has claimed is not known
here. A list shows masked names to those who may see persons, and to others none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.certificates import open_certificate
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, Role
from registry.office.scope import Scope, scope_of
from registry.office.statistics import (
    Names,
    batches_within,
    level_name,
    names_of,
    seen_nationally,
)
from registry.rules.terms import Term
from registry.store.certificates import Batch, Certificate, CertificateState
from signing.record import mask_name

PAGE: Final = 50
MOST: Final = 20_000
"""Rows of one spreadsheet."""

SOON: Final = 30
"""Days: whoever has no more left is told first."""

SEES_NAMES: Final = COMPANY_ROLES | {Role.CLERK, Role.APPROVER}
_LONGEST: Final = timedelta(days=3 * 366)
"""No rule has had a longer term; issue dates before it are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One certificate; ``ends`` is the last day for a claim, ``left`` the days to it.

    ``seen``: the national lookup shows it, without which there is no claim yet. ``name`` is masked
    or whole as was asked, "" for who may not see it.
    """

    number: str
    company: str
    occupation: str
    level: str
    issued: date
    ends: date
    left: int
    seen: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """A page of candidates, those whose term ends first in front; ``total`` is of all pages.

    ``ready`` can claim now; ``soon`` of these have no more than 30 days left; ``waiting`` are not
    shown nationally yet, and of these ``pressing`` have no more than 30 days left.
    """

    listed: tuple[Candidate, ...]
    total: int
    ready: int
    soon: int
    waiting: int
    pressing: int


def candidates(
    session: Session,
    by: Identity,
    almanac: Almanac,
    context: Context,
    *,
    today: date,
    page: int = 1,
    size: int = PAGE,
    whole_names: bool = False,
) -> Candidates:
    """List who may still claim. Raises ``NotAllowed`` for who sees no cases.

    ``whole_names`` is for a file that goes out with a line of its own in the audit.
    """
    scope, values = scope_of(by)
    query = _days(scope)
    values |= {"since": today - _LONGEST}
    ends: dict[date, date] = {}
    ready = soon = waiting = pressing = 0
    for issued, seen, count in session.execute(query, values):
        last = _ends(almanac, issued)
        if last is None or last < today:
            continue
        ends[issued] = last
        late = count if (last - today).days <= SOON else 0
        if seen:
            ready, soon = ready + count, soon + late
        else:
            waiting, pressing = waiting + count, pressing + late
    found = session.execute(
        _listed()
        .where(batches_within(scope), Certificate.issued.in_(sorted(ends)))
        .limit(size)
        .offset(size * (page - 1)),
        values,
    ).all()
    names = names_of(session)
    listed = tuple(
        _candidate(
            row[0],
            names,
            prefix=row[1],
            seen=bool(row[2]),
            ends=ends[row[0].issued],
            today=today,
            name=_name(row[0], by, context, whole=whole_names),
        )
        for row in found
    )
    return Candidates(
        listed=listed,
        total=ready + waiting,
        ready=ready,
        soon=soon,
        waiting=waiting,
        pressing=pressing,
    )


def _ends(almanac: Almanac, issued: date) -> date | None:
    found = almanac.deadline(Term.SUBSIDY_CLAIM, issued)
    return found.day if found else None


def _candidate(
    row: Certificate,
    names: Names,
    *,
    prefix: str,
    seen: bool,
    ends: date,
    today: date,
    name: str,
) -> Candidate:
    return Candidate(
        number=row.number,
        company=names.company(prefix),
        occupation=names.occupations.get(row.occupation_code, row.occupation_code),
        level=level_name(row.level),
        issued=row.issued,
        ends=ends,
        left=(ends - today).days,
        seen=seen,
        name=name,
    )


def _name(row: Certificate, by: Identity, context: Context, *, whole: bool) -> str:
    if by.role not in SEES_NAMES:
        return ""
    name = open_certificate(row, context).record.name
    return name if whole else mask_name(name)


@cache
def _days(scope: Scope) -> Select[date, bool, int]:
    each = (
        select(Certificate.issued, seen_nationally().label("seen"))
        .join(Batch, Batch.batch_id == Certificate.batch_id)
        .where(
            Certificate.state == CertificateState.VALID,
            batches_within(scope),
            Certificate.issued >= bindparam("since"),
        )
        .subquery()
    )
    return select(each.c.issued, each.c.seen, func.count()).group_by(each.c.issued, each.c.seen)


@cache
def _listed() -> Select[Certificate, str, bool]:
    return (
        select(Certificate, Batch.prefix, seen_nationally().label("seen"))
        .join(Batch, Batch.batch_id == Certificate.batch_id)
        .where(Certificate.state == CertificateState.VALID)
        .order_by(Certificate.issued, Certificate.number)
    )
