"""Figures on pages, a company's own page, where cases begin, and each step once on a page."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from registry.store.counters import number_scope, take_range
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company

PREFIX = "Y000044999001"
BEGINNINGS = {
    "filing": "/filings/new",
    "scheme": "/schemes/new",
    "plan": "/plans/new",
    "batch": "/batches/new",
}


def give_numbers(small: Any, count: int) -> None:
    with small.write() as session:
        company = session.get_one(Company, 1)
        session.add(
            Issuer(
                prefix=PREFIX,
                name=company.name,
                uscc=company.uscc,
                levels="54321",
                added_at=small.clock.now(),
            )
        )
        session.flush()
        company.prefix, company.listed_on = PREFIX, date(2025, 11, 1)
        take_range(session, number_scope(PREFIX, 2026, "4"), count, start=1)


def main_of(page: str) -> str:
    return page.partition("<main")[2]


@pytest.mark.parametrize(("kind", "address"), BEGINNINGS.items())
def test_a_company_begins_a_case_on_its_list(browse: Any, kind: str, address: str) -> None:
    for login in ("editor1", "head1"):
        page = browse(login).get(f"/list/{kind}")
        assert f'href="{address}"' in main_of(page)
        assert f'href="{address}"' not in page.partition("<main")[0], "the menu is long enough"
    for login in ("clerk", "approver", "supervisor", "auditor"):
        assert address not in browse(login).get(f"/list/{kind}")


def test_the_menu_says_where_one_is(browse: Any, planning: Any) -> None:
    case_id = planning.draft()
    editor = browse("editor1")
    for path, current in (
        ("/list/plan", 'href="/list/plan" aria-current="page"'),
        (f"/plans/{case_id}/times", 'href="/list/plan" aria-current="true"'),
        (f"/cases/{case_id}", 'href="/list/plan" aria-current="true"'),
        ("/calendar/2026", 'href="/rules" aria-current="true"'),
        ("/", 'href="/" aria-current="page"'),
        ("/me", 'href="/me" aria-current="page"'),
    ):
        page = editor.get(path)
        assert current in page, path
        assert page.count("aria-current") == 1, path


def test_home_draws_two_weeks_of_what_is_due(browse: Any, small: Any, planning: Any) -> None:
    case_id = planning.draft()
    planning.step(case_id, "submit", "head1")
    with small.write() as session:
        session.get_one(Case, case_id).due_on = small.desk.today()
    page = browse("clerk").get("/")
    days = re.findall(r"<li><b>([0-9]+)</b><svg.*?<span>(.*?)</span></li>", page)
    assert len(days) == 11
    assert days[0][1].startswith("逾期")
    assert sum(int(count) for count, _ in days) == 1
    assert "<h2>待办公室办理</h2>" in page
    assert "<h2>待办公室办理</h2>" in browse("editor1").get("/"), "the other side's"


def test_figures_are_of_ones_own_tenant(browse: Any, small: Any, planning: Any) -> None:
    planning.draft()
    give_numbers(small, 321)
    for login in ("clerk", "editor1"):
        page = browse(login).get("/overview")
        assert re.search('<a href="/list/plan">实施计划</a>，共 1 件', page), login
        assert "<td>321</td>" in page, login
    page = browse("editor2").get("/overview")
    assert "<td>321</td>" not in page
    assert "还没有实施计划" in page


def test_a_companys_page_has_its_evaluation_and_numbers(
    browse: Any, small: Any, planning: Any
) -> None:
    planning.prepare()
    give_numbers(small, 321)
    clerk = browse("clerk")
    page = clerk.get("/companies/1")
    assert "应评估" in page
    assert 'href="/supervision/companies/1/evaluate"' in page
    assert "<td>321</td>" in page
    said = {"result": "passed", "reasons": "评价过程规范"}
    clerk.post("/supervision/companies/1/evaluate", **said)
    page = clerk.get("/companies/1")
    assert "应评估" not in page
    assert re.search(r'href="/supervision/[0-9]+">.*?</a> <strong class="tag good">', page)
    own = browse("editor1").get("/companies/1")
    assert 'class="tag good"' in own
    assert "/evaluate" not in own
    browse("editor2").get("/companies/1", 404)
    assert 'href="/companies/1"' in browse("editor1").get("/companies")


def test_each_step_stands_once_on_a_cases_page(browse: Any, planning: Any) -> None:
    """What is done on a page of its own has no second button beside the way there."""
    draft, plan = (planning.draft() for _ in range(2))
    planning.step(plan, "submit", "head1")
    for login, case, address, step in (
        ("head1", draft, "/tasks", "submit"),
        ("clerk", plan, "/return", "return"),
    ):
        page = main_of(browse(login).get(f"/cases/{case}"))
        assert re.search(f'class="button[^"]*" href="[^"]*{address}"', page), (login, case)
        assert f"/steps/{step}" not in page, (login, case)
    page = main_of(browse("clerk").get(f"/cases/{plan}"))
    assert f'action="/cases/{plan}/steps/record"' in page


def test_results_are_sent_back_on_one_page(browse: Any, assessing: Any) -> None:
    batch = assessing.submitted()
    page = main_of(browse("clerk").get(f"/cases/{batch}"))
    assert page.count(f'href="/batches/{batch}/return"') == 1


def test_who_is_signed_in_keeps_the_menu_where_there_is_no_page(desks: Any, browse: Any) -> None:
    page = browse("clerk").get("/none", 404)
    assert "没有此页" in page
    assert 'href="/list/filing"' in page
    page = desks.test_client().get("/none").get_data(as_text=True)
    assert "没有此页" in page
    assert "<nav" not in page


def test_a_refusal_leads_back_to_the_case(browse: Any, planning: Any) -> None:
    case_id = planning.draft()
    editor = browse("editor1")
    stale = {"version": "999", "hours": "8", "content": "培训"}
    days = {"training_first": "2026-11-02", "training_last": "2026-11-03"}
    page = editor.post(f"/plans/{case_id}/training", 409, **stale, **days).get_data(as_text=True)
    assert f'href="/cases/{case_id}"' in page
    assert "/cases/" not in browse("editor2").get(f"/plans/{case_id}/training", 404)
