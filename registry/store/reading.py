"""Rows as objects for whoever only looks: read by statements made once, and not watched.

An object that SQLAlchemy watches for changes costs five times the look-up itself. In a session that
only reads nobody changes one: it would not be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session, class_mapper
from sqlalchemy.orm.attributes import manager_of_class

from registry.store.prepared import Direct, Prepared

T = TypeVar("T")


class Reader(Direct):
    """A session that only reads. What is looked up by its key is read once and not watched."""

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Return the row of a key, or None; with options, or a key of several parts, as ever."""
        asked = any(option is not None for option in options.values())
        if asked or not isinstance(ident, int | str | bytes):
            return super().get(entity, ident, **options)
        key = "get", entity, ident
        if key not in self.info:
            rows = _by_key(entity).all(self, key=ident)
            self.info[key] = rows[0] if rows else None
        return self.info[key]

    def get_one(self, entity: Any, ident: Any, **options: Any) -> Any:
        """Return the row of a key. Raises ``NoResultFound``."""
        found = self.get(entity, ident, **options)
        if found is None:
            raise NoResultFound(f"no {entity.__tablename__} row of this key")
        return found

    def rollback(self) -> None:
        """End the snapshot; the next look is at a newer one, and nothing of this one holds."""
        super().rollback()
        self.info.clear()

    def refresh(self, instance: object, *args: Any, **options: Any) -> None:
        """Do nothing for what is not watched: in one snapshot a row stays what it is."""
        if instance in self:
            super().refresh(instance, *args, **options)


class Records(Generic[T]):
    """A statement that selects one entity; its values are given by the names of its parameters.

    A session that may write is given watched objects, as ever.
    """

    __slots__ = ("_entity", "_names", "_prepared", "_statement")

    def __init__(self, entity: type[T], statement: Select[T]) -> None:
        """Keep the statement; nothing is compiled yet."""
        columns = _columns(entity)
        self._entity = entity
        self._names = tuple(columns)
        self._statement = statement
        self._prepared = Prepared(statement.with_only_columns(*columns.values()))

    def all(self, session: Session, /, **values: Any) -> list[T]:
        """Return all rows."""
        if not isinstance(session, Reader):
            return list(session.scalars(self._statement, values))
        rows: Sequence[Any] = self._prepared.all(session, **values)
        return [_made(self._entity, self._names, row) for row in rows]

    def first(self, session: Session, /, **values: Any) -> T | None:
        """Return the first row, or None."""
        rows = self.all(session, **values)
        return rows[0] if rows else None


def _columns(entity: Any) -> dict[str, ColumnElement[Any]]:
    mapper = class_mapper(entity)
    return {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}


@cache
def _by_key(entity: Any) -> Records[Any]:
    (key,) = class_mapper(entity).primary_key
    given = bindparam("key", type_=key.type)
    return Records(entity, select(entity).where(key == given))


def _made(entity: Any, names: tuple[str, ...], row: Sequence[Any]) -> Any:
    made = manager_of_class(entity).new_instance()
    made.__dict__.update(zip(names, row, strict=True))
    return made
