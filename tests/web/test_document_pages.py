"""Documents through the pages: looked into, sealed on the disk, given out whole or not at all."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from pikepdf import Dictionary, Name, ObjectStreamMode, Pdf, Stream, String

from registry.office.document_vault import vault_of
from registry.office.documents import paper_of
from registry.store.procedure import CaseDocument


def compressed(change: Callable[[Pdf], Any], **more: Any) -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        change(pdf)
        held = io.BytesIO()
        pdf.save(held, object_stream_mode=ObjectStreamMode.generate, **more)
        return held.getvalue()


def script(pdf: Pdf) -> None:
    action = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    pdf.Root.OpenAction = pdf.make_indirect(action)


def starts(pdf: Pdf) -> None:
    pdf.Root.OpenAction = pdf.make_indirect(Dictionary(S=Name.Launch, F=String("cmd.exe")))


def carries(pdf: Pdf) -> None:
    pdf.attachments["a.exe"] = b"MZ"


def bulky(pdf: Pdf) -> None:
    pdf.Root.Bulk = pdf.make_indirect(Stream(pdf, secrets.token_bytes(200_000)))


@pytest.fixture
def filing(filing_office: Any, browse: Any) -> int:
    return int(browse("editor1").post("/filings/new").location.split("/")[-2])


def upload(browse: Any, case_id: int, data: bytes, status: int = 303) -> str:
    answer = browse("editor1").post(
        f"/cases/{case_id}/documents", status, kind="other", file=(io.BytesIO(data), "证明.pdf")
    )
    answer.request.environ["wsgi.input"].close()
    return str(answer.get_data(as_text=True))


LOCK: dict[str, Any] = {"encryption": pikepdf.Encryption(user="secret", owner="other")}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (compressed(script), "含有脚本"),
        (compressed(starts), "启动程序"),
        (compressed(carries), "内嵌有其他文件"),
        (compressed(lambda _: None, **LOCK), "打开密码"),
    ],
    ids=["runs", "starts", "carries", "locked"],
)
def test_what_a_pdf_hides_is_found_and_said(
    small: Any, browse: Any, filing: int, data: bytes, says: str
) -> None:
    page = upload(browse, filing, data, 422)
    assert says in page
    assert "error-summary" in page
    documents = small.desk.documents
    assert not documents.exists() or [f for f in documents.rglob("*") if f.is_file()] == []


def test_what_is_no_pdf_inside_is_refused(browse: Any, filing: int) -> None:
    assert "无法读取" in upload(browse, filing, b"%PDF-1.7\nnothing here\n%%EOF\n", 422)


def test_the_machine_is_told_the_same(desks: Any, filing: int) -> None:
    client = desks.test_client(use_cookies=False)
    answer = client.post(
        f"/api/v1/cases/{filing}/documents?kind=other&name=a.pdf",
        headers={"Authorization": "Bearer editor1"},
        data=compressed(script),
    )
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "document-refused"
    assert "含有脚本" in answer.get_json()["detail"]


def test_a_document_comes_back_whole_and_stands_sealed(
    small: Any, desks: Any, browse: Any, filing: int
) -> None:
    data = compressed(bulky)
    upload(browse, filing, data)
    with small.read() as session:
        row = session.get_one(CaseDocument, 1)
        place = vault_of(small.desk).place(paper_of(row))
    sealed = place.read_bytes()
    assert b"%PDF" not in sealed
    client = desks.test_client(use_cookies=False)
    headers = {"Authorization": "Bearer clerk"}
    answer = client.get(f"/api/v1/cases/{filing}/documents/1", headers=headers)
    assert (answer.data, answer.headers["Content-Length"]) == (data, str(len(data)))
    # One bit in the last chunk: nothing of the first ones is given out either.
    place.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    broken = client.get(f"/api/v1/cases/{filing}/documents/1", headers=headers)
    assert (broken.status_code, broken.get_json()["code"]) == (503, "document-damaged")
