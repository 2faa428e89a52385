"""A year's notice as a file: as published or as a table, shown with what it moves, then saved."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import pytest

from registry.office.almanac import read_almanac
from registry.office.due import set_due
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CaseEvent
from registry.store.registers import YearNoticeRow

BASIS = "示例通知〔2026〕9号"
TEXT = """一、元旦：1月1日（周五）至4日（周一）放假调休，共4天。1月9日（周六）上班。
二、春节：2月5日（周五）至11日（周四）放假调休，共7天。
三、清明节：4月3日至5日放假，共3天。
四、劳动节：5月1日至5日放假调休。
五、端午节：6月9日放假。六、中秋节：9月15日放假。
七、国庆节：10月1日至7日放假调休，共7天。
2026年11月4日
"""
RANGES = (
    ("2027-01-01", "2027-01-04", "放假"),
    ("2027-01-09", "", "上班"),
    ("2月5日", "2月11日", "放假"),
    ("2027-04-03", "2027-04-05", "放假"),
    ("2027-05-01", "2027-05-05", "放假"),
    ("2027-06-09", "", "放假"),
    ("2027-09-15", "", "放假"),
    ("2027-10-01", "2027-10-07", "放假"),
)
HEADERS = ("开始日期", "结束日期", "安排")


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "节假日安排"
    for row in (HEADERS, *rows):
        sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def csv(*rows: tuple[str, ...]) -> str:
    return "\n".join(",".join(row) for row in (HEADERS, *rows))


@pytest.fixture
def running(small: Any, office_helper: Any) -> int:
    """Give a filing whose term of twenty working days ends in the year without a notice."""
    office_helper("scheme_office").SchemeMaking(small).list_company()
    with small.write() as session:
        case = session.query(Case).one()
        case.state, case.received_on = "submitted", date(2026, 12, 7)
        set_due(case, read_almanac(session), today=small.desk.today())
        assert (case.due_on, case.due_provisional) == (date(2027, 1, 4), True)
        return int(case.case_id)


def preview(browse: Any, data: bytes, status: int = 200, **more: Any) -> str:
    fields = {"basis": BASIS, "off": "", "work": "", **more}
    answer = browse("approver").post(
        "/calendar/2027/notice/preview", status, file=(io.BytesIO(data), "../通知.txt"), **fields
    )
    text = str(answer.get_data(as_text=True))
    # The test client spools a large body to a file and leaves that open.
    answer.request.environ["wsgi.input"].close()
    return text


def hidden(page: str, name: str) -> str:
    return page.partition(f'<input type="hidden" name="{name}" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("gb18030"),
        b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(),
        csv(*RANGES).encode(),
        workbook(*RANGES),
        workbook(
            *[(*(date.fromisoformat(x) if "-" in x else x for x in r[:2]), r[2]) for r in RANGES]
        ),
    ],
    ids=["text", "gbk", "bom", "csv", "xlsx", "xlsx-dates"],
)
def test_a_file_is_read_shown_and_then_saved(
    small: Any, browse: Any, running: int, data: bytes
) -> None:
    page = preview(browse, data)
    assert "尚未保存" in page
    assert "1 月 1、2、3、4 日；2 月 5、6、7、8、9、10、11 日" in page
    assert "1 月 9 日" in page
    assert "FA-" not in page
    assert "2027年1月4日" in page
    assert "<strong>2027年1月5日</strong>" in page
    with small.read() as session:
        assert session.query(YearNoticeRow).count() == 0
        assert session.get_one(Case, running).due_on == date(2027, 1, 4)
        assert session.query(CaseEvent).filter_by(event="due-moved").count() == 0
        assert session.query(AuditLine).filter_by(action="notice-load").count() == 0
    fields = {name: hidden(page, name) for name in ("basis", "off", "work")}
    place = browse("approver").post("/calendar/2027/notice", **fields).location
    assert "1 件办件的期限已重新计算" in browse("approver").get(place)
    with small.read() as session:
        assert session.get_one(Case, running).due_on == date(2027, 1, 5)


def test_what_was_pasted_is_shown_too(browse: Any, running: int) -> None:
    fields = {"basis": BASIS, "off": "1月1日至4日", "work": ""}
    answer = browse("approver").post("/calendar/2027/notice/preview", 422, **fields)
    assert "是法定节假日，应当列为放假" in answer.get_data(as_text=True)
    off = "1月1日至3日 2月5日至8日 4月5日 5月1日至2日 6月9日 9月15日 10月1日至3日"
    page = browse("approver").post("/calendar/2027/notice/preview", 200, **fields | {"off": off})
    assert "由暂定转为确定" in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (TEXT.replace("6月9日放假", "6月9日休息").encode(), "6月9日"),
        (csv(*RANGES, ("2027-11-01", "", "休息")).encode(), "第 10 行"),
        ("新年快乐".encode(), "没有放假日期"),
        (b"\x81\xff\xfe\x00", "不能识别的文件"),
        (b"", "文件为空"),
        (workbook()[:-200], "损坏"),
        (b"a" * (1024 * 1024 + 1), "超过 1 MB"),
        (TEXT.replace("1月9日（周六）上班", "1月8日（周五）上班").encode(), "1月8日不是星期六"),
    ],
    ids=["no-word", "kind", "none", "bytes", "empty", "cut", "large", "contradiction"],
)
def test_what_cannot_be_read_is_said_and_nothing_is_lost(
    browse: Any, small: Any, data: bytes, says: str
) -> None:
    page = preview(browse, data, 422)
    assert says in page
    assert "error-summary" in page
    with small.read() as session:
        assert session.query(YearNoticeRow).count() == 0


def test_only_the_citys_approver_previews(browse: Any, small: Any) -> None:
    for login in ("clerk", "editor1", "auditor"):
        browse(login).post("/calendar/2027/notice/preview", 403, basis=BASIS, off="", work="")
    browse("approver").post("/calendar/2019/notice/preview", 404, basis=BASIS, off="", work="")


def test_a_machine_reads_previews_and_loads(desks: Any, small: Any, running: int) -> None:
    client = desks.test_client(use_cookies=False)
    headers = {"Authorization": "Bearer approver"}
    base = "/api/v1/calendar/notices"
    read = client.post(f"{base}/file?year=2027&basis={BASIS}", headers=headers, data=TEXT.encode())
    assert read.status_code == 200, read.text
    said = read.get_json()
    (moved,) = said["preview"]["moved"]
    assert (moved["before"], moved["after"]) == ("2027-01-04", "2027-01-05")
    body = {"year": 2027, "basis": BASIS, "off": said["off"], "work": said["work"]}
    seen = client.post(f"{base}/preview", headers=headers, json=body)
    assert seen.get_json() == said["preview"]
    with small.read() as session:
        assert session.get_one(Case, running).due_on == date(2027, 1, 4)
    loaded = client.post(base, headers=headers, json=body)
    assert (loaded.status_code, loaded.get_json()["moved"]) == (201, said["preview"]["moved"])
    assert (
        client.post(f"{base}/file?year=2027&basis=x", headers=headers, data=b"?").status_code == 422
    )
