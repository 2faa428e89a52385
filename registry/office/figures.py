"""Figures for the desks' charts (统计): cases by state, what is due on which day, certificates.

Each is one statement that counts; no form is opened. What a person may not see is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from itertools import islice
from typing import Final, TypeAlias

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import MACHINE_OF, CaseKind
from registry.office.identity import COMPANY_ROLES, Identity
from registry.office.scope import Scope, scope_of, within
from registry.rules.calendar import LONGEST_TERM
from registry.rules.levels import BY_SYMBOL
from registry.rules.terms import Turn
from registry.store.certificates import Counter
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company

Given: TypeAlias = "tuple[tuple[int, str, int], ...]"
"""Year, level, and how many numbers were given."""

FIRST_SERIAL: Final = 1


def cases_by_state(session: Session, by: Identity) -> dict[CaseKind, tuple[tuple[str, int], ...]]:
    """Count the cases of each kind by state, in the order of the procedure; no empty state."""
    scope, values = scope_of(by)
    found = {(kind, state): count for kind, state, count in _by_state(scope).all(session, **values)}
    return {
        kind: tuple(
            (state, found[kind.value, state])
            for state in MACHINE_OF[kind].states
            if (kind.value, state) in found
        )
        for kind in CaseKind
    }


def due_by_day(
    session: Session,
    by: Identity,
    almanac: Almanac,
    *,
    today: date,
    count: int,
    more: Iterable[date | None] = (),
) -> tuple[tuple[date, int], ...]:
    """Count what is due of a person's side on each of so many working days, from today on.

    ``more`` are days on which something else is due. What is due on a day off stands with the
    working day before it.
    """
    *listed, end = working_days(almanac, today, count + 1)
    scope, values = scope_of(by)
    turn = Turn.COMPANY if by.role in COMPANY_ROLES else Turn.OFFICE
    values |= {"turn": turn.value, "first": today, "last": end}
    cases = _by_day(scope).all(session, **values)
    found = [(day, number) for day, number in cases if day is not None]
    found += [(day, 1) for day in more if day is not None and today <= day < end]
    sums = dict.fromkeys(listed, 0)
    for day, number in found:
        before = max((one for one in listed if one <= day), default=listed[0])
        sums[before] += number
    return tuple(sums.items())


def working_days(almanac: Almanac, today: date, count: int) -> tuple[date, ...]:
    """Give so many working days in their order, the first being today or the next after it."""
    later = (today + timedelta(days=number) for number in range(LONGEST_TERM))
    return tuple(islice(filter(almanac.days.is_working, later), count))


def numbers_given(session: Session, by: Identity) -> Given:
    """Count the numbers given to the companies a person may see: a company's own, a district's."""
    if by.role not in COMPANY_ROLES and not by.district:
        return numbers_by_level(session)
    own = Company.company_id == by.company_id
    mine = own if by.role in COMPANY_ROLES else Company.district == by.district
    query = select(Company.prefix).where(mine, Company.prefix.is_not(None))
    prefixes = [prefix for prefix in session.scalars(query) if prefix is not None]
    return tuple(line for prefix in prefixes for line in numbers_by_level(session, prefix))


def numbers_by_level(session: Session, prefix: str = "") -> Given:
    """Count the certificate numbers given so far, of one body or of all.

    Read from the counters that give them: a number once given is never given again.
    """
    query = select(Counter.scope, Counter.next_value).where(
        Counter.scope.startswith(f"number:{prefix}", autoescape=True)
    )
    sums: dict[tuple[int, str], int] = {}
    for scope, after in session.execute(query):
        _, _, year, level = scope.split(":")
        sums[int(year), level] = sums.get((int(year), level), 0) + after - FIRST_SERIAL
    order = list(BY_SYMBOL)
    return tuple(
        (year, level, sums[year, level])
        for year, level in sorted(sums, key=lambda one: (-one[0], order.index(one[1])))
    )


@cache
def _by_state(scope: Scope) -> Prepared[str, str, int]:
    query = select(Case.kind, Case.state, func.count()).where(within(scope, Case.company_id))
    return Prepared(query.group_by(Case.kind, Case.state))


@cache
def _by_day(scope: Scope) -> Prepared[date | None, int]:
    mine = Case.turn == bindparam("turn"), within(scope, Case.company_id)
    window = Case.due_on >= bindparam("first"), Case.due_on < bindparam("last")
    query = select(Case.due_on, func.count()).where(*mine, *window)
    return Prepared(query.group_by(Case.due_on))
