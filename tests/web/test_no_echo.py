"""A problem of the machine API names the place of what is wrong, and repeats nothing of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.office.almanac import read_almanac
from registry.office.plan_form import lateness
from registry.rules.findings import Finding, FindingCode, Where
from registry.web.api.problems import findings_of, without_values

PERSON = "张三440301198501010011"


def test_a_notice_s_wrong_piece_is_named_by_its_place(desks: Any) -> None:
    client = desks.test_client(use_cookies=False)
    answer = client.post(
        "/api/v1/calendar/notices",
        headers={"Authorization": "Bearer approver"},
        json={"year": 2027, "basis": "示例", "off": f"1月1日 {PERSON}", "work": PERSON},
    )
    assert answer.status_code == 422
    said = answer.get_data(as_text=True)
    assert "第 2 处不是 2027 年的日期" in str(answer.get_json())
    for piece in ("张三", "4403", "1985"):
        assert piece not in said


def test_a_table_s_wrong_cell_is_named_by_row_and_column() -> None:
    where = Where(row=5, column="name")
    facts = {"value": PERSON, "position": "3", "codepoint": "U+5F20"}
    codes = [code for code in FindingCode if code.value.startswith("name-")]
    found = [Finding(code=code, where=where, facts=facts) for code in codes]
    said = findings_of(without_values(found))
    assert len(said) == len(codes) > 2
    for one in said:
        assert (one.row, one.column) == (5, "name")
        assert "张三" not in one.text
        assert "U+5F20" not in one.text


def test_a_late_plan_s_own_day_is_not_repeated(small: Any) -> None:
    with small.read() as session:
        late = lateness(date(2026, 12, 1), today=small.desk.today(), almanac=read_almanac(session))
    assert "2026年12月1日" not in late
    assert "最早可安排在" in late
