"""What carries persons out of the office leaves a line: who, which paper, which case; no name."""

from __future__ import annotations

from typing import Any

import pytest

from registry.office.disclosures import Disclosed
from registry.office.fault_reports import keep_report
from registry.store.audit import AuditLine
from registry.store.procedure import Case
from registry.store.registers import Expert

WORDS = frozenset(Disclosed)


def lines_of(small: Any) -> list[tuple[str, str, str, str]]:
    with small.read() as session:
        lines = session.query(AuditLine).order_by(AuditLine.line_id)
        return [
            (line.actor, line.action, line.subject, line.detail)
            for line in lines
            if line.action in WORDS
        ]


def asked(desks: Any, login: str, path: str) -> int:
    client = desks.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {login}"}
    return int(client.get(f"/api/v1{path}", headers=headers).status_code)


def test_a_case_document_leaves_a_line_by_page_and_by_machine(
    small: Any, filing_office: Any, browse: Any, desks: Any
) -> None:
    case = int(browse("editor1").post("/filings/new").location.split("/")[-2])
    filing_office.fill_filing(case)
    with small.read() as session:
        reference = session.get_one(Case, case).reference
    clerk = browse("clerk")
    assert lines_of(small) == []
    clerk.get(f"/cases/{case}/documents")
    clerk.get(f"/cases/{case}/documents/99", 404)
    browse("editor2").get(f"/cases/{case}/documents/1", 404)
    assert lines_of(small) == []
    assert clerk._client.get(f"/cases/{case}/documents/1").status_code == 200
    assert asked(desks, "approver", f"/cases/{case}/documents/2") == 200
    assert clerk._client.get(f"/filings/{case}/application.pdf").status_code == 200
    assert lines_of(small) == [
        ("account:clerk", "document-download", reference, "number 1"),
        ("account:approver", "document-download", reference, "number 2"),
        ("account:clerk", "application-print", reference, ""),
    ]
    for file in small.desk.documents.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-1])
    clerk.get(f"/cases/{case}/documents/1", 503)
    assert asked(desks, "approver", f"/cases/{case}/documents/2") == 503
    assert len(lines_of(small)) == 3


def test_rosters_scores_and_the_printed_list_leave_lines(
    small: Any, assessing: Any, browse: Any
) -> None:
    case = assessing.filled()
    with small.read() as session:
        row = session.get_one(Case, case)
        batch, plan = row.reference, row.parent_id
        planned = session.get_one(Case, plan).reference
    editor, here = browse("editor1"), f"/batches/{case}"
    editor.get(f"{here}/scores/report", 404)
    editor.get(f"/plans/{plan}/roster/report", 404)
    editor.get(f"{here}/results")
    assert lines_of(small) == []
    for number in (case, plan):
        keep_report(small.desk.documents, number, b"rows", small.context("editor1"))
    for path in (f"{here}/scores/template", f"{here}/scores/report"):
        assert editor._client.get(path).status_code == 200
    assert editor._client.get(f"/plans/{plan}/roster/report").status_code == 200
    assessing.publish(case)
    editor.get(f"{here}/publicity/list")
    browse("clerk").get(f"{here}/publicity/list?whole=yes")
    assert lines_of(small) == [
        ("account:editor1", "scores-template-download", batch, ""),
        ("account:editor1", "scores-report-download", batch, ""),
        ("account:editor1", "roster-report-download", planned, ""),
        ("account:clerk", "publicity-list-print", batch, ""),
    ]


def test_the_pool_in_clear_leaves_a_line_and_masked_none(
    small: Any, filing_office: Any, browse: Any, desks: Any
) -> None:
    with small.write() as session:
        session.query(Expert).delete()
    browse("auditor").get("/experts")
    assert asked(desks, "supervisor", "/experts") == 200
    assert lines_of(small) == []
    browse("clerk").get("/experts?page=1")
    assert asked(desks, "approver", "/experts") == 200
    assert lines_of(small) == [
        ("account:clerk", "pool-list", "pool", "number 1"),
        ("account:approver", "pool-list", "pool", ""),
    ]


def test_what_cannot_be_noted_is_not_given(
    small: Any, filing_office: Any, browse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = int(browse("editor1").post("/filings/new").location.split("/")[-2])
    filing_office.fill_filing(case)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("registry.web.documents.note_disclosure", broken)
    browse("clerk").get(f"/cases/{case}/documents/1", 500)
