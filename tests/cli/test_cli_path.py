"""From the empty template to papers that anybody can verify, and what becomes of them later."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from registry.rules.levels import BY_SYMBOL
from registry.sheets.columns import COLUMNS, HELP_SHEET_NAME, SHEET_NAME

KEYS = [column.key for column in COLUMNS]


def _filled(desk: Any, people: int) -> Path:
    """Fill the template by openpyxl, each value under its header, dates as dates."""
    file = desk.folder / "results.xlsx"
    assert desk("template", "results", "-o", str(file)).status == 0
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == [SHEET_NAME, HELP_SHEET_NAME]
    sheet = book[SHEET_NAME]
    assert [cell.value for cell in sheet[1]] == [column.header for column in COLUMNS]
    places = {str(cell.value): cell.column for cell in sheet[1]}
    for number, row in enumerate(desk.rows(people), 2):
        for column, value in zip(COLUMNS, row, strict=True):
            text = BY_SYMBOL[value].printed if column.key == "level" else value
            sheet.cell(number, places[column.header], text)
    book.save(file)
    return Path(file)


def _step(ran: Any, number: int) -> Any:
    (step,) = [step for step in json.loads(ran.out)["steps"] if step["number"] == number]
    return step


def test_the_whole_path(desk: Any) -> None:
    file = _filled(desk, 10)
    checked = desk.check(file)
    assert (checked.status, checked.facts["people"], checked.facts["findings"]) == (0, 10, [])
    assert desk.certificates() == []
    issued = desk.issue(file)
    assert (issued.status, issued.facts["recognised"]) == (0, False)
    number = issued.facts["numbers"][0].split()[0]
    proof, pdf = desk.folder / "one.tlog-proof", desk.folder / "one.pdf"
    for early in (("prove", number, "-o", str(proof)), ("pdf", number, "-o", str(pdf))):
        assert "certreg anchor" in desk(*early).line
        assert not Path(early[-1]).exists()
    assert "not yet" in desk("show", number, "--json").facts["in the log"]
    anchored = desk("anchor", "--json").facts
    assert anchored["batches closed"] == [issued.facts["batch"]]
    shown = desk("show", number, "--json").facts
    assert shown["in the log"].startswith("leaf ")
    assert shown["batch"] == issued.facts["batch"]

    assert desk("prove", number, "-o", str(proof)).status == 0
    assert desk("pdf", number, "-o", str(pdf)).status == 0
    assert {path.stat().st_mode & 0o777 for path in (proof, pdf)} == {0o600}
    for paper, steps in ((proof, 5), (pdf, 7)):
        ran = desk.verify(paper, "--json")
        found = json.loads(ran.out)
        assert (ran.status, ran.err, found["verdict"]) == (0, "", "valid")
        assert [step["answer"] for step in found["steps"]] == ["valid"] * steps
        assert found["record"]["number"] == number
        assert found["record"]["name"] == shown["name"]
        assert "有效" in desk.verify(paper).out

    for ending in ("xlsx", "csv"):
        out = desk.folder / f"upload.{ending}"
        facts = desk("upload-file", issued.facts["batch"], "-o", str(out), "--json").facts
        assert facts["rows"] == 10
        assert facts["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
        text = _text(out)
        assert number in text
        assert shown["name"] in text
    assert desk("log", "fsck").status == 0


def _text(file: Path) -> str:
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return "\n".join(" ".join(row) for row in csv.reader(stream))
    book = openpyxl.load_workbook(file)
    return "\n".join(
        " ".join(map(str, row)) for sheet in book for row in sheet.iter_rows(values_only=True)
    )


def test_revoked(stock: Any) -> None:
    number = stock.certificates()[0].number
    old, new = stock.folder / "old.pdf", stock.folder / "new.tlog-proof"
    assert stock("pdf", number, "-o", str(old)).status == 0
    ran = stock("revoke", number, "--reason", "fraud", "--json")
    assert (ran.status, ran.facts["reason"]) == (0, "弄虚作假")
    assert "only a valid or suspended one" in stock("revoke", number, "--reason", "fraud").line
    assert "revoked" in stock("pdf", number, "-o", str(stock.folder / "no.pdf")).line
    assert not (stock.folder / "no.pdf").exists()
    # Until the ledger says so, a proof says what the ledger says.
    assert stock("prove", number, "-o", str(new)).status == 0
    assert stock.verify(new).status == 0
    assert stock("anchor").status == 0
    assert stock("prove", number, "-o", str(new)).status == 0
    ran = stock.verify(new, "--json")
    assert (ran.status, json.loads(ran.out)["verdict"]) == (1, "revoked")
    assert _step(ran, 5)["answer"] == "invalid"
    assert "撤销" in stock.verify(new).line
    # A paper of before proves what was: its status grows old, and a month later nobody takes it.
    assert stock.verify(old).status == 0
    ran = stock.verify(old, "--max-age", "0", "--json")
    assert (ran.status, json.loads(ran.out)["verdict"]) == (2, "cannot-say")
    facts = stock(
        "upload-file", stock.certificates()[0].batch_id, "-o", f"{old}.csv", "--json"
    ).facts
    assert (facts["rows"], facts["withdrawals to report by letter"]) == (25, 1)
    assert stock("show", number, "--json").facts["state"].startswith("已撤销")


def test_corrected(stock: Any) -> None:
    certificate = stock.certificates()[1]
    number = certificate.number
    old = stock.folder / "old.tlog-proof"
    assert stock("prove", number, "-o", str(old)).status == 0
    before = json.loads(stock.verify(old, "--json").out)["record"]
    changes = stock.folder / "changes.json"
    changes.write_text('{"name": "阿依古丽・买买提", "direction": " 设备维修 "}', encoding="utf-8")
    words = ("correct", number, "--reason", "data-error", "--changes", str(changes), "--json")
    ran = stock(*words)
    assert (ran.status, ran.facts["edition"]) == (0, 2)
    assert "changes nothing" in stock(*words).line
    assert stock("anchor").status == 0
    pdf = stock.folder / "new.pdf"
    assert stock("pdf", number, "-o", str(pdf)).status == 0
    after = json.loads(stock.verify(pdf, "--json").out)["record"]
    assert (after["edition"], after["name"]) == (2, "阿依古丽·买买提")
    assert after["previous"] != before["previous"] == ""
    shown = stock("show", number, "--json").facts
    assert shown["editions"] == ["1: 已更正 corrected", "2: 有效 valid"]
    text = stock("upload-file", certificate.batch_id, "-o", f"{pdf}.csv", "--json").facts
    assert text["rows"] == 26
    assert stock("log", "fsck").status == 0


def test_the_old_edition_says_that_it_was_corrected(stock: Any) -> None:
    from registry.cli.home import Home
    from registry.cli.services import Services
    from registry.ledger.evidence import collect
    from registry.office.certificates import editions, open_certificate
    from registry.store.base import read_unit
    from signing.bundle import bundle_file, proof_file

    number = stock.certificates()[1].number
    changes = stock.folder / "changes.json"
    changes.write_text('{"direction": "设备维修"}', encoding="utf-8")
    words = ("correct", number, "--reason", "data-error", "--changes", str(changes))
    assert stock(*words).status == 0
    assert stock("anchor").status == 0
    services = Services.open(Home(path=stock.home, environ={}))
    with read_unit(services.engine) as session:
        first = editions(session, number)[0]
        opened = open_certificate(first, services.context)
        evidence = collect(session, services.log, first, opened.envelope, opened.opening)
    services.engine.dispose()
    for name, data in (
        ("old.tlog-proof", proof_file(evidence, with_record=True)),
        ("old.certbundle.json", bundle_file(evidence)),
    ):
        (stock.folder / name).write_bytes(data)
        ran = stock.verify(stock.folder / name, "--json")
        found = json.loads(ran.out)
        assert (ran.status, found["verdict"]) == (1, "corrected")
        assert found["record"]["edition"] == 1
        assert "更正" in stock.verify(stock.folder / name).line


def test_a_correction_to_a_person_who_holds_that_certificate(stock: Any) -> None:
    rows = stock.rows(1)
    (again,) = stock.issued(stock.rows(1, offset=900))
    changes = stock.folder / "changes.json"
    changes.write_text(json.dumps({"id_number": rows[0][KEYS.index("id_number")]}))
    ran = stock("correct", again, "--reason", "data-error", "--changes", str(changes))
    assert ran.status == 1
    assert "already holds" in ran.line
    assert len(stock.certificates()) == 26


FACTS = {
    "show": ("show", "NUMBER"),
    "anchor": ("anchor",),
    "fsck": ("log", "fsck"),
    "upload": ("upload-file", "BATCH", "-o", "OUT.xlsx"),
    "init": ("init",),
    "check": ("check", "LIST", "--issuer", "Y000044999001"),
    "issue": ("issue", "LIST", "--issuer", "Y000044999001", "--approval", "x"),
}


@pytest.mark.parametrize("name", FACTS)
def test_json_is_one_object_with_the_facts_of_the_plain_words(stock: Any, name: str) -> None:
    certificate = stock.certificates()[3]
    places = {
        "NUMBER": certificate.number,
        "BATCH": certificate.batch_id,
        "OUT.xlsx": str(stock.folder / "out.xlsx"),
        "LIST": str(stock.sheet(stock.rows(25))),
    }
    words = [places.get(word, word) for word in FACTS[name]]
    told, plain = stock(*words, "--json"), stock(*words)
    assert (told.status, plain.status, told.err, plain.err) == (0, 0, "", "")
    facts = told.facts
    assert isinstance(facts, dict)
    for fact, value in facts.items():
        if fact in {"findings", "sha256"}:
            continue
        assert any(line.startswith(fact) for line in plain.out.splitlines()), fact
        for item in value if isinstance(value, list) else [value]:
            assert str(item) in plain.out, fact


def test_json_of_what_changes_something(stock: Any) -> None:
    first, second = (certificate.number for certificate in stock.certificates()[:2])
    changes = stock.folder / "changes.json"
    changes.write_text('{"direction": "设备维修"}', encoding="utf-8")
    revoked = stock("revoke", first, "--reason", "holder-request", "--json").facts
    assert set(revoked) == {"number", "edition", "state", "reason", "next"}
    words = ("correct", second, "--reason", "data-error", "--changes", str(changes), "--json")
    assert set(stock(*words).facts) == {"number", "edition", "next"}
    company = ("--name", "甲公司", "--uscc", "91449999MA5DEM003B", "--prefix", "Y000044999003")
    added = stock("issuer", "add", *company, "--levels", "5, 4", "--json").facts
    assert (added["prefix"], added["levels"]) == ("Y000044999003", "5,4")
