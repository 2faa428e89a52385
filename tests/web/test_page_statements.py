"""A page of a list asks the database no more often with fifty rows than with five, and shows fifty.

Less often it may: a page that dated cases fill does not look for those without a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from registry.office import assessors, registers
from registry.office.assessor_entry import AssessorEntry
from registry.office.cases import CaseKind, open_case
from registry.office.plan_form import PlanForm
from registry.office.supervising import Kind, Result, Stage, Text, add_row, new_row
from registry.rules.people import check_character
from registry.store.accounts import Account, Passkey
from registry.store.audit import AuditLine
from registry.store.imports import CertificateImport
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company
from registry.store.registers import Occupation
from signing.canonical import encode

FEW, MANY = 5, 120
PAGE_BYTES = 50 * 1024


@contextmanager
def counted(engine: Any) -> Iterator[list[str]]:
    """Collect what the driver is asked meanwhile, whichever way it is asked."""
    seen: list[str] = []

    def watch(driver: Any, _record: object, _proxy: object) -> None:
        driver.set_trace_callback(seen.append)

    def leave(driver: Any, _record: object) -> None:
        driver.set_trace_callback(None)

    event.listen(engine, "checkout", watch)
    event.listen(engine, "checkin", leave)
    yield seen
    event.remove(engine, "checkout", watch)
    event.remove(engine, "checkin", leave)


def add_cases(small: Any, first: int, count: int) -> None:
    now, today = small.clock.now(), small.desk.today()
    with small.write() as session:
        session.execute(
            insert(Case),
            [
                {
                    "kind": kind,
                    "reference": f"{kind}-{number}",
                    "company_id": 1,
                    "title": "车工（数控车工） 五级/初级工、四级/中级工、三级/高级工、二级/技师",
                    "state": "submitted",
                    "form": b"",
                    "opened_at": now,
                    "changed_at": now,
                    "turn": turn,
                    "due_on": today + timedelta(days=number % 40 - 3) if number % 3 else None,
                }
                for number in range(first, first + count)
                for kind, turn in (("plan", "office"), ("batch", "company"))
            ],
        )


def add_companies(small: Any, first: int, count: int) -> None:
    with small.write() as session:
        session.execute(
            insert(Company),
            [
                {
                    "company_id": number,
                    "uscc": f"91449999MB{number:08}",
                    "name": f"深圳市示例第{number}精密制造有限公司",
                    "district": "4403A",
                    "state": "listed" if number % 2 else "unlisted",
                    "created_at": small.clock.now(),
                    "listed_on": date(2025, 1, 5) if number % 2 else None,
                }
                for number in range(first, first + count)
            ],
        )


def add_assessors(small: Any, first: int, count: int) -> None:
    with small.write() as session:
        for number in range(first, first + count):
            head = f"4499991980010{number % 9 + 1}{number:03}"
            entry = AssessorEntry(
                name="示例考评员",
                id_type="resident-id",
                id_number=head + check_character(head),
                occupations="6-20-01-01",
                certificate=f"KP-{number}",
                valid_until=date(2030, 1, 1),
            )
            assessors.add_assessor(
                session,
                entry,
                by=small.who("editor1"),
                context=small.context("editor1"),
                today=small.desk.today(),
            )


def add_experts(small: Any, _first: int, count: int) -> None:
    with small.write() as session:
        for number in range(count):
            kind = registers.PoolKind.EXPERT if number % 2 else registers.PoolKind.SUPERVISOR
            new = registers.NewMember(kind=kind, name="示例专家", fields="车工、铣工")
            registers.add_member(
                session, new, by=small.who("clerk"), context=small.context("clerk")
            )


def add_occupations(small: Any, first: int, count: int) -> None:
    rows = [
        {
            "edition": 2022,
            "code": f"6-{number:02}-01-01",
            "name": f"示例工种{number}",
            "directions": "数控车工、普通车工",
            "levels": "54321",
            "national": False,
        }
        for number in range(first, first + count)
    ]
    with small.write() as session:
        session.execute(insert(Occupation), rows)


def add_accounts(small: Any, first: int, count: int) -> None:
    now = small.clock.now()
    with small.write() as session:
        for number in range(first, first + count):
            session.add(
                Account(
                    account_id=number,
                    login=f"editor-{number}",
                    display=b"",
                    role="company-editor",
                    company_id=1,
                    password="!",
                    password_at=now,
                    created_at=now,
                )
            )
            session.flush()
            session.add(
                Passkey(
                    credential_id=number.to_bytes(8),
                    account_id=number,
                    public_key=b"k",
                    sign_count=0,
                    label="手机",
                    added_at=now,
                )
            )


def add_lines(small: Any, _first: int, count: int) -> None:
    line = {"at": small.clock.now(), "actor": "account:clerk", "action": "plan-record"}
    with small.write() as session:
        rows = [{**line, "subject": f"JH-{n}", "detail": ""} for n in range(count)]
        session.execute(insert(AuditLine), rows)


def add_matters(small: Any, first: int, count: int) -> None:
    """Add findings to answer, findings answered, proposals, and visits that are closed."""
    add_plan(small)
    with small.write() as session:
        by = small.who("clerk-a").account_id
        for number in range(first, first + count):
            kind, stage = MATTERS[number % len(MATTERS)]
            row = new_row(kind, stage, 1, by=by, context=small.context("clerk"))
            row.case_id = PLAN if kind is Kind.VISIT else None
            row.result = Result.TO_MEND.value
            add_row(session, row, Text(), small.context("clerk"))


def add_plan(small: Any) -> None:
    with small.write() as session:
        if session.get(Case, PLAN) is None:
            form = encode(
                PlanForm(
                    occupation="车工",
                    occupation_code="6-18-01-01",
                    direction="",
                    last_day="2026-12-22",
                )
            )
            company, by = session.get_one(Company, 1), small.who("editor1")
            case = open_case(
                session,
                CaseKind.PLAN,
                company,
                title="车工",
                form=form,
                by=by,
                context=small.context("editor1"),
            )
            assert case.case_id == PLAN


def add_imports(small: Any, first: int, count: int) -> None:
    now, prefix = small.clock.now(), "Y000044999001"
    with small.write() as session:
        if session.get(Issuer, prefix) is None:
            name, uscc = "深圳市示例精密制造有限公司", "91449999MA5DEM0015"
            session.add(Issuer(prefix=prefix, name=name, uscc=uscc, levels="3", added_at=now))
            session.flush()
        session.execute(
            insert(CertificateImport),
            [
                {
                    "reference": f"I-2026-{number:04}",
                    "prefix": prefix,
                    "digest": f"{number:064}",
                    "count": 1,
                    "state": "approved" if number % 2 else "carried-out",
                    "version": 1,
                    "prepared_by": 5 if number % 3 else None,
                    "prepared_at": now,
                    "sealed": b"",
                }
                for number in range(first, first + count)
            ],
        )


MATTERS = (
    (Kind.VISIT, Stage.ASSIGNED),
    (Kind.VISIT, Stage.REPORTED),
    (Kind.VISIT, Stage.ANSWERED),
    (Kind.DELISTING, Stage.PROPOSED),
    (Kind.VISIT, Stage.CLOSED),
)
PLAN = 1
MATTER = r'<a href="/supervision/\d+">'
Adding = Callable[[Any, int, int], None]
LISTS: tuple[tuple[str, str, Adding, str], ...] = (
    ("clerk", "/", add_cases, r'<a href="/cases/\d+">车工'),
    ("clerk-a", "/", add_cases, r'<a href="/cases/\d+">车工'),
    *((login, "/", add_matters, MATTER) for login in ("clerk", "approver", "editor1", "auditor")),
    *((login, "/supervision", add_matters, MATTER) for login in ("clerk", "editor1", "auditor")),
    ("clerk", "/supervision?list=waiting", add_matters, MATTER),
    ("clerk", "/supervision?list=settled", add_matters, MATTER),
    ("clerk", "/supervision", add_companies, r"/supervision/companies/\d+/evaluate"),
    ("clerk", "/supervision?list=evaluations", add_companies, r"/companies/\d+/evaluate"),
    ("clerk", "/list/plan", add_cases, r'<a href="/cases/\d+">车工'),
    ("clerk-a", "/list/plan", add_cases, r'<a href="/cases/\d+">车工'),
    ("editor1", "/list/plan", add_cases, r'<a href="/cases/\d+">车工'),
    ("clerk", "/companies", add_companies, r"深圳市示例第\d+精密制造有限公司</a>"),
    ("approver", "/companies", add_companies, r"深圳市示例第\d+精密制造有限公司</a>"),
    ("clerk", "/companies?list=public", add_companies, r"机构编码"),
    ("clerk", "/schemes/published", add_companies, r"机构编码"),
    ("clerk", "/supervision/propose", add_companies, r"/supervision/companies/\d+/delist"),
    ("clerk", "/supervision/propose", add_assessors, r"/supervision/assessors/\d+/disqualify"),
    ("clerk", "/assessors", add_assessors, r"KP-\d+"),
    ("editor1", "/assessors", add_assessors, r"KP-\d+"),
    ("clerk", "/experts", add_experts, r"/experts/\d+/active"),
    ("clerk", "/occupations", add_occupations, r">示例工种\d+"),
    ("clerk", "/occupations?q=示例", add_occupations, r">示例工种\d+"),
    ("clerk", "/imports", add_imports, r'<a href="/imports/I-\d+'),
    ("approver", "/", add_imports, r'<a href="/imports/I-\d+'),
    ("admin", "/accounts", add_accounts, r'/accounts/\d+">editor-'),
    ("auditor", "/audit", add_lines, r">JH-\d+"),
)


@pytest.mark.parametrize("listed", LISTS, ids=lambda one: f"{one[0]} {one[1]} {one[2].__name__}")
def test_a_page_asks_as_often_whatever_there_is(
    small: Any, browse: Any, listed: tuple[str, str, Adding, str]
) -> None:
    login, path, add, row = listed
    asked = []
    for first, count in ((100, FEW), (100 + FEW, MANY)):
        add(small, first, count)
        browse(login).get(path)  # what is made once
        with counted(small.engine) as seen:
            page = browse(login).get(path)
        asked.append([one.split(" FROM ")[0] for one in seen])
        assert len(re.findall(row, page)) <= 60
        assert len(page.encode()) < PAGE_BYTES
    assert len(asked[1]) <= len(asked[0]) <= 16, asked
