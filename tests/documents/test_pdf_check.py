"""PDFs that run, start or carry something are found, also where it is compressed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf, Stream, String

from registry.documents import pdf_check
from registry.documents.pdf_check import look_into
from registry.documents.pdf_finding import PdfFinding

SMALLEST = (
    b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
    b"2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
    b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n"
    b"trailer <</Root 1 0 R>>\n%%EOF\n"
)


def made(change: Callable[[Pdf], Any], mode: ObjectStreamMode, **more: Any) -> bytes:
    """Make a PDF of one page with something done to it."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        change(pdf)
        held = io.BytesIO()
        pdf.save(held, object_stream_mode=mode, **more)
        return held.getvalue()


def found(tmp_path: Path, data: bytes) -> PdfFinding:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    return look_into(path)


def action(kind: str, **more: Any) -> Dictionary:
    return Dictionary(S=Name(kind), **more)


def opens_with(kind: str, **more: Any) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        pdf.Root.OpenAction = pdf.make_indirect(action(kind, **more))

    return change


def named_script(pdf: Pdf) -> None:
    tree = Dictionary(Names=Array([String("x"), pdf.make_indirect(action("/JavaScript"))]))
    pdf.Root.Names = Dictionary(JavaScript=pdf.make_indirect(tree))


def script_in_a_stream(pdf: Pdf) -> None:
    held = pdf.make_indirect(Stream(pdf, b"app.alert(1)"))
    pdf.pages[0].AA = Dictionary(O=Dictionary(S=Name.JavaScript, JS=held))


def name_by_itself(pdf: Pdf) -> None:
    """Write the action's kind as an object of its own."""
    pdf.Root.OpenAction = Dictionary(S=pdf.make_indirect(Name.Launch), F=String("cmd.exe"))


def deep(pdf: Pdf) -> None:
    inner: Any = action("/Launch")
    for _ in range(60):
        inner = Array([Dictionary(Next=inner)])
    pdf.Root.Hidden = inner


def attached(pdf: Pdf) -> None:
    pdf.attachments["a.exe"] = b"MZ"


def on_the_page(kind: str) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        mark = Dictionary(Type=Name.Annot, Subtype=Name(kind), Rect=Array([0, 0, 9, 9]))
        pdf.pages[0].Annots = Array([pdf.make_indirect(mark)])

    return change


def form(pdf: Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(XFA=pdf.make_indirect(Stream(pdf, b"<xdp/>")))


@pytest.mark.parametrize("mode", [ObjectStreamMode.generate, ObjectStreamMode.disable])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (opens_with("/JavaScript", JS=String("app.alert(1)")), PdfFinding.RUNS),
        (named_script, PdfFinding.RUNS),
        (script_in_a_stream, PdfFinding.RUNS),
        (form, PdfFinding.RUNS),
        (opens_with("/Launch", F=String("cmd.exe")), PdfFinding.STARTS),
        (name_by_itself, PdfFinding.STARTS),
        (deep, PdfFinding.STARTS),
        (opens_with("/SubmitForm", F=String("http://127.0.0.1/")), PdfFinding.STARTS),
        (opens_with("/ImportData", F=String("a.fdf")), PdfFinding.STARTS),
        (attached, PdfFinding.CARRIES),
        (on_the_page("/FileAttachment"), PdfFinding.CARRIES),
        (on_the_page("/RichMedia"), PdfFinding.CARRIES),
    ],
)
def test_what_it_does_is_found_compressed_or_not(
    tmp_path: Path, change: Callable[[Pdf], None], says: PdfFinding, mode: ObjectStreamMode
) -> None:
    data = made(change, mode)
    if mode is ObjectStreamMode.generate:
        # The plain search of the bytes would not see it.
        assert b"/Launch" not in data
        assert b"/JavaScript" not in data
    assert found(tmp_path, data) is says


@pytest.mark.parametrize("mode", [ObjectStreamMode.generate, ObjectStreamMode.disable])
def test_a_harmless_file_is_let_through(tmp_path: Path, mode: ObjectStreamMode) -> None:
    def links(pdf: Pdf) -> None:
        pdf.docinfo["/Title"] = "关于 /JavaScript 和 /Launch 的说明"
        link = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([0, 0, 9, 9]),
            A=action("/URI", URI=String("http://127.0.0.1/")),
        )
        pdf.pages[0].Annots = Array([link])

    assert found(tmp_path, made(links, mode)) is PdfFinding.NOTHING
    assert found(tmp_path, SMALLEST) is PdfFinding.NOTHING


def test_names_written_in_another_way_are_the_same_names(tmp_path: Path) -> None:
    data = SMALLEST.replace(b"/Pages 2 0 R>>", b"/Pages 2 0 R/OpenAction<</S/L#61unch>>>>")
    assert b"/Launch" not in data
    assert found(tmp_path, data) is PdfFinding.STARTS


def test_a_locked_file_cannot_be_looked_into(tmp_path: Path) -> None:
    lock = pikepdf.Encryption(user="secret", owner="other")
    data = made(lambda _pdf: None, ObjectStreamMode.disable, encryption=lock)
    assert found(tmp_path, data) is PdfFinding.LOCKED
    # Locked against changes alone it opens without a password, and is looked into.
    lock = pikepdf.Encryption(user="", owner="other")
    data = made(attached, ObjectStreamMode.generate, encryption=lock)
    assert found(tmp_path, data) is PdfFinding.CARRIES


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"%PDF-1.7\ntrailer <<>>\n%%EOF\n"])
def test_what_cannot_be_read_is_not_called_clean(tmp_path: Path, data: bytes) -> None:
    assert found(tmp_path, data) is PdfFinding.UNREADABLE


def test_a_bomb_ends_in_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def many(pdf: Pdf) -> None:
        pdf.Root.Many = Array([Dictionary() for _ in range(2000)])

    data = made(many, ObjectStreamMode.generate)
    assert found(tmp_path, data) is PdfFinding.NOTHING
    monkeypatch.setattr(pdf_check, "MOST_OBJECTS", 1000)
    assert found(tmp_path, data) is PdfFinding.TOO_MUCH


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", PdfFinding.TOO_MUCH),
        ("import time; time.sleep(60)", PdfFinding.TOO_MUCH),
        ("import os; os._exit(3)", PdfFinding.UNREADABLE),
        ("print('nothing at all, believe me')", PdfFinding.UNREADABLE),
        ("print('\\xff', end='')", PdfFinding.UNREADABLE),
    ],
)
def test_the_parent_takes_the_childs_word_for_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: PdfFinding
) -> None:
    monkeypatch.setattr(pdf_check, "_START", code)
    monkeypatch.setattr(pdf_check, "WALL_SECONDS", 0.5 if "sleep" in code else 30.0)
    assert found(tmp_path, SMALLEST) is says
