"""A plugin for pytest: every small office of the tests stands on PostgreSQL instead of SQLite.

`pytest -p served_offices tests/office`, with this folder on PYTHONPATH and the folder of a running
server's socket in PG_SOCKET. A home that is copied gets a copy of its database; what a test made is
dropped after it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

from registry.store.base import open_engine

MARK = "database"
_numbers = itertools.count(1)
_made: list[str] = []


def _connect(database: str = "postgres") -> psycopg.Connection[Any]:
    socket = os.environ["PG_SOCKET"]
    return psycopg.connect(host=socket, user="postgres", dbname=database, autocommit=True)


def _make(template: str) -> str:
    name = f"small{next(_numbers)}"
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with _connect() as connection:
        connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))
    _made.append(name)
    return name


def _go_on_after_numbers(database: str) -> None:
    """Let sequences go on after the rows that came with their numbers, also in a test to come."""
    with _connect(database) as connection:
        for table, column, first in (
            ("companies", "company_id", 3),
            ("accounts", "account_id", 11),
            ("experts", "expert_id", 500),
        ):
            found = "SELECT setval(pg_get_serial_sequence(%s, %s), %s, false)"
            connection.execute(found, (table, column, first))


def _database_of(home: Path) -> str:
    mark = home / MARK
    if not mark.exists():
        name = _make("template0")
    else:
        place, name = mark.read_text().split("\n")
        if place == str(home):
            return name
        _go_on_after_numbers(name)
        name = _make(name)
    mark.write_text(f"{home}\n{name}")
    return name


def _engine(office: Any) -> Engine:
    name = _database_of(office.home)
    return open_engine(f"postgresql+psycopg://postgres@/{name}?host={os.environ['PG_SOCKET']}")


def pytest_collection_finish(session: pytest.Session) -> None:
    for plugin in session.config.pluginmanager.get_plugins():
        office = getattr(plugin, "SmallOffice", None)
        if isinstance(office, type):
            served = cached_property(_engine)
            served.__set_name__(office, "engine")
            office.engine = served  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _nothing_is_left(founded_office: Path) -> Iterator[None]:
    kept = len(_made)
    yield
    with _connect() as connection:
        for name in _made[kept:]:
            query = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(query.format(sql.Identifier(name)))
    del _made[kept:]
