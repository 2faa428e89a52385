"""Statements that are compiled once and then go straight to the driver: the hot path of reading.

A page asks four to eight small questions. To have each put together, looked up, executed and its
rows wrapped costs several times what the database needs for the answer. Here the text, the order of
its values and the readers of its columns are made at the first use with a database; values and
columns pass the same type processors as everywhere, and it runs in the session's own transaction.

For constant SELECTs of columns: no entity, and no ``IN`` with a list (`registry.store.among`
instead). What a session has not written yet is written first. The driver's errors are not
translated.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVarTuple

from sqlalchemy import Dialect, Select
from sqlalchemy.orm import Session

Ts = TypeVarTuple("Ts")
_Reader: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A statement as one database takes it: ``order`` of its values, None if they go by name."""

    text: str
    order: Sequence[str] | None
    fixed: Mapping[str, Any]
    writers: Mapping[str, _Reader]
    readers: tuple[tuple[int, _Reader], ...]


class Prepared(Generic[*Ts]):
    """One statement; values are given by the names of its ``bindparam``s."""

    __slots__ = ("_plans", "_row", "_statement")

    def __init__(self, statement: Select[*Ts]) -> None:
        """Keep the statement; nothing is compiled yet."""
        self._statement = statement
        self._plans: dict[str, _Plan] = {}
        self._row: Any = None

    def all(self, session: Session, /, **values: Any) -> list[tuple[*Ts]]:
        """Return all rows."""
        driver, dialect = _direct(session)
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plan(dialect)
        if plan.fixed:
            values = {**plan.fixed, **values}
        for name, write in plan.writers.items():
            values[name] = write(values[name])
        given = values if plan.order is None else [values[name] for name in plan.order]
        found: list[Any] = driver.execute(plan.text, given).fetchall()
        return [_read(row, plan.readers) for row in found] if plan.readers else found

    def named(self, session: Session, /, **values: Any) -> list[Any]:
        """Return all rows, their columns as attributes by the names they have in the statement."""
        if self._row is None:
            names = list(self._statement.selected_columns.keys())
            self._row = namedtuple("_Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - the names are known here only
        return list(map(self._row._make, self.all(session, **values)))

    def first(self, session: Session, /, **values: Any) -> tuple[*Ts] | None:
        """Return the first row, or None."""
        rows = self.all(session, **values)
        return rows[0] if rows else None

    def one(self, session: Session, /, **values: Any) -> tuple[*Ts]:
        """Return the only row."""
        (row,) = self.all(session, **values)
        return row

    def _plan(self, dialect: Dialect) -> _Plan:
        compiled = self._statement.compile(dialect=dialect)
        columns = enumerate(self._statement.selected_columns)
        readers = (
            (place, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for place, column in columns
        )
        writers = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for bind, name in compiled.bind_names.items()
        }
        given = {name for bind, name in compiled.bind_names.items() if bind.required}
        plan = _Plan(
            text=str(compiled),
            order=compiled.positiontup if compiled.positional else None,
            fixed={name: value for name, value in compiled.params.items() if name not in given},
            writers={name: write for name, write in writers.items() if write is not None},
            readers=tuple((place, read) for place, read in readers if read is not None),
        )
        self._plans[dialect.name] = plan
        return plan


class Direct(Session):
    """A session that knows its driver, and has nothing to write first."""

    _driver: tuple[Any, Dialect] | None = None

    def rollback(self) -> None:
        """End the transaction; the next statement begins another, by way of the session."""
        super().rollback()
        self._driver = None

    def direct(self) -> tuple[Any, Dialect]:
        """Return the driver's connection, in its transaction, and the dialect."""
        if self._driver is None:
            connection = self.connection()
            self._driver = connection.connection.driver_connection, connection.dialect
        return self._driver


def _direct(session: Session) -> tuple[Any, Dialect]:
    if isinstance(session, Direct):
        return session.direct()
    session.flush()
    connection = session.connection()
    return connection.connection.driver_connection, connection.dialect


def _read(row: Sequence[Any], readers: tuple[tuple[int, _Reader], ...]) -> Any:
    cells = list(row)
    for place, read in readers:
        cells[place] = read(cells[place])
    return tuple(cells)
