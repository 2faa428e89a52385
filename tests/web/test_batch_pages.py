"""Results at both desks: from the plan's own table of scores to the numbers of the certificates."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import Any

import openpyxl
import pytest

OVER = date(2026, 12, 31)


def version(page: str) -> str:
    match = re.search(r'name="version" value="([0-9]+)"', page)
    assert match
    return match[1]


def downloaded(browser: Any, path: str) -> Any:
    answer = browser._client.get(path)
    assert answer.status_code == 200
    return openpyxl.load_workbook(io.BytesIO(answer.get_data()))


def filled(workbook: Any, marks: list[tuple[str, str]]) -> tuple[Any, str]:
    sheet = workbook.worksheets[0]
    places = {cell.value: cell.column for cell in sheet[1]}
    for row, (theory, skill) in enumerate(marks, 2):
        sheet.cell(row, places["理论知识考试"], theory)
        sheet.cell(row, places["操作技能考核"], skill)
        sheet.cell(row, places["安全生产记录"], "无")
    data = io.BytesIO()
    workbook.save(data)
    data.seek(0)
    return data, "../../成绩.xlsx"


def post(browser: Any, path: str, status: int = 303, **fields: Any) -> Any:
    return browser.post(path, status, version=version(browser.get(path)), **fields)


def opened(browse: Any, assessing: Any) -> tuple[Any, str]:
    plan = assessing.held_plan()
    editor = browse("editor1")
    assert "JH-2026-0001" in editor.get("/batches/new")
    place = editor.post("/batches/new", plan=plan).location
    match = re.fullmatch(r"(/batches/[0-9]+)/tasks", place)
    assert match
    return editor, match[1]


def test_scores_are_computed_and_shown_before_they_are_sent(browse: Any, assessing: Any) -> None:
    editor, here = opened(browse, assessing)
    tasks = editor.get(f"{here}/tasks")
    assert tasks.count("未填写") == 2
    assert "截止2027年1月6日（含当日）" in tasks
    table = downloaded(editor, f"{here}/scores/template")
    headers = [cell.value for cell in table.worksheets[0][1]]
    assert "综合评审" not in headers
    assert headers[-3:] == ["理论知识考试", "操作技能考核", "安全生产记录"]
    first = [cell.value for cell in table.worksheets[0][2]]
    assert first[3:6] == ["JH-2026-0001-0001", "车工", "四级/中级工"]
    marks = [("80", "75.5"), ("60", "60"), ("90", "缺考")]
    answer = post(editor, f"{here}/scores", scores=filled(table, marks))
    results = editor.get(answer.location)
    assert "操作技能考核缺考" in results
    assert "77.3" in results
    assert "员**" in results
    assert "员工" not in results.replace("评价员工", "")
    assert "总成绩分布" in results
    assert re.search(r"60–69 分</th><td>1<", results)
    assert "1/3 人，33%" in results or "2/3 人，66%" in results
    post(editor, f"{here}/evidence", manifest=f"文档\t试卷\t{'a' * 64}\t12")
    assert editor.get(f"{here}/tasks").count("已完成") == 2
    assert "请企业负责人登录后开始公示" in editor.get(f"{here}/publish")


def test_publicity_objections_and_filing(browse: Any, assessing: Any) -> None:
    case = assessing.filled()
    editor, head, here = browse("editor1"), browse("head1"), f"/batches/{case}"
    assert "公示至 <strong>2026年12月30日" in head.get(f"{here}/publish")
    place = post(head, f"{here}/publish").location
    page = head.get(place)
    assert "公示中" in page
    assert "2027年1月21日" in page
    printed = head.get(f"{here}/publicity/list")
    assert "自2026年12月23日起至2026年12月30日止" in printed
    assert "44030119850101" not in printed
    editor.post(f"{here}/objections", version=version(page), objection="三号成绩存疑")
    page = editor.get(f"{here}/publicity")
    data = {"version": version(page), "handling-1": "经复核无误"}
    editor.post(f"{here}/objections/1", **data)
    assert "经复核无误" in head.get(f"{here}/publicity")
    assert "次日起可以报送" in head.get(f"{here}/check")
    assessing.at(OVER)
    sent = head.get(post(head, f"{here}/check").location)
    assert "评价结果已报送" in sent
    assert "截止2027年1月8日（含当日）" in sent


def test_a_return_by_row_and_then_the_approval_and_the_numbers(browse: Any, assessing: Any) -> None:
    case = assessing.submitted()
    editor, head, clerk = browse("editor1"), browse("head1"), browse("clerk")
    here = f"/batches/{case}"
    assert f"{here}/review" in clerk.get(f"/cases/{case}")
    assert "名单核对无错误" in clerk.get(f"{here}/review")
    typed = {"note": "缺录像", "rows": "第三行 不符"}
    again = post(clerk, f"{here}/return", 422, **typed).get_data(True)
    assert "第 1 条意见请写成" in again
    assert "第三行 不符" in again
    clerk.post(f"{here}/return", version=version(again), note="缺录像", rows="3 缺录像")
    tasks = editor.get(f"{here}/tasks")
    assert "第 3 行 员**：缺录像" in tasks
    assert "缺录像" in editor.get(f"/cases/{case}")
    post(head, f"{here}/publish")
    assessing.at(date(2027, 1, 12))
    post(head, f"{here}/check")
    post(clerk, f"{here}/review", note="拟同意")
    chief = browse("approver")
    page = chief.get(f"/cases/{case}")
    chief.post(f"/cases/{case}/steps/approve", version=version(page))
    page = clerk.get(f"{here}/issue")
    assert "签发 2 本证书" in page
    place = clerk.post(f"{here}/issue", version=version(page)).location
    issued = clerk.get(place)
    assert "Y000044999001274000001" in issued
    assert "certreg anchor" in issued
    assert clerk.post(f"{here}/issue", version=version(page)).location == place
    assert "2 本，发证批次 Y000044999001-2027-0001" in editor.get(f"/cases/{case}")


def test_faults_come_by_row_and_the_report_can_be_handed_in_again(
    browse: Any, assessing: Any
) -> None:
    editor, here = opened(browse, assessing)
    table = downloaded(editor, f"{here}/scores/template")
    marks = [("80", "80"), ("x", "101"), ("", "70")]
    answer = post(editor, f"{here}/scores", 422, scores=filled(table, marks))
    page = answer.get_data(True)
    assert "有 3 处需要修改" in page
    assert "第 3 行「理论知识考试」" in page
    assert "第 3 行「操作技能考核」：成绩“101”超过 100 分" in page
    assert "第 4 行「理论知识考试」：没有成绩" in page
    assert "成绩没有保存" in page
    report = downloaded(editor, f"{here}/scores/report")
    answer = post(
        editor, f"{here}/scores", scores=filled(report, [("80", "80"), ("80", "80"), ("80", "70")])
    )
    assert answer.location.endswith("/results")
    editor.get(f"{here}/scores/report", 404)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no", b"a,b\n1,2\n"])
def test_a_file_that_is_no_table_is_told_so(browse: Any, assessing: Any, data: bytes) -> None:
    editor, here = opened(browse, assessing)
    answer = post(editor, f"{here}/scores", 422, scores=(io.BytesIO(data), "x.xlsx"))
    assert "有 1 处需要修改" in answer.get_data(True)
    assert "请选择填好的成绩表" in post(editor, f"{here}/scores", 422).get_data(True)


def test_the_manifest_comes_back_as_typed(browse: Any, assessing: Any) -> None:
    editor, here = opened(browse, assessing)
    page = post(editor, f"{here}/evidence", 422, manifest="照片\t现场\tff\t1").get_data(True)
    assert "类别须为文档、录音、视频之一" in page
    assert "照片\t现场\tff\t1</textarea>" in page


def test_what_is_missing_is_listed_before_the_publicity(browse: Any, assessing: Any) -> None:
    _, here = opened(browse, assessing)
    page = browse("head1").get(f"{here}/publish")
    assert "有 2 处需要修改，暂不能公示" in page
    assert "今天开始公示的" not in page


def test_a_late_filing_asks_for_the_reason(browse: Any, assessing: Any) -> None:
    case = assessing.filled()
    assessing.publish(case)
    assessing.at(date(2027, 2, 1))
    head, path = browse("head1"), f"/batches/{case}/check"
    assert "已超过报送期限" in head.get(path)
    assert "请说明逾期理由" in post(head, path, 422).get_data(True)
    post(head, path, note="系统停电")
    assert assessing.state(case) == "submitted"


def test_another_company_sees_nothing_of_it(browse: Any, assessing: Any) -> None:
    case = assessing.submitted()
    stranger = browse("editor2")
    for page in ("tasks", "scores", "results", "evidence", "publish", "publicity", "check"):
        stranger.get(f"/batches/{case}/{page}", 404)
    stranger.get(f"/batches/{case}/scores/template", 404)
    stranger.get(f"/batches/{case}/publicity/list", 404)
    assert "JG-2026" not in stranger.get("/list/batch")


def test_a_case_of_another_kind_is_no_batch(browse: Any, assessing: Any) -> None:
    plan = assessing.held_plan()
    for login, pages in (
        ("editor1", ("tasks", "scores", "results", "evidence", "publish", "publicity", "check")),
        ("clerk", ("review", "issue", "issued", "return", "results")),
    ):
        browser = browse(login)
        for page in pages:
            browser.get(f"/batches/{plan}/{page}", 404)


def test_the_clerk_cannot_prepare_what_has_faults(
    browse: Any, assessing: Any, small: Any, planning: Any
) -> None:
    from registry.store.procedure import Case

    case = assessing.submitted()
    with small.write() as session:
        session.get_one(Case, planning.scheme).state = "ended"
    clerk, path = browse("clerk"), f"/batches/{case}/review"
    page = clerk.get(path)
    assert "未公布，或者已停用" in page
    assert "拟同意，送审批" not in page
    back = clerk.get(f"/batches/{case}/return")
    answer = clerk.post(path, 422, version=version(back)).get_data(True)
    assert "不能拟同意" in answer
    assert assessing.state(case) == "submitted"


def test_taking_back_asks_why(browse: Any, assessing: Any) -> None:
    case = assessing.filled()
    assessing.publish(case)
    head, path = browse("head1"), f"/batches/{case}/take-back"
    assert "请写明撤回公示的理由" in post(head, path, 422).get_data(True)
    assert post(head, path, note="更正成绩").location.endswith("/tasks")
    assert assessing.state(case) == "draft"


def test_who_gets_no_certificate_is_named_row_by_row(browse: Any, assessing: Any) -> None:
    case = assessing.submitted()
    clerk, path = browse("clerk"), f"/batches/{case}/withhold"
    browse("approver").get(path, 403)
    page = post(clerk, path, 422, rows="2").get_data(True)
    assert "请写成“行号 意见”" in page
    page = post(clerk, path, 422, rows="4 已持证").get_data(True)
    assert "第 4 行不合格" in page
    assert post(clerk, path, rows="2 已持有<同类>证书").location.endswith("/review")
    assert "2 已持有&lt;同类&gt;证书" in clerk.get(path)
    review = clerk.get(f"/batches/{case}/review")
    assert "合格，不核发证书" in review
    assert "不核发证书：已持有&lt;同类&gt;证书" in browse("head1").get(f"/batches/{case}/results")
    post(clerk, f"/batches/{case}/review", note="拟同意")
    assessing.approve(case, "approver")
    assert "签发 1 本证书" in clerk.get(f"/batches/{case}/issue")


def test_a_refusal_is_proposed_and_decided_from_the_case(browse: Any, assessing: Any) -> None:
    case = assessing.submitted()
    clerk, here = browse("clerk"), f"/cases/{case}"
    page = clerk.get(here)
    assert "拟不予备案" in page
    words = {"version": version(page), "note-propose-refusal": "录像系伪造"}
    clerk.post(f"{here}/steps/propose-refusal", **words)
    approver = browse("approver")
    page = approver.get(here)
    assert "拟不予备案，待审批" in page
    assert "同意备案</button>" not in page
    words = {"version": version(page), "note-reject": "录像系伪造"}
    approver.post(f"{here}/steps/reject", **words)
    assert assessing.state(case) == "rejected"
