"""The pages: sign in, hand a table in, take answers and receipt; and what each refuses."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest

from signing.receipt import parse_receipt
from signing.receipt_table import read_receipt_table
from verify_web.findings import Task
from verify_web.sandbox import SANDBOX

PATH = "/bulk"


def sign_in(bulk: Any) -> Any:
    client = bulk.client()
    _, key = bulk.organisation()
    answer = client.post("/bulk/enter", data={"key": key})
    assert answer.status_code == 303
    return client


def hand_in(client: Any, data: bytes, name: str = "a.xlsx", **instead: str) -> Any:
    form = {"asker": "示例用人单位有限公司", "purpose": "hiring", "consent": "yes", **instead}
    return client.post(PATH, data={**form, "table": (io.BytesIO(data), name)})


def rows_of(bulk: Any) -> list[tuple[object, ...]]:
    records = bulk.world.records
    return [
        ("证书编号", "姓名", "证件号码后六位"),
        (records["valid"].number, records["valid"].name, ""),
        (records["revoked"].number, "", records["revoked"].id_number[-6:]),
        (records["valid"].number, "示例不符", ""),
    ]


def test_a_table_gives_a_coloured_one_back_and_a_receipt(bulk: Any, sheet_of: Any) -> None:
    client = sign_in(bulk)
    answer = hand_in(client, sheet_of(*rows_of(bulk)))
    assert answer.status_code == 303
    address = answer.headers["Location"]
    waiting = client.get(address)
    assert waiting.headers["Refresh"] == "3"
    assert "已查验 0 / 3 行" in waiting.text
    assert client.get(f"{address}/result.xlsx").status_code == 404
    assert bulk.work() == 1
    done = client.get(address)
    assert "Refresh" not in done.headers
    assert "查验完成" in done.text
    table = read_receipt_table(client.get(f"{address}/result.xlsx").data)
    assert [row.word for _, row in table.rows] == ["有效", "已撤销", "未找到或不符"]
    receipt = parse_receipt(client.get(f"{address}/receipt.json").data).receipt
    assert receipt.results == "VRN"
    assert receipt.job in address


def test_csv_of_an_office_program_is_read(bulk: Any) -> None:
    client = sign_in(bulk)
    record = bulk.world.records["valid"]
    text = f"序号,证书编号,姓名\r\n1,{record.number},{record.name}\r\n"
    answer = hand_in(client, text.encode("gb18030"), "a.csv")
    assert answer.status_code == 303
    bulk.work()
    assert "有效" in client.get(answer.headers["Location"]).text


def test_faults_are_named_by_row_and_repeat_no_cell(bulk: Any, sheet_of: Any) -> None:
    client = sign_in(bulk)
    answer = hand_in(
        client,
        sheet_of(
            ("证书编号", "姓名", "证件号码后六位"),
            ("", "示例甲", ""),
            ("Y000044999001263000001", "", ""),
            ("Y000044999001263000001", "", "12"),
            ("Y000044999001263000001", "示" * 81, ""),
        ),
    )
    assert answer.status_code == 422
    found = re.findall(r"<tr><td>(\d+)</td><td>([^<]+)</td></tr>", answer.text)
    assert found == [
        ("2", "缺少证书编号"),
        ("3", "姓名和证件号码后六位均未填写"),
        ("4", "证件号码后六位应为 6 位"),
        ("5", "有单元格内容过长"),
    ]
    assert "示例甲" not in answer.text
    assert bulk.work() == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7", "没有找到表头"),
        (b"PK\x03\x04broken", "不是可以读取的表格"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "旧版 xls"),
        ("证书编号,姓名\n".encode(), "没有需要查验的行"),
        (b"\xff\xfe\x00a", "不是可以读取的表格"),
        (b"\xff\xff\xff\xff", "编码无法识别"),
    ],
)
def test_what_is_no_table_is_refused(bulk: Any, data: bytes, said: str) -> None:
    answer = hand_in(sign_in(bulk), data)
    assert answer.status_code == 422
    assert said in answer.text


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ({"asker": ""}, "查验单位全称"),
        ({"asker": "示" * 61}, "查验单位全称"),
        ({"purpose": "curiosity"}, "请选择查验用途"),
        ({"consent": ""}, "请确认已取得持证人同意"),
    ],
)
def test_without_who_what_for_and_consent_nothing_is_asked(
    bulk: Any, sheet_of: Any, instead: dict[str, str], said: str
) -> None:
    answer = hand_in(sign_in(bulk), sheet_of(*rows_of(bulk)), **instead)
    assert answer.status_code == 422
    assert said in answer.text
    assert bulk.work() == 0


def test_a_button_pressed_twice_makes_one_job(bulk: Any, sheet_of: Any) -> None:
    client, data = sign_in(bulk), sheet_of(*rows_of(bulk))
    first, again = hand_in(client, data), hand_in(client, data)
    assert first.headers["Location"] == again.headers["Location"]
    assert bulk.work() == 1


def test_nobody_sees_anothers_job(bulk: Any, sheet_of: Any) -> None:
    address = hand_in(sign_in(bulk), sheet_of(*rows_of(bulk))).headers["Location"]
    bulk.work()
    other = sign_in(bulk)
    for path in ("", "/result.xlsx", "/receipt.json"):
        assert other.get(address + path).status_code == 404
        assert bulk.client().get(address + path).status_code == 303
    assert other.post(f"{address}/forget").status_code == 404


def test_a_job_can_be_deleted_before_its_term(bulk: Any, sheet_of: Any) -> None:
    client = sign_in(bulk)
    address = hand_in(client, sheet_of(*rows_of(bulk))).headers["Location"]
    assert client.post(f"{address}/forget").status_code == 303
    assert client.get(address).status_code == 404
    assert bulk.work() == 0


def test_the_template_is_read_as_a_table_without_rows(bulk: Any) -> None:
    client = sign_in(bulk)
    template = client.get("/bulk/template.xlsx")
    assert "filename*=UTF-8''%E6%89%B9" in template.headers["Content-Disposition"]
    assert "没有需要查验的行" in hand_in(client, template.data).text


def test_the_cookie_goes_with_this_sites_own_forms_alone(bulk: Any) -> None:
    _, key = bulk.organisation()
    answer = bulk.client().post("/bulk/enter", data={"key": key})
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/bulk"):
        assert part in cookie


def test_who_left_is_no_longer_in(bulk: Any, sheet_of: Any) -> None:
    client = sign_in(bulk)
    token = client.get_cookie("bulk", path="/bulk").value
    client.post("/bulk/leave")
    client.set_cookie("bulk", token, path="/bulk")
    assert "用单位密钥登录" in client.get(PATH).text
    assert hand_in(client, sheet_of(*rows_of(bulk))).headers["Location"] == PATH
    assert bulk.work() == 0


def test_a_workbook_that_unfolds_hurts_nobody_but_itself(bulk: Any, sheet_of: Any) -> None:
    source, target = io.BytesIO(sheet_of(("证书编号", "姓名"), ("1", "2"))), io.BytesIO()
    string = b"<si><t>" + b"a" * 4000 + b"</t></si>"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sharedStrings.xml"):
                data = data.replace(b"</sst>", string * 60_000 + b"</sst>")
            new.writestr(name, data)
    bomb = target.getvalue()
    assert len(bomb) < 400_000
    task = Task(kind="table", data=bomb, trust=str(bulk.trust), now=bulk.clock.now())
    measured = SANDBOX.measure(task)
    assert measured.finding.outcome != "read"
    assert measured.peak < 256 << 20
    answer = hand_in(sign_in(bulk), bomb)
    assert answer.status_code == 422
    assert "不是可以读取的表格" in answer.text
    assert hand_in(sign_in(bulk), sheet_of(*rows_of(bulk))).status_code == 303
