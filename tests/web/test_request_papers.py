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
    wish = {
        "number": changing.numbers[0], "kind": "correction", "cause": "name-changed",
        "reason": "姓名已变更", "changes": {"name": "欧阳示范"},
    }  # fmt: skip
    answer = asked(desks, "editor1", "POST", "/requests", **wish, document=b64encode(data).decode())
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
        assert says in page.get_data(as_text=True)
    assert requests_made(small) == 0
    Path(f"{script}.says").write_text("0")
    browse("editor1").post("/requests/new", **form(changing, CLEAN))
    assert requests_made(small) == 1
    assert left_over(small) == []


def test_nothing_is_locked_while_a_paper_is_looked_into(
    changing: Any, small: Any, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = []

    def look(_path: Path) -> str:
        with small.write() as session:
            waiting.append(session.scalar(select(func.count(AuditLine.line_id))))
        return ""

    monkeypatch.setattr("registry.web.documents._look", look)
    browse("editor1").post("/requests/new", **form(changing, CLEAN))
    assert len(waiting) == 1


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
