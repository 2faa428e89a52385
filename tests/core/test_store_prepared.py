"""Prepared statements answer what the usual way answers, types and all, in the same transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, exists, func, select
from sqlalchemy.orm import Session

from registry.store.among import among
from registry.store.base import open_engine, read_unit, write_unit
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from registry.store.schema import migrate

NOW = datetime(2026, 11, 26, 2, 0, 5, 123456, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{tmp_path}/registry.db")
    migrate(engine)
    with write_unit(engine) as session:
        session.add_all(company(number) for number in range(1, 8))
    return engine


def company(number: int) -> Company:
    return Company(
        company_id=number,
        uscc=f"91449999MA5{number:07}",
        name=f"示例'{number}\"",
        state="listed" if number % 2 else "unlisted",
        pilot=number % 3 == 0,
        listed_on=date(2026, 1, number) if number % 2 else None,
        created_at=NOW + timedelta(days=number),
    )


COLUMNS = (
    Company.company_id,
    Company.name,
    Company.pilot,
    Company.listed_on,
    Company.created_at,
    (Company.district == "").label("city"),
    exists().where(Company.company_id == 99).label("nobody"),
)
STATEMENT = (
    select(*COLUMNS)
    .where(Company.state == bindparam("state"), Company.created_at > bindparam("after"))
    .order_by(Company.company_id)
    .limit(bindparam("limit"))
)
VALUES = {"state": "listed", "after": NOW + timedelta(days=1, hours=1), "limit": 2}


def test_values_and_columns_are_those_of_the_usual_way(engine: Engine) -> None:
    prepared = Prepared(STATEMENT)
    with read_unit(engine) as session:
        usual = [tuple(row) for row in session.execute(STATEMENT, VALUES)]
        for _ in range(2):  # compiled, and compiled before
            assert prepared.all(session, **VALUES) == usual
        assert [row[0] for row in usual] == [3, 5]
        first, second = prepared.named(session, **VALUES)
    assert first.created_at == NOW + timedelta(days=3)
    assert first.created_at.tzinfo is UTC
    assert first.listed_on == date(2026, 1, 3)
    assert (first.pilot, first.city, first.nobody) == (True, True, False)
    assert second.pilot is False


def test_one_and_first_say_how_many_there_are(engine: Engine) -> None:
    of = Prepared(select(Company.name).where(Company.company_id == bindparam("company")))
    counted = Prepared(select(func.count()).select_from(Company))
    with read_unit(engine) as session:
        assert of.first(session, company=1) == ("示例'1\"",)
        assert of.first(session, company=99) is None
        assert counted.one(session) == (7,)
        with pytest.raises(ValueError, match="not enough values"):
            of.one(session, company=99)


def test_what_a_session_has_not_written_yet_is_seen(engine: Engine) -> None:
    counted = Prepared(select(func.count()).select_from(Company))
    with Session(engine) as session:
        session.add(company(8))
        assert counted.one(session) == (8,)
        session.rollback()
    with read_unit(engine) as session:
        assert counted.one(session) == (7,)


def test_a_snapshot_stays_what_it_was(engine: Engine) -> None:
    counted = Prepared(select(func.count()).select_from(Company))
    with read_unit(engine) as session:
        assert counted.one(session) == (7,)
        with write_unit(engine) as writer:
            writer.add(company(8))
        assert counted.one(session) == (7,)


@pytest.mark.parametrize("numbers", [[], [1], [2, 3, 99], list(range(1, 2000))])
def test_among_takes_lists_of_any_length_by_one_statement(
    engine: Engine, numbers: list[int]
) -> None:
    statement = select(Company.company_id).where(among(Company.company_id, "companies"))
    prepared = Prepared(statement.order_by(Company.company_id))
    with read_unit(engine) as session:
        found = [number for (number,) in prepared.all(session, companies=numbers)]
        usual: Any = session.execute(statement, {"companies": numbers}).scalars()
        assert found == sorted(usual) == [n for n in range(1, 8) if n in numbers]
    assert len(prepared._plans) == 1
