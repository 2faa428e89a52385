"""Papers of change requests: looked into like all documents, and given out with a line."""

from __future__ import annotations

import io
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy import func, select

from registry.office.document_files import Scanner
from registry.store.audit import AuditLine
from registry.store.holders import ChangeRequest
from registry.web.documents import SCANNER


def pdf(**root: Any) -> bytes:
    """Make a one-page PDF whose objects are compressed, with these entries of its catalogue."""
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    for name, value in root.items():
        document.Root[f"/{name}"] = document.make_indirect(value)
    document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def action(kind: str) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(S=pikepdf.Name(kind), Next=pikepdf.Dictionary(F="x"))


UNSOUND = "change-unsound"
CLEAN = pdf()
BAD = {
    "含有脚本": pdf(OpenAction=action("/JavaScript")),
    "启动程序": pdf(OpenAction=action("/Launch")),
    "内嵌有其他文件": pdf(Names=pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary())),
    "文件不完整": CLEAN[:-10],
    "无法读取": b"%PDF-1.7\nnothing here\n%%EOF\n",
    "不超过 10 MB": b"MZ",
}


@pytest.fixture
def changing(small: Any, office_helper: Any) -> Any:
    supervised = office_helper("supervising_office").Supervised(small)
    return office_helper("change_office").Changing(small, supervised)


def form(changing: Any, data: bytes) -> dict[str, Any]:
    return {
        "number": changing.numbers[0], "kind": "correction", "cause": "name-changed",
        "name": "欧阳示范", "reason": "户籍登记姓名已变更",
        "document": (io.BytesIO(data), "户籍.pdf"),
    }  # fmt: skip


def body(changing: Any, data: bytes) -> dict[str, Any]:
    return {
        "number": changing.numbers[0], "kind": "correction", "cause": "name-changed",
        "reason": "姓名已变更", "changes": {"name": "欧阳示范"},
        "document": b64encode(data).decode(),
    }  # fmt: skip


def left_over(small: Any) -> list[Path]:
    return [file for file in small.desk.documents.rglob("*") if file.is_file()]


def requests_made(small: Any) -> int:
    with small.read() as session:
        return session.scalar(select(func.count(ChangeRequest.request_id))) or 0


def asked(desks: Any, login: str, method: str, path: str, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {login}"}
    given = {"json": body} if method == "POST" else {}
    client = desks.test_client(use_cookies=False)
    return client.open(f"/api/v1{path}", method=method, headers=headers, **given)


@pytest.mark.parametrize("says", BAD)
def test_what_is_not_taken_in_is_said_beside_the_field(
    changing: Any, small: Any, browse: Any, desks: Any, says: str
) -> None:
    data = BAD[says]
    page = browse("editor1").post("/requests/new", 422, **form(changing, data))
    shown = page.get_data(as_text=True)
    assert says in shown
    assert '<a href="#document">' in shown
    # What was typed is not lost with it.
    assert "欧阳示范" in shown
    answer = asked(desks, "editor1", "POST", "/requests", **body(changing, data))
    assert answer.status_code == 422
    (fault,) = answer.get_json()["errors"]
    assert fault["field"] == "document"
    assert says in fault["text"]
    assert requests_made(small) == 0
    assert left_over(small) == []


def test_what_is_handed_in_again_is_looked_into_too(
    changing: Any, small: Any, browse: Any, desks: Any
) -> None:
    request = changing.ask("editor1")
    changing.take(request, "return")
    version, script = changing.row(request).version, BAD["含有脚本"]
    fields = {"version": version, "note-resubmit": "已补正"}
    path = f"/requests/{request}/resubmit"
    page = browse("editor1").post(path, 422, **fields, document=(io.BytesIO(script), "x.pdf"))
    assert "含有脚本" in page.get_data(as_text=True)
    remark = {"version": version, "note": "已补正", "document": b64encode(script).decode()}
    assert asked(desks, "editor1", "POST", path, **remark).status_code == 422
    assert changing.row(request).state == "returned"
    browse("editor1").post(path, **fields, document=(io.BytesIO(CLEAN), "x.pdf"))
    assert changing.row(request).document_kind == "pdf"


def test_the_virus_scan_is_asked_as_for_all_documents(
    changing: Any, small: Any, browse: Any, desks: Any, tmp_path: Path
) -> None:
    script = tmp_path / "scan"
    script.write_text('#!/bin/sh\ntest -s "$1" || exit 0\nexit $(cat "$0.says")\n')
    script.chmod(stat.S_IRWXU)
    desks.config[SCANNER] = Scanner(command=(str(script),))
    for status, says in ((1, "带有恶意代码"), (7, "暂时无法查毒")):
        Path(f"{script}.says").write_text(str(status))
        expected = 422 if status == 1 else 503
        page = browse("editor1").post("/requests/new", expected, **form(changing, CLEAN))
        shown = page.get_data(as_text=True)
        assert says in shown
        # Beside the field, and nothing that was typed is lost: the paper alone is chosen again.
        assert '<a href="#document">' in shown
        assert "欧阳示范" in shown
        assert "户籍登记姓名已变更" in shown
        answer = asked(desks, "editor1", "POST", "/requests", **body(changing, CLEAN))
        assert answer.status_code == expected
        (fault,) = answer.get_json()["errors"]
        assert fault["field"] == "document"
        assert says in fault["text"]
    assert answer.get_json()["code"] == "scan-failed"
    assert requests_made(small) == 0
    Path(f"{script}.says").write_text("0")
    browse("editor1").post("/requests/new", **form(changing, CLEAN))
    assert requests_made(small) == 1
    assert left_over(small) == []


def test_a_scan_without_an_answer_keeps_what_was_typed_to_mend_a_request(
    changing: Any, small: Any, browse: Any, desks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    desks.config[SCANNER] = Scanner(command=("/nonexistent/scan",))
    request = changing.ask("editor1")
    changing.take(request, "return")
    version, path = changing.row(request).version, f"/requests/{request}/resubmit"
    fields = {"version": version, "note-resubmit": "户籍证明已补"}
    page = browse("editor1").post(path, 503, **fields, document=(io.BytesIO(CLEAN), "x.pdf"))
    shown = page.get_data(as_text=True)
    assert "暂时无法查毒" in shown
    assert '<a href="#document">' in shown
    assert "户籍证明已补" in shown
    # The operator hears of it, as of every 503.
    assert "scan-failed" in caplog.text
    remark = {"version": version, "note": "已补正", "document": b64encode(CLEAN).decode()}
    answer = asked(desks, "editor1", "POST", path, **remark)
    assert answer.status_code == 503
    assert [fault["field"] for fault in answer.get_json()["errors"]] == ["document"]
    assert changing.row(request).state == "returned"
    assert left_over(small) == []


@pytest.fixture
def looked(small: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give how many connections to the database were in use at each look into a paper."""
    seen: list[int] = []

    def look(_path: Path) -> str:
        seen.append(small.desk.engine.pool.checkedout())
        with small.write() as session:
            session.scalar(select(func.count(AuditLine.line_id)))
        return ""

    monkeypatch.setattr("registry.web.documents._look", look)
    return seen


def test_nothing_is_locked_or_open_while_a_paper_is_looked_into(
    changing: Any, browse: Any, desks: Any, looked: list[int]
) -> None:
    browse("editor1").post("/requests/new", **form(changing, CLEAN))
    changing.take(1, "return")
    fields = {"version": changing.row(1).version, "note-resubmit": "已补正"}
    paper = (io.BytesIO(CLEAN), "x.pdf")
    browse("editor1").post("/requests/1/resubmit", **fields, document=paper)
    changing.take(1, "return")
    remark = {"version": changing.row(1).version, "note": "已补正"}
    remark["document"] = b64encode(CLEAN).decode()
    path = "/api/v1/requests/1/resubmit"
    headers = {"Authorization": "Bearer editor1", "Idempotency-Key": "once"}
    client = desks.test_client(use_cookies=False)
    assert client.post(path, headers=headers, json=remark).status_code == 200
    assert looked == [0, 0, 0]


WRONG = {"number": "Y000044999001269999999", "cause": "lost", "reason": " "}


@pytest.mark.parametrize("field", WRONG)
def test_no_paper_is_looked_into_before_the_rest_of_the_form(
    changing: Any, browse: Any, desks: Any, looked: list[int], field: str
) -> None:
    changed = {field: WRONG[field]}
    page = browse("editor1").post("/requests/new", 422, **form(changing, CLEAN) | changed)
    shown = page.get_data(as_text=True)
    assert f'<a href="#{field}">' in shown
    assert '<a href="#document">' not in shown
    answer = asked(desks, "editor1", "POST", "/requests", **body(changing, CLEAN) | changed)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert looked == []


def test_no_paper_is_looked_into_for_what_does_not_pass_the_checks(
    changing: Any, small: Any, browse: Any, desks: Any, looked: list[int]
) -> None:
    """And it is put down that somebody tried, as ever."""
    browse("editor1").post("/requests/new", 422, **form(changing, CLEAN) | {"name": "1"})
    wish = body(changing, CLEAN) | {"changes": {"name": "1"}}
    assert asked(desks, "editor1", "POST", "/requests", **wish).status_code == 422
    with small.read() as session:
        tried = session.scalars(select(AuditLine.subject).where(AuditLine.action == UNSOUND)).all()
    assert tried == [changing.numbers[0]] * 2
    assert looked == []


def test_no_paper_is_looked_into_for_a_request_that_is_not_to_be_mended_here(
    changing: Any, browse: Any, desks: Any, looked: list[int]
) -> None:
    request = changing.ask("editor1")
    path, document = f"/requests/{request}/resubmit", b64encode(CLEAN).decode()

    def mended(login: str, version: int, status: int) -> None:
        fields = {"version": version, "note-resubmit": "已补正"}
        paper = (io.BytesIO(CLEAN), "x.pdf")
        browse(login).post(path, status, **fields, document=paper)
        remark = {"version": version, "note": "已补正", "document": document}
        assert asked(desks, login, "POST", path, **remark).status_code == status

    version = changing.row(request).version
    # Nobody has sent it back.
    mended("editor1", version, 422)
    changing.take(request, "return")
    mended("editor1", version, 409)
    mended("clerk", changing.row(request).version, 403)
    mended("editor2", changing.row(request).version, 403)
    assert looked == []


def lines(small: Any) -> list[tuple[str, str, str]]:
    with small.read() as session:
        found = session.scalars(select(AuditLine).order_by(AuditLine.line_id))
        return [
            (line.actor, line.subject, line.detail)
            for line in found
            if line.action == "request-paper-download"
        ]


def test_a_paper_is_given_out_with_a_line_and_not_without(
    changing: Any, small: Any, browse: Any, desks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = browse("editor1").post("/requests/new", **form(changing, CLEAN)).location
    without = changing.ask(number=changing.numbers[1])
    browse("clerk").get(place)
    browse("editor2").get(f"{place}/document", 403)
    browse("clerk").get(f"/requests/{without}/document", 404)
    assert lines(small) == []
    assert browse("clerk")._client.get(f"{place}/document").data == CLEAN
    assert asked(desks, "approver", "GET", f"{place}/document").data == CLEAN
    assert lines(small) == [
        ("account:clerk", "R-000001", ""),
        ("account:approver", "R-000001", ""),
    ]

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    for room in ("registry.web.requests", "registry.web.api.changes"):
        monkeypatch.setattr(f"{room}.note_disclosure", broken)
    browse("clerk").get(f"{place}/document", 500)
    assert asked(desks, "clerk", "GET", f"{place}/document").status_code == 500
