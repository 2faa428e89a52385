"""Rules, calendars, catalogue and pool at the desks: what each role sees, and what is typed."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest

from registry.office.almanac import read_almanac
from registry.office.due import set_due
from registry.office.identity import Role
from registry.office.registers import NewMember, PoolKind, add_member
from registry.rules.catalogue import HEADERS
from registry.store.procedure import Case
from registry.store.registers import Occupation, RuleRow, YearNoticeRow

OFF = "1月1日至4日 2月5日至11日 4月3日至5日 5月1日至5日 6月9日 9月15日 10月1日至7日"
NOTICE = {"basis": "示例通知〔2026〕9号", "off": OFF, "work": "1月9日"}
TERM = {
    "length": "15",
    "unit": "working-days",
    "counting": "from-the-day",
    "basis": "示例〔2026〕1号",
    "since": "2027-01-01",
}


def table(*rows: dict[str, Any]) -> tuple[Any, str]:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "职业目录"
    sheet.append(list(HEADERS.values()))
    for row in rows:
        sheet.append(list(row.values()))
    data = io.BytesIO()
    workbook.save(data)
    data.seek(0)
    return data, "../../目录.xlsx"


ROW = {
    "edition": "2015",
    "catalogue_code": "6-18-01-01",
    "catalogue_name": "车工",
    "directions": "数控车工",
    "levels": "54321",
    "national": "否",
}


@pytest.mark.parametrize("login", ["editor1", "head1", "clerk", "approver", "auditor"])
def test_everybody_sees_the_rules_and_only_an_approver_may_make_one(
    browse: Any, login: str
) -> None:
    page = browse(login).get("/rules")
    assert "20 个工作日，自当日起算" in page
    assert "不少于 300 人" in page
    assert "不少于 50 人（原则上，仅提示）" in page
    assert ("登记新规定" in page) is (login == "approver")
    browse(login).get("/rules/terms/filing-decision", 200 if login == "approver" else 403)


def test_a_rule_is_made_and_stands_beside_the_old_one(browse: Any, small: Any) -> None:
    approver = browse("approver")
    page = approver.get("/rules/terms/filing-decision")
    assert 'name="length" type="text" value="20"' in page
    assert 'value="working-days" checked' in page
    place = approver.post("/rules/terms/filing-decision", **TERM).location
    page = approver.get(place)
    assert "新规则已登记" in page
    assert "15 个工作日，自当日起算" in page
    assert "待施行" in page
    assert "2027年1月1日前" in page
    with small.read() as session:
        assert [row.made_by for row in session.query(RuleRow)] == ["approver"]


def test_a_rule_of_the_past_comes_back_with_what_was_typed(browse: Any) -> None:
    wrong = TERM | {"since": "2026-11-25", "length": "七"}
    answer = browse("approver").post("/rules/terms/filing-decision", 422, **wrong)
    page = answer.get_data(as_text=True)
    assert '<a href="#length">请用数字填写' in page
    assert 'value="七"' in page
    wrong = TERM | {"since": "2026-11-25"}
    answer = browse("approver").post("/rules/terms/filing-decision", 422, **wrong)
    assert "施行日期不能早于今天" in answer.get_data(as_text=True)
    assert 'value="示例〔2026〕1号"' in answer.get_data(as_text=True)


def test_a_threshold_is_made_and_may_become_a_principle(browse: Any) -> None:
    approver = browse("approver")
    assert 'name="least" type="text" value="300"' in approver.get("/rules/thresholds/insured-staff")
    approver.post(
        "/rules/thresholds/insured-staff", least="200", basis="示例〔2026〕2号", since="2027-01-01"
    )
    assert "不少于 200 人（原则上，仅提示）" in approver.get("/rules")
    answer = approver.post("/rules/thresholds/insured-staff", 422, since="soon")
    assert "形如 2027-01-01" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path",
    ["/rules/terms/none", "/rules/thresholds/none", "/rules/terms/insured-staff"],
)
def test_rules_that_are_none_are_not_there(browse: Any, path: str) -> None:
    browse("approver").get(path, 404)


def test_the_calendar_shows_what_each_day_is(browse: Any) -> None:
    page = browse("editor1").get("/calendar/2026")
    assert "全年 248 个工作日" in page
    assert '<td class="make-up">10<sup>班</sup>' in page
    assert '<td class="holiday">1<sup>休</sup><span class="hidden">放假</span>' in page
    assert page.count('<table class="month">') == 12
    assert "录入节假日安排" not in page
    assert len(page) < 50_000
    assert "暂定" in browse("editor1").get("/calendar/2027")
    for year in (2019, 2100, 99999):
        browse("editor1").get(f"/calendar/{year}", 404)


def test_a_notice_is_loaded_and_the_page_says_what_moved(
    browse: Any, small: Any, office_helper: Any
) -> None:
    scheming = office_helper("scheme_office").SchemeMaking(small)
    scheming.list_company()
    with small.write() as session:
        case = session.query(Case).one()
        case.state, case.received_on = "submitted", small.desk.today().replace(month=12, day=7)
        set_due(case, read_almanac(session), today=small.desk.today())
    approver = browse("approver")
    assert "录入节假日安排" in approver.get("/calendar/2027")
    place = approver.post("/calendar/2027/notice", **NOTICE).location
    page = approver.get(place)
    assert "1 件办件的期限已重新计算" in page
    assert "BA-2026-0001" in page
    assert "由 2027-01-04 调整为 2027-01-05" in page
    assert "BA-2026-0001" not in browse("editor2").get("/calendar/2027")
    assert "期限调整" in browse("editor1").get(f"/cases/{case.case_id}")
    page = approver.get("/calendar/2027/notice")
    assert "2027-01-01 2027-01-02" in page


def test_a_notice_that_contradicts_itself_comes_back_with_what_was_typed(
    browse: Any, small: Any
) -> None:
    answer = browse("approver").post("/calendar/2027/notice", 422, **(NOTICE | {"work": "1月11日"}))
    page = answer.get_data(as_text=True)
    assert '<a href="#work">1月11日不是星期六或者星期日' in page
    assert ">1月11日</textarea>" in page
    assert OFF in page
    with small.read() as session:
        assert session.query(YearNoticeRow).count() == 0
    browse("clerk").get("/calendar/2027/notice", 403)


def test_the_starter_file_is_loaded_and_searched(browse: Any) -> None:
    clerk = browse("clerk")
    clerk.get("/occupations/import")
    place = clerk.post("/occupations/starter").location
    page = clerk.get(place)
    assert "新增 40 个" in page
    assert "共 40 个职业" in page
    assert "国家职业资格目录内，不得开展" in page
    page = browse("editor1").get("/occupations?q=%E7%A3%A8&edition=2015")
    assert "6-18-01-04" in page
    assert "6-31-01-03" not in page
    assert "没有符合条件的职业" in browse("editor1").get("/occupations?q=none&page=9")
    browse("editor1").get("/occupations/import", 403)


def test_a_table_is_imported_or_every_fault_named(browse: Any, small: Any) -> None:
    clerk = browse("clerk")
    bad = table(ROW, ROW | {"catalogue_code": "2-02-07-01", "national": "？"})
    page = clerk.post("/occupations/import", 422, table=bad).get_data(as_text=True)
    assert "有 2 处需要修改" in page
    assert "第 3 行「职业编码」" in page
    assert "没有导入任何职业" in page
    with small.read() as session:
        assert session.query(Occupation).count() == 0
    place = clerk.post("/occupations/import", table=table(ROW)).location
    assert place == "/occupations?added=1&updated=0"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "文件是空的"),
        (b"<svg onload=alert(1)>", "不是可识别的表格"),
        (bytes.fromhex("d0cf11e0a1b11ae1"), "旧版 .xls"),
        (b"PK\x03\x04broken", "已损坏"),
    ],
)
def test_what_is_no_table_is_explained(browse: Any, data: bytes, words: str) -> None:
    answer = browse("clerk").post("/occupations/import", 422, table=(io.BytesIO(data), "a.xlsx"))
    assert words in answer.get_data(as_text=True)


def test_an_import_without_a_file_asks_for_one(browse: Any) -> None:
    answer = browse("clerk").post("/occupations/import", 422)
    assert "请选择要导入的文件" in answer.get_data(as_text=True)


def test_the_template_can_be_filled_in(desks: Any) -> None:
    client = desks.test_client()
    with client.session_transaction() as session:
        session["token"] = "clerk"
    answer = client.get("/occupations/template")
    workbook = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    assert [cell.value for cell in workbook["职业目录"][1]] == list(HEADERS.values())


def test_the_pool_shows_names_to_the_office_alone(browse: Any, small: Any) -> None:
    clerk = browse("clerk")
    clerk.post("/experts", kind="expert", name="吴示例", fields="车工")
    assert "吴示例" in clerk.get("/experts")
    for login in ("supervisor", "auditor"):
        page = browse(login).get("/experts")
        assert "吴**" in page
        assert "吴示例" not in page
        assert "入库登记" not in page
    browse("editor1").get("/experts", 403)
    match = re.search(r'action="(/experts/[0-9]+/active)"', clerk.get("/experts"))
    assert match
    clerk.post(match[1], active="no")
    assert "已出库" in clerk.get("/experts")
    browse("supervisor").post(match[1], 403, active="yes")


def test_a_person_half_typed_comes_back(browse: Any) -> None:
    clerk = browse("clerk")
    page = clerk.post("/experts", 422, kind="expert", name="吴示例").get_data(as_text=True)
    assert "请填写专业领域" in page
    assert 'value="吴示例"' in page
    page = clerk.post("/experts", 422, kind="friend", name="x", fields="y").get_data(as_text=True)
    assert "请选择类别" in page


def test_a_districts_clerk_sees_the_pool_and_changes_nothing(browse: Any, small: Any) -> None:
    assert small.who("clerk-a").role is Role.CLERK
    with small.write() as session:
        new = NewMember(kind=PoolKind.EXPERT, name="吴示例", fields="车工")
        add_member(session, new, by=small.who("clerk"), context=small.context("clerk"))
    page = browse("clerk-a").get("/experts")
    assert "入库登记" not in page
    assert "出库</button>" not in page
    browse("clerk-a").post("/experts", 403, kind="expert", name="x", fields="y")
    browse("clerk-a").post("/occupations/starter", 403)
