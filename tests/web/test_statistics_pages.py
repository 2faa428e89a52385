"""Statistics on pages, in spreadsheets and at the API: counts, and names for who may see them."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from registry.store.audit import AuditLine
from registry.web import charts

MAY, OCTOBER, LAST = date(2026, 5, 11), date(2026, 10, 12), date(2025, 12, 1)
EVERY = ("clerk", "approver", "editor1", "head1", "supervisor", "auditor")
NAMED = ("clerk", "approver", "editor1", "head1")


@pytest.fixture
def counted(small: Any, office_helper: Any) -> Any:
    made = office_helper("counted_office").Counted(small)
    made.issue(1, MAY, 3, seen=OCTOBER)
    made.issue(1, OCTOBER, 2)
    made.issue(2, LAST, 4, seen=MAY, level="3")
    return made


def book_of(browse: Any, login: str, path: str) -> Any:
    answer = browse(login)._client.get(path)
    assert answer.status_code == 200
    return openpyxl.load_workbook(io.BytesIO(answer.get_data()))


def lines_of(page: str, caption: str) -> dict[str, list[int]]:
    table = re.search(f"<caption>{caption}</caption>(.*?)</table>", page, re.DOTALL)
    assert table is not None
    found = re.findall(r'<tr><th scope="row">(.*?)</th>((?:<td>[0-9]+</td>)+)', table[1])
    return {label: list(map(int, re.findall("[0-9]+", cells))) for label, cells in found}


def test_the_page_counts_and_draws(browse: Any, counted: Any) -> None:
    page = browse("clerk").get("/statistics")
    assert "全国联网可查的有效证书 <strong>7</strong> 本" in page
    assert lines_of(page, "按辖区（本）") == {"4403B": [4, 0, 0], "4403A": [3, 2, 0]}
    assert lines_of(page, "按等级（本）")["四级/中级工"] == [3, 2, 0]
    assert lines_of(page, "按发证月份（本）")["2026-10"] == [0, 2, 0]
    assert page.count('<rect class="bar"') == page.count('<rect class="bar pale"') > 10
    assert 'href="/overview" aria-current="true"' in page
    assert 'href="/statistics"' in browse("clerk").get("/overview")
    own = browse("editor1").get("/statistics")
    assert lines_of(own, "按企业（本）") == {"深圳市示例精密制造有限公司": [3, 2, 0]}


def test_an_office_without_certificates_says_so(browse: Any, small: Any) -> None:
    page = browse("clerk").get("/statistics")
    assert "还没有证书" in page
    assert "还没有办结的环节" in page
    assert "没有仍在申领期限内的证书" in browse("clerk").get("/statistics/subsidy")


def test_candidates_stand_with_their_days_and_names_only_for_who_may_see_them(
    browse: Any, counted: Any
) -> None:
    for login in EVERY:
        page = browse(login).get("/statistics/subsidy")
        assert ("张**" in page) is (login in NAMED), login
        assert ("下载名单" in page) is (login in NAMED), login
        assert "张示例" not in page
        assert "440300" not in page
    page = browse("auditor").get("/statistics/subsidy")
    assert "2026年12月1日</span>" in page
    assert page.index("还有 5 天") < page.index("还有 166 天") < page.index("还有 320 天")
    assert page.count("尚未可查</strong>") == 2
    for login in ("supervisor", "auditor", "admin"):
        browse(login).get("/statistics/subsidy/table", 403)


def test_a_list_of_names_leaves_its_line_first(browse: Any, small: Any, counted: Any) -> None:
    book = book_of(browse, "editor2", "/statistics/subsidy/table")
    rows = list(book.worksheets[0].iter_rows(min_row=2))
    assert [row[1].value for row in rows] == ["张示例"] * 4
    assert {row[6].value.date() for row in rows} == {date(2026, 12, 1)}
    assert {(row[7].value, row[7].data_type) for row in rows} == {(5, "n")}
    with small.read() as session:
        lines = session.scalars(
            select(AuditLine).where(AuditLine.action == "subsidy-list-download")
        ).all()
    assert [(line.subject, "editor2" in line.actor) for line in lines] == [("subsidy", True)]
    assert "下载补贴名单" in browse("auditor").get("/audit")


def test_the_spreadsheet_has_every_list_with_its_sum(browse: Any, counted: Any) -> None:
    book = book_of(browse, "auditor", "/statistics/table")
    assert book.sheetnames == ["按辖区", "按企业", "按职业", "按等级", "按月份", "办理用时"]
    for sheet in book.worksheets[:5]:
        *rows, total = sheet.iter_rows(min_row=2, values_only=True)
        assert total == ("合计", 7, 2, 0)
        assert [sum(row[at] for row in rows) for at in (1, 2, 3)] == [7, 2, 0]


def test_the_api_says_what_the_pages_say(browse: Any, counted: Any) -> None:
    client = browse("clerk")._client
    talent = client.get("/api/v1/statistics").get_json()
    assert talent["whole"] == {"label": "合计", "seen": 7, "waiting": 2, "suspended": 0}
    assert talent["levels"][1]["seen"] == 3
    subsidy = client.get("/api/v1/statistics/subsidy?page=1").get_json()
    assert (subsidy["total"], subsidy["ready"], subsidy["soon"]) == (9, 7, 4)
    assert {one["name"] for one in subsidy["candidates"]} == {"张**"}
    seen = browse("auditor")._client.get("/api/v1/statistics/subsidy").get_json()
    assert {one["name"] for one in seen["candidates"]} == {""}
    assert client.get("/api/v1/statistics/times").get_json() == {"steps": []}
    assert client.get("/api/v1/statistics/subsidy?page=0").status_code == 400


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=30))
def test_two_parts_stay_within_the_bar(counts: list[tuple[int, int]]) -> None:
    drawn = charts.split((str(place), figures) for place, figures in enumerate(counts))
    assert [one.figures for one in drawn] == counts
    for one in drawn:
        assert 0 <= one.seen + one.beside <= charts.FULL
        assert (one.seen > 0) is (one.figures[0] > 0)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=12), st.integers(1, 5))
def test_what_is_not_drawn_one_by_one_is_summed(counts: list[tuple[int, int]], count: int) -> None:
    rows: list[tuple[str, tuple[int, ...]]] = [(str(n), one) for n, one in enumerate(counts)]
    kept = charts.first_few(rows, count, "其余 {n} 家")
    assert len(kept) <= count + 1
    for at in (0, 1):
        assert sum(one[at] for _, one in kept) == sum(one[at] for one in counts)
    if len(kept) < len(rows):
        assert kept[-1][0] == f"其余 {len(rows) - count} 家"
