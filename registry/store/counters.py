"""Gap-free ranges: ``UPDATE … RETURNING`` on one counter row inside the inserting transaction.

The row stays locked until the commit, so a crash gives the range back whole and two offices that
issue at once get disjoint ranges. A database sequence would leave gaps at every crash.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from registry.store.certificates import Counter


def number_scope(prefix: str, year: int, level: str) -> str:
    """Name the counter of certificate serials: one for each (prefix, year, level)."""
    return f"number:{prefix}:{year}:{level}"


def batch_scope(prefix: str, year: int) -> str:
    """Name the counter of an issuer's batches of one year."""
    return f"batch:{prefix}:{year}"


def take_range(session: Session, scope: str, count: int, *, start: int) -> int:
    """Take ``count`` consecutive values of ``scope`` and return the first (``start`` if new)."""
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(insert(Counter).values(scope=scope, next_value=start).on_conflict_do_nothing())
    after: int = session.execute(
        update(Counter)
        .where(Counter.scope == scope)
        .values(next_value=Counter.next_value + count)
        .returning(Counter.next_value)
    ).scalar_one()
    return after - count


def peek(session: Session, scope: str, *, start: int) -> int:
    """Return the value that ``take_range`` would give next, without taking it."""
    value: int | None = session.execute(
        select(Counter.next_value).where(Counter.scope == scope)
    ).scalar_one_or_none()
    return start if value is None else value


def raise_to(session: Session, scope: str, value: int) -> None:
    """Make ``scope`` give ``value`` or more next; never goes back."""
    take_range(session, scope, 0, start=value)
    session.execute(
        update(Counter)
        .where(Counter.scope == scope, Counter.next_value < value)
        .values(next_value=value)
    )
