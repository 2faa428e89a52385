"""Uploaded files: taken in by what they are, kept durably, given out only whole and to tenants."""

from __future__ import annotations

import os
import secrets
import stat
import sys
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import NotFound, Refused
from registry.office import document_files as files
from registry.office import document_types as types
from registry.office import documents
from registry.office.document_vault import DocumentDamaged, Paper, Vault, vault_of
from registry.office.identity import NotAllowed
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CaseDocument

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 40 + b"\xff\xd9"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def workbook(*more: str, main: str = SHEET, bulk: int = 0) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Override ContentType="{main}"/>')
        archive.writestr("xl/workbook.xml", "<workbook/>" + " " * bulk)
        for name in more:
            archive.writestr(name, "x")
    return held.getvalue()


AT = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


def vault(folder: Path) -> Vault:
    return Vault(
        folder=folder, field_key=b"f" * 32, index_key=b"i" * 32, random=secrets.token_bytes
    )


def receive(folder: Path, stream: Any, name: str = "a.pdf", **more: Any) -> files.Received:
    examiner = files.Examiner(look=more.get("look", lambda _: ""), scanner=more.get("scanner"))
    where = vault(folder)
    return files.receive(where, 7, name, stream, examiner=examiner, now=more.get("now", AT))


def take_in(folder: Path, data: bytes, name: str = "a.pdf", **more: Any) -> files.Received:
    return receive(folder, BytesIO(data), name, **more)


def paper(received: files.Received) -> Paper:
    return Paper(case_id=received.case_id, sha256=received.sha256)


def read(folder: Path, received: files.Received) -> bytes:
    return b"".join(vault(folder).open(paper(received)))


def kept(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (PDF, types.Media.PDF),
        (PNG, types.Media.PNG),
        (JPEG, types.Media.JPEG),
        (JPEG + b"\0" * 9, types.Media.JPEG),
        (workbook(), types.Media.XLSX),
    ],
)
def test_a_file_is_what_its_bytes_are(tmp_path: Path, data: bytes, media: types.Media) -> None:
    received = take_in(tmp_path / "docs", data, "任意.exe")
    assert (received.media, received.size, received.scan) == (media, len(data), "not-scanned")
    assert received.name == "任意" + types.SUFFIX[media]
    assert read(tmp_path / "docs", received) == data
    place = vault(tmp_path / "docs").place(paper(received))
    assert kept(tmp_path / "docs") == [place]
    assert data not in place.read_bytes()
    assert received.sha256 not in str(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "空的"),
        (SVG, "SVG"),
        (b"\xef\xbb\xbf\n" + SVG, "SVG"),
        (b"<!doctype html><script>", "脚本"),
        (b"#!/bin/sh\nrm -rf /", "不能识别"),
        (b"MZ\x90\0", "不能识别"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "旧版 Office"),
        (PDF[:-6], "不完整"),
        (PNG[:-1], "不完整"),
        (PNG + SVG, "不完整"),
        (JPEG[:-2], "不完整"),
        (workbook()[:-30], "不完整"),
        (b"%PDF-1.7 /OpenAction << /S /JavaScript /JS (x) >> %%EOF", "脚本或者启动命令"),
        (workbook("xl/vbaProject.bin"), "宏"),
        (workbook("xl/macrosheets/sheet1.xml"), "宏"),
        (workbook(main="application/vnd.ms-excel.sheet.macroEnabled.main+xml"), "不含宏"),
        (workbook(bulk=201 * 1024 * 1024), "展开后过大"),
        (workbook(*(f"xl/{n}" for n in range(5001))), "展开后过大"),
    ],
)
def test_what_is_wrong_or_could_run_is_refused_and_leaves_nothing(
    tmp_path: Path, data: bytes, said: str
) -> None:
    with pytest.raises(types.DocumentRefused, match=said):
        take_in(tmp_path / "docs", data)
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []


def test_a_plain_archive_is_refused(tmp_path: Path) -> None:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("../../etc/passwd", "x")
    with pytest.raises(types.DocumentRefused, match="压缩包不予接收"):
        take_in(tmp_path, held.getvalue())


def test_200_megabytes_are_refused_without_being_read(tmp_path: Path) -> None:
    class Endless(BytesIO):
        given = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 < size <= 64 * 1024
            self.given += size
            return b"%PDF-1.7" + b"\0" * (size - 8)

    stream = Endless()
    with pytest.raises(types.DocumentRefused, match="20 MB"):
        receive(tmp_path, stream)
    assert stream.given == files.LARGEST + 1
    assert list(tmp_path.iterdir()) == []


def test_just_twenty_mebibytes_are_taken(tmp_path: Path) -> None:
    filler = files.LARGEST - len(PDF)
    data = PDF[:9] + b"%" * filler + PDF[9:]
    tracemalloc.start()
    try:
        received = take_in(tmp_path, data)
        for block in vault(tmp_path).open(paper(received)):
            assert len(block) <= 64 * 1024
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received.size == files.LARGEST
    # A file passes through memory in pieces, on its way in and on its way out.
    assert peak < 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\x\\证明.pdf", "证明.pdf"),
        ("..", "文件.pdf"),
        ("/", "文件.pdf"),
        ("", "文件.pdf"),
        (".htaccess", "文件.pdf"),
        ("CON.pdf", "文件.pdf"),
        ("a\x00b\r\nContent-Type: x.pdf", "ab Content-Type x.pdf"),
        ("证明\u202efdp.exe", "证明fdp.pdf"),
        ('<img src=x onerror="a">.png', "img src=x onerror=a.pdf"),
        ("长" * 500 + ".pdf", "长" * 75 + ".pdf"),
        ("a.tar.gz", "a.tar.pdf"),
    ],
)
def test_names_are_cleaned(name: str, clean: str) -> None:
    assert types.clean_name(name, types.Media.PDF) == clean


@given(st.text(max_size=300))
def test_no_name_leads_out_of_a_folder(name: str) -> None:
    clean = types.clean_name(name, types.Media.XLSX)
    assert 5 < len(clean) <= types.LONGEST_NAME
    assert Path(clean).name == clean
    assert not clean.startswith(".")
    assert clean.isprintable()
    assert not set(clean) & set('<>:"|?*\\/')


def script(tmp_path: Path, code: str) -> tuple[str, ...]:
    file = tmp_path / "scan.py"
    file.write_text(code)
    return (sys.executable, str(file))


def test_the_configured_scan_decides(tmp_path: Path) -> None:
    code = "import sys; sys.exit(b'EICAR' in open(sys.argv[-1], 'rb').read())"
    scanner = files.Scanner(command=script(tmp_path, code))
    folder = tmp_path / "docs"
    assert take_in(folder, PDF, scanner=scanner).scan == "clean"
    bad = PDF[:9] + b"EICAR" + PDF[9:]
    with pytest.raises(types.DocumentRefused, match="恶意代码"):
        take_in(folder, bad, scanner=scanner)
    assert len([f for f in folder.rglob("*") if f.is_file()]) == 1


@pytest.mark.parametrize("code", ["import time; time.sleep(60)", "import sys; sys.exit(2)"])
def test_a_scan_without_an_answer_takes_nothing_in(tmp_path: Path, code: str) -> None:
    scanner = files.Scanner(command=script(tmp_path, code), seconds=0.2 if "sleep" in code else 60)
    with pytest.raises(files.ScanFailed, match="暂时无法查毒"):
        take_in(tmp_path / "docs", PDF, scanner=scanner)
    assert [f for f in (tmp_path / "docs").rglob("*") if f.is_file()] == []
    with pytest.raises(files.ScanFailed):
        take_in(tmp_path / "docs", PDF, scanner=files.Scanner(command=("/no/such/scanner",)))


def test_what_is_found_inside_a_pdf_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    looked: list[bytes] = []

    def look(path: Path) -> str:
        looked.append(path.read_bytes())
        return "含有脚本"

    with pytest.raises(types.DocumentRefused, match="含有脚本"):
        take_in(tmp_path, PDF, look=look)
    assert (looked, kept(tmp_path)) == ([PDF], [])
    # It is asked about PDFs alone.
    take_in(tmp_path, PNG, look=look)
    assert len(looked) == 1


def test_what_a_crash_left_unexamined_is_cleared_away(tmp_path: Path) -> None:
    left, fresh = tmp_path / "incoming-old", tmp_path / "incoming-new"
    for file, hours in ((left, 2), (fresh, 0)):
        file.write_bytes(PDF)
        moment = (AT - timedelta(hours=hours)).timestamp()
        os.utime(file, (moment, moment))
    take_in(tmp_path, PDF)
    assert (left.exists(), fresh.exists()) == (False, True)


def test_bytes_are_on_the_disk_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda _fd: steps.append("sync"))
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        steps.append("name")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    take_in(tmp_path, PDF)
    assert steps == ["sync", "name", "sync", "sync"]
    assert len(kept(tmp_path)) == 1


def test_damage_is_seen_on_reading_and_mended_by_the_same_bytes(tmp_path: Path) -> None:
    received = take_in(tmp_path, PDF)
    place = vault(tmp_path).place(paper(received))
    place.write_bytes(PDF[:-1])
    with pytest.raises(DocumentDamaged):
        read(tmp_path, received)
    take_in(tmp_path, PDF)
    assert read(tmp_path, received) == PDF
    place.unlink()
    with pytest.raises(DocumentDamaged):
        read(tmp_path, received)


def add(small: Any, case_id: int, kind: str = "other", login: str = "editor1", n: int = 0) -> int:
    received = files.receive(
        vault_of(small.desk),
        case_id,
        "证明 张示例.pdf",
        BytesIO(PDF + b"%" * n),
        examiner=files.Examiner(look=lambda _: ""),
        now=small.clock.now(),
    )
    with small.write() as session:
        row = documents.add_document(
            session,
            session.get_one(Case, case_id),
            kind,
            received,
            by=small.who(login),
            context=small.context(login),
        )
        return int(row.document_id)


def test_a_document_is_a_row_with_its_digest(small: Any, new_case: Any) -> None:
    case_id = new_case()
    document_id = add(small, case_id)
    with small.read() as session:
        row = session.get_one(CaseDocument, document_id)
        assert (row.kind, row.media_type, row.scan) == ("other", "application/pdf", "not-scanned")
        assert b"".join(vault_of(small.desk).open(documents.paper_of(row))) == PDF
        line = session.query(AuditLine).all()[-1]
        assert line.action == "filing-document-add"
        assert row.sha256 in line.detail
        assert "张示例" not in line.detail


def test_documents_come_and_go_only_while_the_company_has_the_case(
    small: Any, new_case: Any
) -> None:
    case_id = new_case()
    document_id = add(small, case_id)
    with pytest.raises(types.DocumentRefused, match="已经上传过"):
        add(small, case_id)
    with pytest.raises(types.DocumentRefused, match="材料种类"):
        add(small, case_id, "passwords", n=1)
    with pytest.raises(NotAllowed):
        add(small, case_id, login="clerk", n=1)

    def remove(login: str = "editor1") -> None:
        with small.write() as session:
            case = session.get_one(Case, case_id)
            by, context = small.who(login), small.context(login)
            documents.remove_document(session, case, document_id, by=by, context=context)

    with pytest.raises(NotAllowed):
        remove("clerk")
    with small.write() as session:
        session.get_one(Case, case_id).state = "submitted"
    with pytest.raises(Refused, match="不能再增减"):
        remove()
    with pytest.raises(Refused, match="不能再增减"):
        add(small, case_id, n=1)
    with small.write() as session:
        session.get_one(Case, case_id).state = "returned"
    remove()
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert documents.documents_of(session, case) == ()
        with pytest.raises(NotFound):
            documents.get_document(session, case, document_id)


def test_a_document_is_found_only_in_its_own_case(small: Any, new_case: Any) -> None:
    mine, other = new_case(), new_case(login="editor2")
    document_id = add(small, mine)
    with small.read() as session, pytest.raises(NotFound):
        documents.get_document(session, session.get_one(Case, other), document_id)


def test_one_case_cannot_fill_the_disk(
    small: Any, new_case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_DOCUMENTS", 2)
    case_id = new_case()
    add(small, case_id, n=1)
    add(small, case_id, n=2)
    with pytest.raises(types.DocumentRefused, match="最多 2 个文件"):
        add(small, case_id, n=3)
