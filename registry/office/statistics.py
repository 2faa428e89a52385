"""Talent statistics (人才统计): valid certificates by district, company, occupation, level, month.

Only certificates that the national lookup shows count (全国联网可查); what is valid and not shown
there yet, and what is suspended, is told beside and never added in. Counted by the statement, no
record is opened; what a person may not see is not counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal, or_, select, true
from sqlalchemy.orm import Session, aliased

from registry.office.identity import Identity
from registry.office.scope import Scope, scope_of
from registry.rules.levels import BY_SYMBOL
from registry.store.certificates import Batch, Certificate, CertificateState
from registry.store.organisations import Issuer
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from registry.store.registers import Occupation
from registry.store.uploads import VisibilityCheck

SEEN, WAITING, SUSPENDED = range(3)
NO_DISTRICT: Final = "未登记辖区"
MONTHS: Final = 24
"""Months shown one by one; what is older stands in one line before them."""

_NEW: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Certificates of one company, occupation, level and issue date, by how they stand."""

    prefix: str
    occupation: str
    level: str
    issued: date
    standing: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: ``seen`` counts; ``waiting`` (not nationally shown yet), ``suspended`` do not."""

    label: str
    seen: int = 0
    waiting: int = 0
    suspended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The counts as of a day, each list in its own order; ``whole`` is the sum of any of them."""

    on: date
    whole: Line
    districts: tuple[Line, ...]
    companies: tuple[Line, ...]
    occupations: tuple[Line, ...]
    levels: tuple[Line, ...]
    months: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What codes are called: companies and districts by prefix, occupations by code."""

    companies: Mapping[str, str]
    districts: Mapping[str, str]
    occupations: Mapping[str, str]

    def district(self, prefix: str) -> str:
        """Return a company's district as it is filed."""
        return self.districts.get(prefix) or NO_DISTRICT

    def company(self, prefix: str) -> str:
        """Return a company's name, or its code if it has none here."""
        return self.companies.get(prefix, prefix)

    def occupation(self, code: str) -> str:
        """Return an occupation's name with its code."""
        name = self.occupations.get(code, "")
        return f"{name}（{code}）" if name else code


def statistics(session: Session, by: Identity, *, today: date) -> Statistics:
    """Count what a person may see. Raises ``NotAllowed`` for who sees no cases."""
    scope, values = scope_of(by)
    cells = list(cells_of(_cells(scope).all(session, **values)))
    names = names_of(session)
    return Statistics(
        on=today,
        whole=next(iter(lines(cells, lambda _: "合计")), Line(label="合计")),
        districts=most_first(lines(cells, lambda cell: names.district(cell.prefix))),
        companies=most_first(lines(cells, lambda cell: names.company(cell.prefix))),
        occupations=most_first(lines(cells, lambda cell: names.occupation(cell.occupation))),
        levels=tuple(lines(cells, lambda cell: level_name(cell.level), order=_level_order())),
        months=_months(cells, today),
    )


def names_of(session: Session) -> Names:
    """Return what the codes are called; of an occupation's editions the newest one's name."""
    issuers = session.execute(select(Issuer.prefix, Issuer.name)).all()
    companies = session.execute(
        select(Company.prefix, Company.district).where(Company.prefix.is_not(None))
    ).all()
    occupations = session.execute(
        select(Occupation.code, Occupation.name).order_by(Occupation.edition)
    ).all()
    return Names(
        companies={row.prefix: row.name for row in issuers},
        districts={str(row.prefix): row.district for row in companies},
        occupations={row.code: row.name for row in occupations},
    )


def cells_of(rows: Iterable[tuple[str, str, str, date, int, int]]) -> Iterator[Cell]:
    """Read the statement's rows; a batch is of one company."""
    for prefix, occupation, level, issued, standing, count in rows:
        yield Cell(
            prefix=prefix,
            occupation=occupation,
            level=level,
            issued=issued,
            standing=standing,
            count=count,
        )


def lines(
    cells: Iterable[Cell], label: Callable[[Cell], str], *, order: Iterable[str] = ()
) -> Iterator[Line]:
    """Sum cells by label; the labels of ``order`` come first, in its order and if need be empty."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for known in order:
        sums[known] = [0, 0, 0]
    for cell in cells:
        sums[label(cell)][cell.standing] += cell.count
    for name, (seen, waiting, suspended) in sums.items():
        yield Line(label=name, seen=seen, waiting=waiting, suspended=suspended)


def most_first(given: Iterable[Line]) -> tuple[Line, ...]:
    """Order lines by what counts, then by what is beside it, then by name."""
    return tuple(sorted(given, key=lambda one: (-one.seen, -one.waiting, one.label)))


def level_name(symbol: str) -> str:
    """Return a level as it is printed; a symbol that has no words yet stands for itself."""
    return BY_SYMBOL[symbol].printed if symbol in BY_SYMBOL else symbol


def month_of(day: date) -> str:
    """Return the month as 2026-11."""
    return f"{day.year}-{day.month:02}"


def _level_order() -> list[str]:
    return [level.printed for level in BY_SYMBOL.values()]


def _months(cells: Iterable[Cell], today: date) -> tuple[Line, ...]:
    cells = list(cells)
    if not cells:
        return ()
    last = today.year * 12 + today.month - 1
    oldest = min(cell.issued for cell in cells)
    first = max(last - MONTHS + 1, oldest.year * 12 + oldest.month - 1)
    shown = [f"{month // 12}-{month % 12 + 1:02}" for month in range(first, last + 1)]
    older = "更早"
    early = [older] if month_of(oldest) < shown[0] else []

    def label(cell: Cell) -> str:
        month = month_of(cell.issued)
        return month if month >= shown[0] else older

    return tuple(lines(cells, label, order=[*early, *shown]))


def seen_nationally(*, until: ColumnElement[date] | None = None) -> ColumnElement[bool]:
    """Return the condition that a certificate's number is known to be found nationally.

    By its own edition, or by one before: the lookup goes by the number, which stays. ``until`` is
    the last day that counts, if not every day does.
    """
    before = aliased(Certificate)
    known = true() if until is None else VisibilityCheck.seen_on <= until
    own = select(literal(1)).where(VisibilityCheck.status_index == Certificate.status_index, known)
    earlier = (
        select(literal(1))
        .join_from(before, VisibilityCheck, VisibilityCheck.status_index == before.status_index)
        .where(before.number == Certificate.number, known)
    )
    return or_(own.exists(), and_(Certificate.edition > _NEW, earlier.exists()))


def batches_within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a batch is of a company in the scope."""
    match scope:
        case Scope.CITY:
            return true()
        case Scope.DISTRICT:
            mine = Company.district == bindparam("district")
        case Scope.COMPANY:
            mine = Company.company_id == bindparam("company")
    return Batch.prefix.in_(select(Company.prefix).where(mine, Company.prefix.is_not(None)))


@cache
def _cells(scope: Scope) -> Prepared[str, str, str, date, int, int]:
    standing = case(
        (Certificate.state == CertificateState.SUSPENDED, SUSPENDED),
        (seen_nationally(), SEEN),
        else_=WAITING,
    ).label("standing")
    grouped = (Batch.prefix, Certificate.occupation_code, Certificate.level, Certificate.issued)
    # Within, so that it is grouped by a column's name: two equal expressions with values of their
    # own need not be the same to a database.
    each = (
        select(*grouped, standing)
        .join(Batch, Batch.batch_id == Certificate.batch_id)
        .where(
            or_(
                Certificate.state == CertificateState.VALID,
                Certificate.state == CertificateState.SUSPENDED,
            ),
            batches_within(scope),
        )
        .subquery()
    )
    return Prepared(select(*each.c, func.count()).group_by(*each.c))
