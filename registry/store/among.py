"""A column among a list of numbers or words, as one value: so that the statement stays the same.

``IN`` with as many marks as there are in the list is another statement for each length. SQLite is
handed the list as JSON, PostgreSQL as an array.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, ColumnElement, Dialect, String, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Several(TypeDecorator[Iterable[Any]]):
    """Some whole numbers, or some words, as one value."""

    impl = String
    cache_ok = True

    def __init__(self, *, words: bool) -> None:
        """Take words, or else numbers."""
        super().__init__()
        self.words = words

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the database takes them as."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(String())
        return dialect.type_descriptor(ARRAY(String() if self.words else BigInteger()))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """Return the list as the database takes it."""
        given = list(value or ())
        return given if dialect.name == "postgresql" else json.dumps(given)


class Among(FunctionElement[bool]):
    """The condition ``Among(column, list)``; made by `among`."""

    inherit_cache = True
    type = Boolean()
    name = "among"

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - the same beside anything
        """Return the condition as it is: made a number to compare, no index would serve it."""
        return self


def among(column: Any, name: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of those given as the value ``name``."""
    words = isinstance(column.type, String)
    return Among(column, bindparam(name, type_=Several(words=words)))


@compiles(Among, "sqlite")
def _in_sqlite(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"  # noqa: S608 - no value in it


@compiles(Among, "postgresql")
def _in_postgresql(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY({numbers})"
