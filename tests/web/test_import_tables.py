"""A table of existing certificates handed in at the desk and by the API: faults, hints, twice."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from registry.web import import_upload
from registry.web.app import LAST_NUMBER

REFERENCE = "I-2026-0001"
HERE = f"/imports/{REFERENCE}"


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def test_faults_come_back_by_row_and_column_with_a_workbook(
    importing: Any, hand_in: Any, import_desk: Any, browse: Any
) -> None:
    rows = import_desk.cells(4)
    rows[0]["number"] = rows[0]["number"][:16]
    rows[1]["number"] = f"Y00004499900223{rows[1]['number'][15:]}"
    rows[2]["issued"] = "2099-01-01"
    rows[3]["number"] = importing.changing.numbers[0]
    page = text_of(hand_in(rows, 422))
    for words in ("补录表没有提交", "第 2 行", "第 3 行", "第 4 行", "第 5 行", "下载问题表"):
        assert words in page
    # Where it is wrong is said, and nobody is named.
    assert not any(row[key] in page for row in rows for key in ("name", "id_number"))
    assert importing.rows() == []
    clerk = browse("clerk")
    answer = clerk._client.get("/imports/report")
    assert answer.status_code == 200
    sheet = load_workbook(BytesIO(answer.get_data())).active
    assert sheet.title == "既有证书补录"
    found = [str(row[-1]) for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert all(words not in {"", "None"} for words in found[:4])
    assert ("clerk", "import-report-download", "import") in importing.actions()
    # It is that clerk's alone, and gone once a table was taken.
    assert browse("approver")._client.get("/imports/report").status_code == 403
    hand_in()
    assert "请重新上传补录表" in clerk.get("/imports/report", 404)


def test_a_held_number_and_a_held_qualification_are_told(
    importing: Any, hand_in: Any, import_desk: Any, browse: Any
) -> None:
    hand_in()
    browse("approver").post(f"{HERE}/approve", version=1, **{"note-approve": "同意"})
    rows = import_desk.cells(2)
    rows[1]["number"] = f"{import_desk.PREFIX}23{rows[1]['number'][15]}000077"
    page = text_of(hand_in(rows, 422))
    assert "已登记" in page or "已在" in page
    assert "同一职业" in page or "已持有" in page


def test_the_same_table_twice_leads_to_the_first(importing: Any, hand_in: Any, browse: Any) -> None:
    hand_in()
    told = hand_in()
    assert told.location == f"{HERE}?again=yes"
    assert "此前已经提交" in browse("clerk").get(told.location)
    assert len(importing.rows()) == 1


def test_a_table_with_hints_is_taken_and_tells_of_them(
    importing: Any, hand_in: Any, import_desk: Any, browse: Any
) -> None:
    rows = import_desk.cells(3)
    rows[0]["number"] = f"{import_desk.PREFIX}25{rows[0]['number'][15]}000400"
    rows[0]["issued"] = "2025-06-30"
    told = hand_in(rows)
    assert told.location == f"{HERE}?hints=1"
    assert "1 处提示" in browse("clerk").get(told.location)
    # Neither another person, nor whoever makes the address up, is led to a report.
    assert "处提示" not in browse("approver").get(told.location)
    page = browse("approver").get(HERE)
    assert ">待核<" in page
    assert "未通过" not in page


def test_the_form_asks_for_all_it_needs(importing: Any, import_desk: Any, browse: Any) -> None:
    clerk = browse("clerk")
    page = text_of(clerk.post("/imports/new", status=422))
    assert "请选择评价机构" in page
    assert "请选择填好的补录表" in page
    none = (BytesIO(b"%PDF-1.4 no table"), "补录.xlsx")
    page = text_of(clerk.post("/imports/new", status=422, prefix=import_desk.PREFIX, table=none))
    assert "error-summary" in page
    sent = import_desk.table(import_desk.cells(1))
    assert "请选择评价机构" in text_of(
        clerk.post("/imports/new", status=422, prefix="Y000044999009", table=sent)
    )
    assert importing.rows() == []


def test_the_blank_form_is_what_the_reader_reads(importing: Any, browse: Any) -> None:
    answer = browse("approver")._client.get("/imports/form")
    book = load_workbook(BytesIO(answer.get_data()))
    heads = [cell.value for cell in book["既有证书补录"][1]]
    assert {"姓名", "证件号码", "证书编号", "职业编码", "发证日期"} <= set(heads)


def test_a_large_table_with_faults_leads_back_with_their_number(
    hand_in: Any, import_desk: Any, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.web.table_upload.LARGE_FILE", 1)
    rows = import_desk.cells(2)
    rows[0]["number"] = "1"
    told = text_of(hand_in(rows, 200))
    assert "/imports/new?found=1" in told
    assert "1 处问题，没有保存" in browse("clerk").get("/imports/new?found=1")


def test_no_report_takes_the_place_of_a_cases() -> None:
    assert import_upload._REPORTS > LAST_NUMBER


def ask(desks: Any, login: str, method: str, path: str, expect: int = 200, **more: Any) -> Any:
    client = desks.test_client(use_cookies=False)
    answer = client.open(
        f"/api/v1{path}", method=method, headers={"Authorization": f"Bearer {login}"}, **more
    )
    assert answer.status_code == expect, answer.get_data(as_text=True)
    return answer.get_json()


def test_the_same_by_the_api(importing: Any, import_desk: Any, desks: Any) -> None:
    rows, new = import_desk.cells(3), f"/imports?prefix={import_desk.PREFIX}"
    wrong = import_desk.table([rows[0] | {"number": "1", "name": "示例"}])[0].getvalue()
    said = ask(desks, "clerk", "POST", new, 422, data=wrong)
    assert [(one["row"], one["column"]) for one in said["findings"]] == [(2, "number")]
    assert "示例" not in str(said)
    body = import_desk.table(rows)[0].getvalue()
    ask(desks, "clerk-a", "POST", new, 403, data=body)
    ask(desks, "approver", "POST", new, 403, data=body)
    ask(desks, "clerk", "POST", "/imports?prefix=Y000044999009", 404, data=body)
    ask(desks, "clerk", "POST", "/imports?prefix=Y0000", 400, data=body)
    made = ask(desks, "clerk", "POST", new, 201, data=body)
    assert (made["imported"]["reference"], made["recognised"]) == (REFERENCE, False)
    assert ask(desks, "clerk", "POST", new, 201, data=body)["recognised"] is True
    whole = ask(desks, "approver", "GET", HERE)
    assert all(check["passed"] for check in whole["checks"])
    assert {step["event"] for step in whole["steps"]} == {"approve", "reject"}
    assert sum(one["count"] for one in whole["sums"]["levels"]) == 3
    assert rows[0]["id_number"] not in str(whole)
    ask(desks, "clerk-a", "GET", HERE, 403)
    ask(desks, "clerk", "POST", f"{HERE}/approve", 403, json={"version": 1, "note": "同意"})
    ask(desks, "approver", "POST", f"{HERE}/approve", 422, json={"version": 1})
    body = {"version": 1, "note": "同意", "carry_out": False}
    given = ask(desks, "approver", "POST", f"{HERE}/approve", json=body)
    assert (given["state"], given["version"]) == ("approved", 2)
    ask(desks, "approver", "POST", f"{HERE}/approve", 409, json=body)
    undone = {"version": 2, "note": "再核对"}
    ask(desks, "approver", "POST", f"{HERE}/steps/withdraw-approval", json=undone)
    again = body | {"version": 3}
    ask(desks, "approver", "POST", f"{HERE}/approve", json=again)
    done = ask(desks, "clerk", "POST", f"{HERE}/carry-out", json={"version": 4})
    assert (done["state"], done["final"]) == ("carried-out", True)
    assert ask(desks, "clerk", "GET", "/imports")["total"] == 1
    assert ask(desks, "clerk", "GET", HERE)["sums"] == whole["sums"]
    assert importing.certificates() == 6
