"""The whole path on the command line, as a clerk walks it, and what each refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest

from registry.cli.main import certreg
from registry.sheets.columns import COLUMNS, SHEET_NAME
from signing.certverify import main as certverify

PREFIX = "Y000044999001"
FIRST = "Y000044999001261000001"
NAMES = ("init", "issuer", "template", "check", "issue", "anchor", "show", "prove", "pdf")
CHANGES = ("revoke", "suspend", "reinstate", "correct", "reissue")
COMMANDS = (
    *NAMES,
    *CHANGES,
    "import",
    "upload-file",
    "upload",
    "centre",
    "reconcile",
    "log",
    "serve",
    "demo",
    "milestone",
    "monitor",
    "witness",
    "desk",
    "account",
    "draw",
    "copy",
    "layout",
    "timestamps",
    "site",
    "employer",
    "holder",
)


def refused(ran: Any, *words: str) -> None:
    assert ran.status == 1, ran
    assert ran.err.startswith("certreg: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(office: Any, command: str) -> None:
    assert set(certreg.commands) == set(COMMANDS)
    ran = office(command, "--help")
    assert ran.status == 0
    assert "Usage: certreg" in ran.out
    assert len(ran.out) > 150


def test_from_the_template_to_a_verified_certificate(
    office: Any, tmp_path: Path, capsys: Any
) -> None:
    template = tmp_path / "results.xlsx"
    assert office("template", "results", "-o", str(template)).status == 0
    book = openpyxl.load_workbook(template)
    sheet = book[SHEET_NAME]
    headers = [cell.value for cell in sheet[1]]
    for row, person in enumerate(office.people(6), 2):
        filled = {
            "姓名": person.name,
            "证件类型": person.id_type,
            "证件号码": person.id_number,
            "准考证号": person.admission,
            "职业名称": person.occupation,
            "职业编码": person.occupation_code,
            "工种/职业方向": person.direction,
            "职业技能等级": person.level,
            "评定结论": "合格",
            "发证日期": person.issued,
        }
        for column, header in enumerate(headers, 1):
            name = str(header).rstrip("*")
            if name in filled:
                sheet.cell(row, column, filled[name])
    book.save(template)
    checked = office.check(str(template))
    assert checked.status == 0, checked
    assert checked.facts["people"] == 6
    issued = office.issue(str(template))
    assert issued.status == 0, issued
    batch = issued.facts["batch"]
    assert office("prove", FIRST, "-o", str(tmp_path / "early")).status == 1
    anchored = office("anchor", "--json")
    assert anchored.facts["batches closed"] == [batch]
    assert "merkletools" in anchored.facts["batch roots"]
    number = issued.facts["numbers"][0].split(" … ")[0]
    shown = office("show", number, "--json")
    assert shown.facts["state"].startswith("有效")
    assert "*" in shown.facts["ID"]
    proof, pdf = tmp_path / "one.tlog-proof", tmp_path / "one.pdf"
    assert office("prove", number, "-o", str(proof)).status == 0
    assert office("pdf", number, "-o", str(pdf)).status == 0
    for file in (proof, pdf):
        assert file.stat().st_mode & 0o077 == 0
    trust = str(office.home / "public" / "trust")
    assert certverify([str(pdf), "--trust", trust]) == 0
    assert certverify([str(proof), "--trust", trust]) == 0
    picture = tmp_path / "page.png"
    with pypdfium2.PdfDocument(pdf) as document:
        document[0].render(scale=3).to_pil().save(picture)
    # The code alone proves who signed it, not that it was never revoked.
    assert certverify([str(picture), "--trust", trust]) == 2
    capsys.readouterr()
    damaged = bytearray(pdf.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    pdf.write_bytes(damaged)
    assert certverify([str(pdf), "--trust", trust]) != 0
    for ending in ("xlsx", "csv"):
        upload = office("upload-file", batch, "-o", str(tmp_path / f"up.{ending}"), "--json")
        assert upload.facts["rows"] == 6
    assert office("log", "fsck").status == 0


def test_revoked_and_corrected_papers_say_so(office: Any, tmp_path: Path) -> None:
    issued = office.issue(office.sheet(office.people(5)))
    office("anchor")
    first = issued.facts["numbers"][0].split(" … ")[0]
    second = f"{first[:-1]}2"
    old = tmp_path / "old.pdf"
    assert office("pdf", second, "-o", str(old)).status == 0
    assert office("revoke", first, "--reason", "fraud").status == 0
    changes = tmp_path / "changes.json"
    changes.write_text('{"direction": "设备维修"}', encoding="utf-8")
    done = office("correct", second, "--reason", "data-error", "--changes", str(changes), "--json")
    assert (done.status, done.facts["edition"]) == (0, 2)
    office("anchor")
    proof = tmp_path / "revoked.tlog-proof"
    office("prove", first, "-o", str(proof))
    trust = str(office.home / "public" / "trust")
    assert certverify([str(proof), "--trust", trust]) == 1
    fresh = tmp_path / "fresh.pdf"
    assert office("pdf", second, "-o", str(fresh)).status == 0
    assert certverify([str(fresh), "--trust", trust]) == 0
    refused(office("pdf", first, "-o", str(fresh)), "revoked")
    refused(office("revoke", first, "--reason", "fraud"), "only a valid or suspended one")
    changes.write_text('{"name": "王\ue863"}', encoding="utf-8")
    wrong = office("correct", second, "--reason", "data-error", "--changes", str(changes))
    refused(wrong, "自造字")
    changes.write_text("no json", encoding="utf-8")
    refused(office("correct", second, "--reason", "data-error", "--changes", str(changes)), "JSON")
    assert office("log", "fsck").status == 0


def test_a_list_sent_again_is_recognised(office: Any) -> None:
    file = office.sheet(office.people(4))
    first = office.issue(file)
    book = openpyxl.load_workbook(file)
    book[SHEET_NAME].column_dimensions["A"].width = 40
    book.save(file)
    again = office.issue(file)
    assert (again.status, again.facts["recognised"]) == (0, True)
    assert again.facts["batch"] == first.facts["batch"]
    assert again.facts["numbers"] == first.facts["numbers"]
    assert office.check(file).facts["issued before"] is True


def test_who_holds_it_already_and_who_has_another_name(office: Any) -> None:
    people = office.people(3)
    office.issue(office.sheet(people))
    more = [*people[:1], *office.people(1, offset=500), *office.people(3)[1:2]]
    other = {**_fields(more[2]), "name": "另一人", "level": "4"}
    named = [more[0], more[1], type(more[2])(**other)]
    ran = office.check(office.sheet(named))
    assert ran.status == 1
    found = {(item["code"], item["row"]) for item in ran.facts["findings"]}
    assert found == {("already-held", 2), ("person-on-file-other-name", 4)}
    assert people[0].id_number not in ran.out + ran.err
    assert office.issue(office.sheet(named)).status == 1
    assert office("show", "Y000044999001264000001").status == 1


def _fields(person: Any) -> dict[str, Any]:
    return {name: getattr(person, name) for name in type(person).__slots__}


def test_all_faults_of_a_file_are_named_at_once(office: Any, tmp_path: Path) -> None:
    people = office.people(5)
    broken = [
        {**_fields(people[0]), "id_number": people[0].id_number[:-1] + "Z"},
        {**_fields(people[1]), "level": "九级"},
        {**_fields(people[2]), "occupation_code": "1-01-01-01"},
        {**_fields(people[3]), "name": "王3"},
        {**_fields(people[4]), "name": ""},
    ]
    file = office.sheet([type(people[0])(**fields) for fields in broken])
    ran = office.check(file)
    assert ran.status == 1
    assert {item["row"] for item in ran.facts["findings"]} == {2, 3, 4, 5, 6}
    report = tmp_path / "report.xlsx"
    office("check", file, "--issuer", PREFIX, "--report", str(report))
    sheet = openpyxl.load_workbook(report).worksheets[0]
    cells = [str(cell.value) for row in sheet for cell in row]
    told = [item["message"].split("：", 1)[1] for item in ran.facts["findings"]]
    for message in told:
        assert sum(message in cell for cell in cells) == 1, message
    before = office("show", FIRST).status
    assert (office.issue(file).status, before) == (1, 1)
    assert ran.facts["errors"] >= 5


def test_levels_outside_the_filing_are_refused(office: Any) -> None:
    people = [person for person in office.people(25) if person.level in "31"]
    ran = office.check(office.sheet(people), "Y000044999002")
    assert {item["code"] for item in ran.facts["findings"]} == {"level-out-of-scope"}


def test_the_last_serial(office: Any) -> None:
    from registry.cli.home import Home
    from registry.store.base import write_unit
    from registry.store.counters import take_range

    people = [person for person in office.people(60) if person.level == "5"][:3]
    year = people[0].issued.year
    with write_unit(Home(path=office.home, environ={}).engine()) as session:
        take_range(session, f"number:{PREFIX}:{year}:5", 999_997, start=1)
    ran = office.check(office.sheet(people))
    assert [item["code"] for item in ran.facts["findings"]] == ["serials-short"]
    assert office.issue(office.sheet(people)).status == 1
    assert office.issue(office.sheet(people[:2])).facts["numbers"] == [
        f"{PREFIX}265999998 … {PREFIX}265999999"
    ]


def test_every_column_of_the_template_is_written_by_the_demo(office: Any) -> None:
    file = office.sheet(office.people(1))
    headers = [cell.value for cell in openpyxl.load_workbook(file)[SHEET_NAME][1]]
    assert headers == [column.header for column in COLUMNS]


def test_what_the_operator_is_told(office: Any, tmp_path: Path, monkeypatch: Any) -> None:
    refused(office("show", "Y000044999001261999999"), "no certificate")
    refused(office("show", "12"), "22 位")
    refused(office("upload-file", "nothing", "-o", str(tmp_path / "x.xlsx")), "no batch")
    refused(office("issue", "nowhere.xlsx", "--issuer", PREFIX, "--approval", "x"), "--help")
    refused(office("nonsense"), "nonsense")
    refused(office("anchor", "--home", str(tmp_path / "empty")), "certreg init")
    refused(
        office(
            "issuer",
            "add",
            "--name",
            "甲",
            "--uscc",
            "91449999MA5DEM0016",
            "--prefix",
            "Y000044999003",
        ),
        "social credit code",
    )
    refused(
        office("issuer", "add", "--name", "甲", "--uscc", "91449999MA5DEM0015", "--prefix", PREFIX),
        "recorded already",
    )
    monkeypatch.setenv("CERTREG_PASSPHRASE", "wrong")
    refused(office("anchor"), "passphrase")
    monkeypatch.delenv("CERTREG_PASSPHRASE")
    secret = office.home / "secrets" / "passphrase"
    secret.chmod(0o644)
    refused(office("anchor"), "chmod 600")
    secret.rename(tmp_path / "lost")
    refused(office("anchor"), "passphrase")
    (tmp_path / "lost").rename(secret)
    secret.chmod(0o600)
    key = next((office.home / "keys").glob("*.key.json"))
    key.chmod(0o644)
    refused(office("anchor"), "chmod 600")


def test_init_again_changes_nothing(office: Any) -> None:
    before = {file: file.read_bytes() for file in sorted((office.home / "keys").iterdir())}
    ran = office("init", "--base-url", "http://elsewhere.example", "--json")
    assert ran.facts["public site"] == "http://127.0.0.1:8000"
    assert {file: file.read_bytes() for file in sorted((office.home / "keys").iterdir())} == before
