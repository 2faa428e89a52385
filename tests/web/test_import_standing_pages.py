"""What an import's page says of body, key, names and other imports; nothing green unchecked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from keys.errors import KeyFileBroken
from keys.signer import software_signer
from registry.office.issuer_keys import KeyNotActive
from registry.store.imports import CertificateImport
from registry.store.issuer_keys import IssuerKey
from registry.store.procedure import Company
from registry.store.registers import Occupation

HERE = "/imports/I-2026-0001"
KEY = "签发密钥有效且涵盖发证日期"


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def ask(desks: Any, login: str, method: str, path: str, expect: int = 200, **more: Any) -> Any:
    client = desks.test_client(use_cookies=False)
    answer = client.open(
        f"/api/v1{path}", method=method, headers={"Authorization": f"Bearer {login}"}, **more
    )
    assert answer.status_code == expect, answer.get_data(as_text=True)
    return answer.get_json()


def check_of(desks: Any, word: str) -> tuple[Any, str]:
    """Give the answer to one check, and what is said beside it."""
    (found,) = [one for one in ask(desks, "approver", "GET", HERE)["checks"] if one["word"] == word]
    return found["passed"], found["detail"] + "".join(found["findings"])


def test_a_key_that_is_too_young_stops_before_anybody_approves(
    small: Any, importing: Any, hand_in: Any, browse: Any, desks: Any
) -> None:
    hand_in()
    assert check_of(desks, KEY) == (True, "")
    info = replace(small.signer.info, not_before=datetime(2024, 1, 1, tzinfo=UTC))
    small.signer = software_signer(info, small.signer.private_key)
    passed, said = check_of(desks, KEY)
    assert passed is False
    assert "密钥自 2024-01-01 起有效，有 4 本证书的发证日期在此之前" in said
    chief = browse("approver")
    page = chief.get(HERE)
    assert "同意并执行" not in page
    assert "不必重新提交" in page
    assert "由经办人改正" not in page
    # Whoever still has an older page is told in Chinese too, by the page and by the API.
    note = {"note-approve": "同意"}
    page = text_of(chief.post(f"{HERE}/approve", status=422, version=1, **note))
    assert "早于该机构签发密钥的生效日期" in page
    assert "certreg issuer key add" not in page
    body = {"version": 1, "note": "同意"}
    told = ask(desks, "approver", "POST", f"{HERE}/approve", 422, json=body)
    assert told["detail"].startswith("有证书的发证日期早于")
    assert importing.rows()[0].state == "prepared"


def test_an_ended_key_or_one_that_cannot_be_read_is_no_green_answer(
    small: Any, hand_in: Any, desks: Any
) -> None:
    hand_in()
    with small.write() as session:
        for key in session.query(IssuerKey):
            key.state = "retired"
    passed, said = check_of(desks, KEY)
    assert (passed, "不在有效状态" in said) == (False, True)
    for error, wanted in ((KeyNotActive("none"), False), (KeyFileBroken("broken"), None)):

        def refuse(_prefix: str, error: Exception = error) -> Any:
            raise error

        object.__setattr__(small.desk, "record_signer", refuse)
        assert check_of(desks, KEY)[0] is wanted


def test_a_company_off_the_list_is_for_a_person_to_weigh(
    small: Any, hand_in: Any, browse: Any, desks: Any
) -> None:
    hand_in()
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
    passed, said = check_of(desks, "企业在备案名单内")
    assert (passed, "（不予受理期内）" in said) == (None, True)
    page = browse("approver").get(HERE)
    assert ">待核</strong> 企业在备案名单内" in page
    assert "同意并执行" in page


def test_what_is_dated_since_the_listing_comes_back_by_its_row(
    importing: Any, hand_in: Any, import_desk: Any
) -> None:
    rows = import_desk.cells(2)
    rows[1]["number"] = f"{import_desk.PREFIX}26{rows[1]['number'][15]}000400"
    rows[1]["issued"] = "2026-11-26"
    page = text_of(hand_in(rows, 422))
    assert "第 3 行" in page
    assert "由本系统核发证书" in page
    assert importing.rows() == []


def test_an_occupation_under_another_name_is_told_at_the_check(
    small: Any, hand_in: Any, browse: Any
) -> None:
    hand_in()
    with small.write() as session:
        for job in session.query(Occupation):
            job.name = "另一示例工"
    page = browse("approver").get(HERE)
    assert ">待核</strong> 职业编码、名称和等级与职业目录一致" in page
    assert "职业名称是“另一示例工”" in page


def test_the_names_of_bodies_stand_on_the_page_with_their_counts(
    hand_in: Any, import_desk: Any, browse: Any, desks: Any
) -> None:
    rows = import_desk.cells(4)
    for row in rows[:3]:
        row["assessor"] = "别处示例有限公司"
    assert hand_in(rows).location == f"{HERE}?hints=3"
    page = browse("approver").get(HERE)
    assert "别处示例有限公司" in page
    assert "未备案的名称" in page
    assert ">待核</strong> 评价机构为备案名称或者曾用的备案名称" in page
    whole = ask(desks, "approver", "GET", HERE)
    assert whole["bodies"] == [{"name": "别处示例有限公司", "count": 3, "filed": False}]


def test_the_same_numbers_in_two_waiting_tables_are_told_on_both_pages(
    hand_in: Any, import_desk: Any, browse: Any
) -> None:
    hand_in()
    others = import_desk.cells(4)
    for row, other in zip(others, import_desk.cells(4, offset=900), strict=True):
        row["id_number"], row["name"] = other["id_number"], other["name"]
    hand_in(others)
    for here, other in ((HERE, "I-2026-0002"), ("/imports/I-2026-0002", "I-2026-0001")):
        page = browse("approver").get(here)
        assert ">待核</strong> 证书编号未曾登记，也不在其他待办的补录中" in page
        assert f"也在补录 {other} 中" in page


def test_the_same_rows_in_another_order_lead_to_the_first(
    hand_in: Any, import_desk: Any, importing: Any
) -> None:
    hand_in()
    assert hand_in(import_desk.cells(4)[::-1]).location == f"{HERE}?again=yes"
    assert len(importing.rows()) == 1


def test_only_who_handed_it_in_is_told_that_it_came_before(hand_in: Any, browse: Any) -> None:
    hand_in()
    told = hand_in().location
    assert "此前已经提交" in browse("clerk").get(told)
    assert "此前已经提交" not in browse("approver").get(told)


def test_the_api_leaves_the_pages_report_alone(
    small: Any, hand_in: Any, import_desk: Any, desks: Any, browse: Any
) -> None:
    hand_in([import_desk.cells(1)[0] | {"number": "1"}], 422)
    body = import_desk.table(import_desk.cells(3))[0].getvalue()
    path = f"/imports?prefix={import_desk.PREFIX}"
    ask(desks, "clerk", "POST", path, 201, data=body)
    assert browse("clerk")._client.get("/imports/report").status_code == 200


def test_the_api_says_in_chinese_that_a_body_is_unknown(
    import_desk: Any, importing: Any, desks: Any
) -> None:
    body = import_desk.table(import_desk.cells(1))[0].getvalue()
    said = ask(desks, "clerk", "POST", "/imports?prefix=Y000044999009", 404, data=body)
    assert "没有这个机构编码的评价机构" in said["detail"]
    # No table is read for it.
    ask(desks, "clerk", "POST", "/imports?prefix=Y000044999009", 404, data=b"no table")


def test_a_lapsed_import_says_so(small: Any, hand_in: Any, browse: Any) -> None:
    hand_in()
    with small.write() as session:
        row = session.query(CertificateImport).one()
        row.state, row.sealed = "lapsed", b""
    page = browse("clerk").get(HERE)
    assert "逾期未办结，已失效" in page
    assert "补录表已经删除" in page
    assert "逾期未办结，已失效" in browse("clerk").get("/imports")
