"""A plan at the two desks: each page filled in, faults shown with what was typed, downloads."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest

from registry.store.procedure import Case

HEADERS = (
    *("姓名", "证件类型", "证件号码", "用工性质", "所在单位"),
    *("派遣起始日期", "申报等级", "备注"),
)


def sheet(
    rows: list[dict[str, Any]], headers: tuple[str, ...] = HEADERS, title: str = "评价员工名册"
) -> tuple[Any, str]:
    workbook = openpyxl.Workbook()
    page = workbook.worksheets[0]
    page.title = title
    page.append(list(headers))
    for row in rows:
        page.append([str(cell) for cell in row.values()])
    data = io.BytesIO()
    workbook.save(data)
    data.seek(0)
    return data, "../../名册.xlsx"


def version(page: str) -> str:
    match = re.search(r'name="version" value="([0-9]+)"', page)
    assert match
    return match[1]


def opened(browse: Any, planning: Any) -> tuple[Any, int]:
    planning.prepare()
    editor = browse("editor1")
    assert "车工 数控车工 四级/中级工、三级/高级工" in editor.get("/plans/new")
    place = editor.post("/plans/new", scheme=planning.scheme).location
    match = re.fullmatch(r"/plans/([0-9]+)/tasks", place)
    assert match
    return editor, int(match[1])


TIMES = {
    "first_day": "2026-12-21",
    "last_day": "2026-12-22",
    "level-4": "yes",
    "site_name_1": "一号车间",
    "site_address_1": "示例路1号",
}
TRAINING = {
    "hours": "40",
    "content": "数控车床编程",
    "training_first": "2026-11-02",
    "training_last": "2026-11-20",
}


def fill(editor: Any, case_id: int, part: str, status: int = 303, **fields: Any) -> Any:
    path = f"/plans/{case_id}/{part}"
    return editor.post(path, status, version=version(editor.get(path)), **fields)


def test_from_a_new_plan_to_the_office_and_back_and_recorded(
    browse: Any, planning: Any, small: Any
) -> None:
    cells = planning.roster.__globals__["cells"]
    editor, case_id = opened(browse, planning)
    assert editor.get(f"/plans/{case_id}/tasks").count("未填写") == 4
    fill(editor, case_id, "times", **TIMES)
    fill(editor, case_id, "assessors", assessor=planning.assessors)
    fill(editor, case_id, "roster", roster=sheet([cells(0), cells(1)]))
    fill(editor, case_id, "training", **TRAINING)
    page = editor.get(f"/plans/{case_id}/tasks")
    assert page.count("已完成") == 4
    assert "截止2026年12月7日（含当日）" in page
    assert "请企业负责人登录后" in editor.get(f"/plans/{case_id}/check")
    head = browse("head1")
    path = f"/plans/{case_id}/check"
    place = head.post(path, version=version(head.get(path))).location
    sent = head.get(place)
    assert "接下来" in sent
    assert "2026年12月21日至2026年12月22日" in sent

    clerk = browse("clerk")
    case = clerk.get(f"/cases/{case_id}")
    assert f'href="/plans/{case_id}/return"' in case
    assert "steps/return" not in case, "the step is taken on the page that asks for the rows"
    back = f"/plans/{case_id}/return"
    typed = {"note": "名册存疑", "rows": "2 合同到期\n第三行有误"}
    again = clerk.post(back, 422, version=version(clerk.get(back)), **typed).get_data(True)
    assert "第 2 条意见请写成" in again
    assert "第三行有误" in again
    clerk.post(back, version=version(again), note="名册存疑", rows="2 合同到期")
    tasks = editor.get(f"/plans/{case_id}/tasks")
    assert "第 2 行 员**：合同到期" in tasks
    assert "名册存疑" in editor.get(f"/cases/{case_id}")
    head.post(path, version=version(head.get(path)))
    page = clerk.get(f"/cases/{case_id}")
    clerk.post(f"/cases/{case_id}/steps/record", version=version(page))
    assert planning.state(case_id) == "recorded"
    assert "下一步待企业办理" in clerk.get(f"/cases/{case_id}?done=record")


def test_faults_come_back_with_what_was_typed(browse: Any, planning: Any) -> None:
    editor, case_id = opened(browse, planning)
    wrong = {**TIMES, "first_day": "2026-12-01", "last_day": "31.12.", "site_address_1": ""}
    wrong.pop("level-4")
    page = fill(editor, case_id, "times", 422, **wrong).get_data(True)
    assert "有 4 处需要修改" in page
    for field in ("first_day", "last_day", "levels", "site_address_1"):
        assert f'<a href="#{field}">' in page
        assert f'id="{field}"' in page
    assert 'value="31.12."' in page
    assert 'value="一号车间"' in page
    assert "最早可安排在 2026年12月10日" in page

    page = fill(editor, case_id, "training", 422, hours="许多", content="安全").get_data(True)
    assert 'value="许多"' in page
    assert "有 3 处需要修改" in page
    chosen = planning.assessors[:1]
    page = fill(editor, case_id, "assessors", 422, assessor=chosen).get_data(True)
    assert "不少于 3 名考评人员，现选 1 名" in page
    assert page.count(" checked") == 1


def test_a_bad_roster_is_told_by_row_and_its_report_can_be_handed_in_again(
    browse: Any, planning: Any, small: Any
) -> None:
    cells = planning.roster.__globals__["cells"]
    editor, case_id = opened(browse, planning)
    fill(editor, case_id, "times", **TIMES)
    path = f"/plans/{case_id}/roster"
    bad = sheet([cells(0), cells(1, employment="劳务派遣"), cells(2, id_number="12345")])
    page = fill(editor, case_id, "roster", 422, roster=bad).get_data(True)
    for words in ("第 3 行「所在单位」", "第 3 行「派遣起始日期」", "第 4 行「证件号码」"):
        assert words in page
    assert "名册没有保存" in page
    kept = (small.desk.documents / "fault-reports" / str(case_id)).read_bytes()
    assert b"PK" not in kept[:4]

    response = editor._client.get(f"{path}/report")
    assert response.headers["Cache-Control"] == "no-store"
    assert "attachment" in response.headers["Content-Disposition"]
    report = openpyxl.load_workbook(io.BytesIO(response.data))
    rows = report["评价员工名册"]
    assert [cell.value for cell in rows[1]][-1] == "问题"
    assert "第 3 行「所在单位」" in rows[3][-1].value
    for other in ("editor2", "clerk"):
        browse(other).get(f"{path}/report", 404 if other == "editor2" else 403)

    columns = {cell.value: cell.column for cell in rows[1]}
    for row, header, value in (
        (3, "用工性质", "本企业"),
        (4, "证件号码", cells(2)["id_number"]),
    ):
        rows.cell(row, columns[header]).value = value
    mended = io.BytesIO()
    report.save(mended)
    mended.seek(0)
    fill(editor, case_id, "roster", roster=(mended, "x.xlsx"))
    assert "现有名册，共 3 人" in editor.get(path)
    editor.get(f"{path}/report", 404)


def test_a_file_that_is_no_roster_is_explained(browse: Any, planning: Any) -> None:
    editor, case_id = opened(browse, planning)
    fill(editor, case_id, "times", **TIMES)
    for data, words in (
        (b"", "文件是空的"),
        (b"<html></html>", "不是可识别的表格"),
        (b"a,b\n1,2\n", "请使用“评价员工名册”模板"),
        (b"PK\x03\x04broken", "文件已损坏"),
        ("姓名,证件类型,证件号码\n".encode(), "「用工性质」：缺少这一列"),
    ):
        upload = (io.BytesIO(data), "名册.csv")
        page = fill(editor, case_id, "roster", 422, roster=upload).get_data(True)
        assert words in page, words
    page = fill(editor, case_id, "roster", 422).get_data(True)
    assert "请选择填好的名册文件" in page


def test_the_template_filled_in_is_taken(browse: Any, planning: Any) -> None:
    cells = planning.roster.__globals__["cells"]
    editor, case_id = opened(browse, planning)
    fill(editor, case_id, "times", **TIMES)
    template = openpyxl.load_workbook(io.BytesIO(editor._client.get("/plans/roster-template").data))
    page = template["评价员工名册"]
    headers = [cell.value for cell in page[1]]
    assert headers == ["序号", *HEADERS]
    page.append([1, *cells(5, applied_level="四级/中级工").values()])
    data = io.BytesIO()
    template.save(data)
    data.seek(0)
    fill(editor, case_id, "roster", roster=(data, "模板.xlsx"))
    assert "员**" not in editor.get(f"/plans/{case_id}/tasks")
    assert "员*" in editor.get(f"/plans/{case_id}/people")


def test_names_and_numbers_are_masked_and_not_in_addresses(browse: Any, planning: Any) -> None:
    case_id = planning.draft()
    planning.step(case_id, "submit", "head1")
    cells = planning.roster.__globals__["cells"]
    for login in ("clerk", "approver", "supervisor", "auditor", "head1"):
        for path in (f"/plans/{case_id}/people", f"/cases/{case_id}"):
            page = browse(login).get(path)
            assert cells(1)["name"] not in page
            assert cells(1)["id_number"] not in page
            assert f"考评{chr(0x4E00 + 901)}" not in page


def test_a_plan_sent_in_can_be_looked_at_and_not_changed(browse: Any, planning: Any) -> None:
    case_id = planning.draft()
    planning.step(case_id, "submit", "head1")
    editor = browse("editor1")
    for part in ("times", "assessors", "roster", "training"):
        assert "不能再修改" in editor.get(f"/plans/{case_id}/{part}", 422)
    editor.post(f"/plans/{case_id}/times", 422, version=9, **TIMES)
    for part in ("tasks", "check"):
        editor.get(f"/plans/{case_id}/{part}", 303)
    assert "编制中" not in editor.get(f"/cases/{case_id}")


def test_what_keeps_a_plan_back_is_listed_with_its_page(
    browse: Any, planning: Any, small: Any
) -> None:
    _, case_id = opened(browse, planning)
    head = browse("head1")
    page = head.get(f"/plans/{case_id}/check")
    for part in ("times", "assessors", "roster", "training"):
        assert f'href="/plans/{case_id}/{part}"' in page
    assert "报送市技能鉴定办" not in page
    with small.read() as session:
        number = session.get_one(Case, case_id).version
    refused = head.post(f"/plans/{case_id}/check", 422, version=number).get_data(True)
    assert "暂不能报送" in refused
    assert planning.state(case_id) == "draft"


@pytest.mark.parametrize("path", ["tasks", "times", "assessors", "roster", "training", "check"])
def test_another_company_finds_no_plan(browse: Any, planning: Any, path: str) -> None:
    case_id = planning.draft()
    browse("editor2").get(f"/plans/{case_id}/{path}", 404)
    browse("clerk").get(f"/plans/{case_id}/{path}", 403)


def test_a_case_of_another_kind_is_no_plan(browse: Any, planning: Any) -> None:
    planning.prepare()
    for path in ("tasks", "times", "people", "roster", "check", "sent"):
        browse("head1").get(f"/plans/{planning.scheme}/{path}", 404)


def test_without_a_published_scheme_there_is_no_plan(browse: Any) -> None:
    editor = browse("editor1")
    assert "还没有已公布的评价方案" in editor.get("/plans/new")
    assert "请选择所依据的评价方案" in editor.post("/plans/new", 422).get_data(True)
    editor.post("/plans/new", 404, scheme=77)


def test_assessors_are_registered_amended_and_seen_by_the_office(
    browse: Any, planning: Any
) -> None:
    editor = browse("editor1")
    id_number = planning.roster.__globals__["id_number"]
    entry = {
        "name": "赵示例",
        "id_type": "resident-id",
        "id_number": id_number(1),
        "occupations": "6-18-01-01、6-31-01-03",
        "certificate": "KP-1",
        "valid_until": "2028-12-31",
    }
    wrong = {**entry, "id_number": "44030119", "valid_until": "2020-01-01"}
    page = editor.post("/assessors/new", 422, **wrong).get_data(True)
    assert "有 2 处需要修改" in page
    assert 'value="赵示例"' in page
    editor.post("/assessors/new", **entry)
    assert "已登记为本企业考评人员" in editor.post("/assessors/new", 422, **entry).get_data(True)
    page = editor.get("/assessors")
    assert "赵**" in page
    assert "赵示例" not in page
    number = re.search(r'href="/assessors/([0-9]+)"', page)
    assert number
    path = f"/assessors/{number[1]}"
    seen = version(editor.get(path))
    more = {"occupations": "6-18-01-01", "certificate": "KP-2", "valid_until": "2029-12-31"}
    editor.post(path, version=seen, **more)
    editor.post(path, 409, version=seen, **more)
    page = browse("clerk").get("/assessors")
    assert "KP-2" in page
    assert "深圳市示例精密制造有限公司" in page
    browse("editor2").get(path, 404)
    browse("editor2").post(path, 404, version=2, **more)
    assert "KP-2" not in browse("editor2").get("/assessors")


def test_pages_stay_small_and_free_of_scripts(browse: Any, planning: Any) -> None:
    case_id = planning.draft(people=300)
    editor = browse("editor1")
    for path in ("tasks", "times", "assessors", "roster", "training", "check", "people"):
        page = editor.get(f"/plans/{case_id}/{path}")
        assert len(page.encode()) < 50_000
        assert "<script" not in page
        assert "style=" not in page
        assert page.count("<h1") == 1
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r' for="([^"]+)"', page)) <= set(ids)


def test_a_table_of_assessors_is_taken_wholly_or_not_at_all(browse: Any, planning: Any) -> None:
    headers = ("姓名", "证件类型", "证件号码", "考评职业编码", "考评员证书编号", "资格有效期至")
    id_number = planning.roster.__globals__["id_number"]
    editor = browse("editor1")
    template = openpyxl.load_workbook(io.BytesIO(editor._client.get("/assessors/template").data))
    assert [cell.value for cell in template["考评人员"][1]] == ["序号", *headers]

    def row(serial: int, **changed: Any) -> dict[str, Any]:
        cells = {
            "name": "钱示例",
            "id_type": "201",
            "id_number": id_number(serial),
            "occupations": "6-18-01-01、6-31-01-03",
            "certificate": f"KP-{serial}",
            "valid_until": "2028年12月31日",
        }
        return {**cells, **changed}

    def post(*rows: dict[str, Any], status: int = 422) -> str:
        table = sheet(list(rows), headers, "考评人员")
        return str(editor.post("/assessors/import", status, file=table).get_data(as_text=True))

    page = post(row(1), row(1), row(3, valid_until="2020-01-01"), row(4, id_number=""))
    assert "第 3 行「证件号码」：与前面某行是同一人" in page
    assert "第 4 行「资格有效期至」：资格有效期已过" in page
    assert "第 5 行「证件号码」：请填写证件号码" in page
    assert id_number(1) not in page
    assert "还没有登记考评人员" in editor.get("/assessors")
    assert "表中没有人员" in post()
    post(row(1), row(2), status=303)
    assert "共 2 名" in editor.get("/assessors")
    assert "第 2 行「证件号码」：此人已登记" in post(row(2))
    wrong = (io.BytesIO(b"a,b"), "x.csv")
    page = editor.post("/assessors/import", 422, file=wrong).get_data(as_text=True)
    assert "请使用“考评人员”模板" in page
    browse("clerk").get("/assessors/import", 403)
