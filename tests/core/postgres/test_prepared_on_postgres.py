"""Prepared statements and the desks' lists on PostgreSQL: the same rows as the usual way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, exists, func, select

from registry.office.almanac import read_almanac
from registry.office.assessor_list import assessor_page
from registry.office.case_list import cases_of
from registry.office.cases import CaseKind
from registry.office.choices import assessors_to_propose, companies_to_propose
from registry.office.context import Actor, Context
from registry.office.directory import company_lines, count_listed, directory
from registry.office.docket import docket
from registry.office.identity import AccountId, Identity, Role
from registry.office.occupations import search_occupations
from registry.office.public_mark import public_mark
from registry.store.among import among
from registry.store.base import open_engine, read_unit, write_unit
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company
from registry.store.registers import Occupation

NOW = datetime(2026, 11, 26, 2, 0, 5, 123456, tzinfo=UTC)
TODAY = date(2026, 11, 26)


class Clock:
    def now(self) -> datetime:
        return NOW


CONTEXT = Context(
    actor=Actor("test"),
    clock=Clock(),
    field_key=b"f" * 32,
    index_key=b"i" * 32,
    random=bytes,
)


@pytest.fixture
def engine(office: Any) -> Any:
    engine = open_engine(office.engine.url.render_as_string(hide_password=False))
    with write_unit(engine) as session:
        for number in range(1, 8):
            session.add(
                Company(
                    company_id=number,
                    uscc=f"91449999MA5{number:07}",
                    name=f"示例{number}",
                    district="4403A" if number > 4 else "",
                    state="listed" if number % 2 else "unlisted",
                    pilot=number % 3 == 0,
                    listed_on=date(2026, 1, number) if number % 2 else None,
                    created_at=NOW + timedelta(days=number),
                )
            )
        session.flush()
        for number in range(1, 61):
            session.add(
                Case(
                    kind="plan",
                    reference=f"JH-2026-{number:04}",
                    company_id=1 + number % 7,
                    title="车工",
                    state="submitted",
                    form=b"",
                    opened_at=NOW,
                    changed_at=NOW,
                    turn="office" if number % 3 else "company",
                    due_on=TODAY + timedelta(days=number - 10) if number % 2 else None,
                )
            )
        session.add(
            Occupation(
                edition=2022, code="6-31-01-03", name="PLC 电工", levels="543", directions=""
            )
        )
    yield engine
    engine.dispose()


def person(role: Role, district: str = "", company: int | None = None) -> Identity:
    return Identity(
        account_id=AccountId(1), login="x", role=role, district=district, company_id=company
    )


def test_values_and_columns_are_those_of_the_usual_way(engine: Engine) -> None:
    statement = (
        select(
            Company.company_id,
            Company.pilot,
            Company.listed_on,
            Company.created_at,
            exists().where(Company.company_id == 99).label("nobody"),
        )
        .where(Company.state == bindparam("state"), Company.created_at > bindparam("after"))
        .order_by(Company.company_id)
        .limit(bindparam("limit"))
    )
    values = {"state": "listed", "after": NOW + timedelta(days=1, hours=1), "limit": 2}
    prepared = Prepared(statement)
    with read_unit(engine) as session:
        usual = [tuple(row) for row in session.execute(statement, values)]
        assert prepared.all(session, **values) == usual
        assert prepared.named(session, **values)[0].created_at == NOW + timedelta(days=3)
        assert Prepared(select(func.count()).select_from(Company)).one(session) == (7,)


@pytest.mark.parametrize("numbers", [[], [1], [2, 3, 99], list(range(1, 2000))])
def test_among_takes_lists_of_any_length(engine: Engine, numbers: list[int]) -> None:
    prepared = Prepared(
        select(Company.company_id)
        .where(among(Company.company_id, "companies"))
        .order_by(Company.company_id)
    )
    with read_unit(engine) as session:
        found = [number for (number,) in prepared.all(session, companies=numbers)]
    assert found == [n for n in range(1, 8) if n in numbers]


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (person(Role.CLERK), set(range(1, 8))),
        (person(Role.CLERK, "4403A"), {5, 6, 7}),
        (person(Role.COMPANY_EDITOR, company=2), {2}),
    ],
)
def test_the_lists_show_each_tenant_its_own(engine: Engine, who: Identity, seen: set[int]) -> None:
    cases = [number for number in range(1, 61) if 1 + number % 7 in seen]
    names = {f"示例{number}" for number in seen}
    with read_unit(engine) as session:
        almanac = read_almanac(session)
        listed, total = cases_of(session, who, almanac, today=TODAY, kind=CaseKind.PLAN)
        assert total == len(cases)
        assert [one.reference for one in listed] == [
            f"JH-2026-{number:04}" for number in reversed(cases)
        ][:30]
        due = docket(session, who, almanac, today=TODAY)
        side = "company" if who.company_id else "office"
        mine = [n for n in cases if (n % 3 == 0) is (side == "company")]
        assert (due.total, due.waiting) == (len(mine), len(cases) - len(mine))
        assert due.late == sum(n % 2 and n < 10 for n in mine)
        lines, count = company_lines(session, who, CONTEXT, today=TODAY, page=1)
        assert {line.name for line in lines} == names
        assert count == len(names)
        assert assessor_page(session, who, CONTEXT, page=1) == ((), 0)
        choices, found = companies_to_propose(session, who, "示例", page=1)
        assert found == len(choices) == len([n for n in seen if n % 2])
        assert companies_to_propose(session, who, "%", page=1) == ((), 0)
        assert assessors_to_propose(session, who, "", CONTEXT, page=1) == ((), 0)


def test_the_public_lists_and_the_catalogue_are_read(engine: Engine) -> None:
    with read_unit(engine) as session:
        assert count_listed(session) == len(directory(session, CONTEXT)) == 0
        first = public_mark(session, on=TODAY)
        found, total = search_occupations(session, "plc")
        assert ([one.name for one in found], total) == (["PLC 电工"], 1)
        assert search_occupations(session, "%")[1] == 0
        assert search_occupations(session, edition=2022)[1] == 1
    with write_unit(engine) as session:
        session.get_one(Company, 1).version += 1
    with read_unit(engine) as session:
        assert public_mark(session, on=TODAY) != first
