"""Change requests that wait for this very person (变更待办): how many, and by which days.

One statement over the open requests, which an index holds apart; the list itself is
`change_list`. The term of a request that was sent back does not run, so it has no last day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, true
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.case_list import SOON
from registry.office.changes import Origin
from registry.office.identity import Identity, Role
from registry.office.scope import Scope, scope_of
from registry.store.holders import ChangeRequest
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from signing.record import PREFIX_LENGTH

_RETURNED: Final = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesDue:
    """What waits for a person: ``total`` requests, of which ``late`` and ``soon`` by their day.

    ``days`` are the last days of those whose term runs, the first first. ``due_on`` is the first
    of them, None if there is none; ``working_days`` until it, negative when it is past.
    """

    total: int
    late: int
    soon: int
    days: tuple[date, ...]
    due_on: date | None
    due_provisional: bool
    working_days: int | None


NONE: Final = ChangesDue(
    total=0, late=0, soon=0, days=(), due_on=None, due_provisional=False, working_days=None
)


def changes_due(session: Session, by: Identity, almanac: Almanac, *, today: date) -> ChangesDue:
    """Count the requests whose next step is this person's; ``NONE`` for who handles none."""
    if by.role not in _WAITS:
        return NONE
    scope, values = scope_of(by)
    found = _by_day(scope, by.role).all(session, **values)
    running = sorted((day, count) for state, day, count in found if state != _RETURNED)
    near = [(day, n) for day, n in running if 0 <= almanac.days.between(today, day) <= SOON]
    first = running[0][0] if running else None
    return ChangesDue(
        total=sum(count for _state, _day, count in found),
        late=sum(count for day, count in running if day < today),
        soon=sum(count for day, count in near if day >= today),
        days=tuple(day for day, count in running for _ in range(count)),
        due_on=first,
        due_provisional=first is not None and almanac.days.notice(first.year).provisional,
        working_days=None if first is None else almanac.days.between(today, first),
    )


def _in(*states: str) -> ColumnElement[bool]:
    return or_(*(ChangeRequest.state == state for state in states))


def _sent_back(origin: Origin) -> ColumnElement[bool]:
    return and_(ChangeRequest.state == _RETURNED, ChangeRequest.origin == origin.value)


_COMPANYS: Final = _sent_back(Origin.COMPANY)
_WAITS: Final[Mapping[Role, ColumnElement[bool]]] = {
    Role.CLERK: or_(_in("received", "checked", "approved"), _sent_back(Origin.OFFICE)),
    Role.APPROVER: _in("prepared", "refusal", "approved"),
    Role.COMPANY_EDITOR: _COMPANYS,
    Role.COMPANY_HEAD: _COMPANYS,
}
"""Which requests wait for a role, by `rules.changing`: what is approved, either may carry out."""


@cache
def _by_day(scope: Scope, role: Role) -> Prepared[str, date, int]:
    # Only what the index has, or what stands in the row before the paper: past that, SQLite would
    # go through all of its pages, which may be ten megabytes for each request.
    facts = ChangeRequest.state, ChangeRequest.due_on
    mine = _WAITS[role], _within(scope)
    return Prepared(select(*facts, func.count()).where(*mine).group_by(*facts))


def _within(scope: Scope) -> ColumnElement[bool]:
    prefix = func.substr(ChangeRequest.number, 1, PREFIX_LENGTH)
    match scope:
        case Scope.CITY:
            return true()
        case Scope.DISTRICT:
            mine = Company.district == bindparam("district")
        case Scope.COMPANY:
            mine = Company.company_id == bindparam("company")
    return prefix.in_(select(Company.prefix).where(mine))
