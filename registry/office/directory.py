"""Lists of companies (企业): the public directory (备案企业目录), and all that are on record.

The directory is read from the published schemes themselves (六（二）: an occupation is published
once experts have passed its scheme), so that it cannot say more than was approved; the office's own
list says what each company is filed for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from registry.office.companies import ON_THE_LIST
from registry.office.context import Context
from registry.office.filed import Filed, filed_occupations, filed_of
from registry.office.identity import Identity
from registry.office.published import published_of
from registry.office.scope import Scope, all_within, scope_of
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from signing.canonical import encode_tree

Rows: TypeAlias = "Select[*tuple[Any, ...]]"
PAGE: Final = 30
"""Companies on one page of a list."""

_COLUMNS: Final = (
    Company.company_id,
    Company.name,
    Company.uscc,
    Company.prefix,
    Company.district,
    Company.state,
    Company.pilot,
    Company.listed_on,
    Company.barred_until,
)
_ORDER: Final = Company.name, Company.company_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One company of the directory, with what has a published scheme, and since when each."""

    name: str
    uscc: str
    prefix: str
    listed_on: date
    occupations: tuple[Filed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyLine:
    """One company on record; ``barred_until`` only while it is; ``occupations`` if it is listed."""

    company_id: int
    name: str
    uscc: str
    prefix: str | None
    district: str
    state: str
    pilot: bool
    listed_on: date | None
    barred_until: date | None
    occupations: tuple[Filed, ...]


def directory(session: Session, context: Context, *, page: int | None = None) -> tuple[Entry, ...]:
    """Return the companies on the list, by name, with the occupations whose scheme is published.

    All of them, or one page of PAGE (from 1).
    """
    rows = _listed(paged=page is not None).named(session, **_place(page))
    published = published_of(session, {row.company_id: row.listed_on for row in rows}, context)
    return tuple(
        Entry(
            name=row.name,
            uscc=row.uscc,
            prefix=row.prefix,
            listed_on=row.listed_on,
            occupations=published[row.company_id],
        )
        for row in rows
    )


def count_listed(session: Session) -> int:
    """Return how many companies are on the list."""
    return _count_listed().one(session)[0]


def company_lines(
    session: Session, by: Identity, context: Context, *, today: date, page: int
) -> tuple[tuple[CompanyLine, ...], int]:
    """Return one page of the companies the person may see, by name, and how many there are."""
    scope, values = scope_of(by)
    (total,) = _count_seen(scope).one(session, **values)
    rows = _seen(scope).named(session, **values, **_place(page))
    filed = _filed(session, rows, context)
    return tuple(_line(row, filed.get(row.company_id, ()), today) for row in rows), total


def occupations_on_file(session: Session, company: Company, context: Context) -> tuple[Filed, ...]:
    """Return what one company may assess, and since when; nothing if it is not on the list."""
    return filed_occupations(session, company, context) if company.state in ON_THE_LIST else ()


def directory_json(entries: tuple[Entry, ...], *, on: date) -> bytes:
    """Write the directory for the public site: canonical JSON, as of the day ``on``."""
    return encode_tree(
        {
            "companies": [
                {
                    "listed": entry.listed_on.isoformat(),
                    "name": entry.name,
                    "occupations": [
                        {
                            "code": filed.code,
                            "direction": filed.direction,
                            "levels": filed.levels,
                            "name": filed.name,
                            "since": filed.since.isoformat(),
                        }
                        for filed in entry.occupations
                    ],
                    "prefix": entry.prefix,
                    "uscc": entry.uscc,
                }
                for entry in entries
            ],
            "on": on.isoformat(),
            "v": 1,
        }
    )


def _filed(session: Session, rows: Sequence[Any], context: Context) -> dict[int, tuple[Filed, ...]]:
    listed = {
        row.company_id: row.listed_on
        for row in rows
        if row.state in ON_THE_LIST and row.listed_on is not None
    }
    return filed_of(session, listed, context)


def _line(row: Any, filed: tuple[Filed, ...], today: date) -> CompanyLine:
    until = row.barred_until
    return CompanyLine(
        company_id=row.company_id,
        name=row.name,
        uscc=row.uscc,
        prefix=row.prefix,
        district=row.district,
        state=row.state,
        pilot=row.pilot,
        listed_on=row.listed_on if row.state in ON_THE_LIST else None,
        barred_until=until if until is not None and today < until else None,
        occupations=filed,
    )


def _place(page: int | None) -> dict[str, int]:
    return {} if page is None else {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}


def _paged(query: Rows) -> Rows:
    return query.limit(bindparam("limit")).offset(bindparam("offset"))


def _is_listed() -> tuple[Any, ...]:
    states = or_(*(Company.state == state for state in sorted(ON_THE_LIST)))
    return states, Company.prefix.is_not(None), Company.listed_on.is_not(None)


@cache
def _listed(*, paged: bool) -> Prepared[*tuple[Any, ...]]:
    query = select(*_COLUMNS).where(*_is_listed()).order_by(*_ORDER)
    return Prepared(_paged(query) if paged else query)


@cache
def _count_listed() -> Prepared[int]:
    return Prepared(select(func.count()).select_from(Company).where(*_is_listed()))


@cache
def _seen(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    return Prepared(_paged(select(*_COLUMNS).where(_in_scope(scope)).order_by(*_ORDER)))


@cache
def _count_seen(scope: Scope) -> Prepared[int]:
    return Prepared(select(func.count()).select_from(Company).where(_in_scope(scope)))


def _in_scope(scope: Scope) -> Any:
    if scope is Scope.DISTRICT:
        return Company.district == bindparam("district")
    return all_within(scope, Company.company_id)
