"""Long work on its page: how far it has come, where it leads on, what stood in the way."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.procedure import CasePerson
from registry.web import batch_office, long_work, table_upload
from registry.web.long_work import Words, follow

HEADERS = (
    *("姓名", "证件类型", "证件号码", "用工性质", "所在单位"),
    *("派遣起始日期", "申报等级", "备注"),
)
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
WORDS = Words(title="正在核对", english="Checking", counted="已核对（行）")


@pytest.fixture(autouse=True)
def _all_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_upload, "LARGE_FILE", 1)
    monkeypatch.setattr(batch_office, "LARGE", 1)
    monkeypatch.setattr(long_work, "BEAT", 0.01)


@pytest.fixture
def at_work(browse: Any, planning: Any) -> Any:
    """Give the editor of a plan with no roster yet, and the address of the roster's page."""
    planning.prepare()
    case_id = planning.open()
    planning.times(case_id)
    return browse("editor1"), f"/plans/{case_id}/roster"


def sheet(rows: list[dict[str, Any]]) -> tuple[Any, str]:
    workbook = openpyxl.Workbook()
    page = workbook.worksheets[0]
    page.title = "评价员工名册"
    page.append(list(HEADERS))
    for row in rows:
        page.append([str(cell) for cell in row.values()])
    data = io.BytesIO()
    workbook.save(data)
    data.seek(0)
    return data, "名册.xlsx"


def version(page: str) -> str:
    match = re.search(r'name="version" value="([0-9]+)"', page)
    assert match
    return match[1]


def send(browser: Any, path: str, rows: list[dict[str, Any]], at: str = "") -> str:
    seen = at or version(browser.get(path))
    answer = browser.post(path, 200, version=seen, roster=sheet(rows))
    return str(answer.get_data(as_text=True))


def people(small: Any) -> int:
    with small.read() as session:
        return session.scalar(select(func.count()).select_from(CasePerson)) or 0


def test_a_table_is_told_row_by_row_and_leads_on(
    small: Any, at_work: Any, office_helper: Any
) -> None:
    editor, path = at_work
    cells = office_helper("plan_office").cells
    page = send(editor, path, [cells(serial) for serial in range(150)])
    assert "正在核对名册" in page
    assert "已收到，开始办理" in page
    onward = path.replace("roster", "tasks")
    assert page.index("办理完毕") < page.index(f'content="0; url={onward}"')
    assert page.rstrip().endswith("</html>")
    assert people(small) == 150


def test_steps_are_counted(desks: Any, browse: Any) -> None:
    """The work waits until each step was seen on the page, so none can be missed."""
    seen = [threading.Event() for _ in range(3)]

    def run(tell: Any) -> str:
        for number, event in enumerate(seen):
            tell(number * 100, 200)
            assert event.wait(20)
        return "/onward"

    with desks.test_request_context("/"):
        pieces = iter(follow(run, WORDS, "/back").response)
        found = []
        for piece in pieces:
            found.append(str(piece))
            for number, event in enumerate(seen):
                if f"已核对（行） {number * 100} / 200" in found[-1]:
                    event.set()
    page = "".join(found)
    assert page.count("<progress ") == 3
    assert '<progress aria-label="办理进度" max="200" value="100">' in page
    assert 'href="/onward"' in page


def test_faults_of_a_large_table_are_told_by_number(at_work: Any, office_helper: Any) -> None:
    editor, path = at_work
    cells = office_helper("plan_office").cells
    wrong = [cells(0, applied_level="特级"), cells(1, id_number="")]
    page = send(editor, path, wrong)
    assert "办理完毕" in page
    place = re.search(r'content="0; url=([^"]+)"', page)
    assert place
    assert place[1] == f"{path}?found=2"
    told = editor.get(place[1])
    assert "上次上传的表格有 2 处问题，没有保存" in told
    assert f'href="{path}/report"' in told
    assert editor._client.get(f"{path}/report").status_code == 200
    assert "处问题，没有保存" not in editor.get(path)


@pytest.mark.parametrize("count", ["-1", "0", "x", "9" * 400])
def test_the_number_in_the_address_may_be_anything(at_work: Any, count: str) -> None:
    editor, path = at_work
    editor.get(f"{path}?found={count}")


def test_what_is_refused_is_told_on_the_page_and_on_the_record(
    small: Any, at_work: Any, office_helper: Any
) -> None:
    editor, path = at_work
    cells = office_helper("plan_office").cells
    stale = version(editor.get(path))
    send(editor, path, [cells(0)], stale)
    page = send(editor, path, [cells(0), cells(1)], stale)
    assert "没有办成，内容未变" in page
    assert "已被他人办理" in page
    assert "http-equiv" not in page
    assert people(small) == 1
    with small.read() as session:
        refused = session.scalars(select(AuditLine).where(AuditLine.result == "refused")).all()
    assert [line.action for line in refused] == ["plans.upload"]


def test_a_file_that_is_no_table_is_refused_in_its_own_words(at_work: Any) -> None:
    editor, path = at_work
    answer = editor.post(
        path, 200, version=version(editor.get(path)), roster=(io.BytesIO(b"no"), "x.xlsx")
    )
    page = answer.get_data(as_text=True)
    assert "没有办成" in page
    assert "不能办理" in page


def test_a_fault_of_ours_shows_a_fixed_text(desks: Any) -> None:
    def run(_tell: Any) -> str:
        raise RuntimeError("员工张某 440301198501010014")

    with desks.test_request_context("/"):
        page = "".join(map(str, follow(run, WORDS, "/back").response))
    assert "系统故障" in page
    assert "张某" not in page
    assert 'href="/back"' in page


def test_whoever_leaves_the_page_takes_nothing_back(desks: Any) -> None:
    leave, ended = threading.Event(), threading.Event()

    def run(_tell: Any) -> str:
        assert leave.wait(20)
        ended.set()
        return "/onward"

    with desks.test_request_context("/"):
        answer = follow(run, WORDS, "/back")
        assert "正在核对" in str(next(iter(answer.response)))
        answer.close()
        assert not ended.is_set()
        leave.set()
        assert ended.wait(20)


def test_certificates_of_a_large_batch_are_issued_once(
    small: Any, browse: Any, assessing: Any
) -> None:
    case_id = assessing.approved()
    clerk, here = browse("clerk"), f"/batches/{case_id}"
    seen = version(clerk.get(f"{here}/issue"))
    for _ in range(2):
        page = clerk.post(f"{here}/issue", 200, version=seen).get_data(as_text=True)
        assert "正在发证" in page
        assert f'content="0; url={here}/issued"' in page
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == 2
