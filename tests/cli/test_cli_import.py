"""`certreg import`: from a spreadsheet of old certificates to what a stranger verifies."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from registry.cli.base import CLOCK
from registry.cli.demo_people import demo_people
from registry.cli.home import Home
from registry.cli.importing import _tools
from registry.cli.services import Services
from registry.office import importing as use
from registry.office.cases import Doing
from registry.office.due import china_day
from registry.office.identity import AccountId, Identity, Role
from registry.office.importing_checks import check_table
from registry.rules.findings import Findings
from registry.sheets.layout_import import IMPORT
from registry.sheets.reader import open_table
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.procedure import Case, Company
from verify_web.app import create_app
from verify_web.config import SiteConfig

PREFIX = "Y000044999001"
HEAD = f"{PREFIX}213"
HEADERS = [column.header for column in IMPORT.columns]
KEYS = [column.key for column in IMPORT.columns]


def rows_of(serials: Sequence[int], offset: int = 200, **values: str) -> list[list[str]]:
    people = demo_people(len(serials), offset=offset, issued=date(2021, 6, 30))
    rows = []
    for place, (person, serial) in enumerate(zip(people, serials, strict=True), 1):
        cells = {
            "sequence": str(place),
            "name": person.name,
            "id_type": "居民身份证",
            "id_number": person.id_number,
            "number": f"{HEAD}{serial:06}",
            "occupation": person.occupation,
            "occupation_code": person.occupation_code,
            "direction": person.direction,
            "level": "三级/高级工",
            "issued": "2021-06-30",
            "admission": "",
            "assessor": "",
        } | values
        rows.append([cells[key] for key in KEYS])
    return rows


def table(desk: Any, rows: Sequence[Sequence[str]], headers: Sequence[str] = HEADERS) -> Path:
    book = openpyxl.Workbook()
    for row in (headers, *rows):
        book.worksheets[0].append(list(row))
    file: Path = desk.file()
    book.save(file)
    return file


def imported(desk: Any, rows: Sequence[Sequence[str]], *options: str) -> Any:
    return desk("import", str(table(desk, rows)), "--prefix", PREFIX, "--json", *options)


def test_from_the_table_to_what_a_stranger_verifies(desk: Any) -> None:
    ran = imported(desk, rows_of([7, 120]))
    assert ran.status == 0
    assert ran.facts["import"].startswith("I-")
    assert ran.facts["numbers"] == [f"{HEAD}000007 … {HEAD}000120"]
    assert desk("anchor").status == 0
    pdf, proof = desk.folder / "one.pdf", desk.folder / "one.tlog-proof"
    assert desk("pdf", f"{HEAD}000007", "-o", str(pdf)).status == 0
    assert desk("prove", f"{HEAD}000007", "-o", str(proof)).status == 0
    verified = desk.verify(pdf)
    assert verified.status == 0
    assert "补录：本证书由评价机构此前颁发" in verified.out
    assert "补录日期" in verified.out
    assert "补录" in desk.verify(proof).out
    assert desk("log", "fsck").status == 0
    assert desk("revoke", f"{HEAD}000007", "--reason", "issued-in-error").status == 0
    assert desk("anchor").status == 0
    assert desk("pdf", f"{HEAD}000120", "-o", str(desk.folder / "two.pdf")).status == 0
    monitor = ("monitor", str(desk.home / "public" / "log"), "--policy")
    policy, state = desk.trust / "log.policy", desk.folder / "monitor"
    assert desk(*monitor, str(policy), "--state", str(state)).status == 0


def test_what_was_found_is_told_as_json_too(desk: Any) -> None:
    ran = imported(desk, rows_of([7]))
    told = {("catalogue-absent", None, None), ("issuer-unlisted", None, None)}
    assert (ran.status, ran.found()) == (0, told)
    assert {one["severity"] for one in ran.facts["findings"]} == {"warning"}


def test_the_page_of_each_says_valid_and_where_it_came_from(desk: Any) -> None:
    rows = rows_of([7, 120])
    assert imported(desk, rows).status == 0
    assert desk("anchor").status == 0
    public, pepper = desk.home / "public", (desk.home / "site" / "pepper").read_bytes()
    config = SiteConfig(public_dir=public, pepper=pepper, base_url="http://127.0.0.1:8000")
    client = create_app(config).test_client()
    tokens = [each.token for each in desk.certificates()]
    names = [row[KEYS.index("name")] for row in rows]
    # The first page is rendered whole, the others are filled into its frame.
    for token, name, other in (*zip(tokens, names, names[::-1], strict=True),) * 2:
        page = client.get(f"/v/{token}")
        text = page.get_data(as_text=True)
        assert (page.status_code, name in text, other in text) == (200, True, False)
        assert "补录：本证书由评价机构此前颁发" in text
        assert "补录之前是否补发或者更正过，本系统没有记载" in text
        assert "首次颁发" not in text
        assert "有效" in text.partition("</h1>")[0].rpartition("<h1")[2]


def test_the_same_table_twice_is_recognised(desk: Any) -> None:
    file = table(desk, rows_of([1, 2]))
    words = ("import", str(file), "--prefix", PREFIX, "--json")
    first, again = desk(*words), desk(*words)
    assert (first.status, again.status) == (0, 0)
    assert again.facts["recognised"] is True
    same = ("import", "batch", "certificates", "numbers")
    assert [first.facts[key] for key in same] == [again.facts[key] for key in same]
    looked = desk(*words, "--preview")
    assert looked.facts["imported before as"] == first.facts["import"]
    assert len(desk.certificates()) == 2


def test_a_preview_writes_nothing(desk: Any) -> None:
    ran = imported(desk, rows_of([1, 2]), "--preview")
    assert (ran.status, ran.facts["certificates"], ran.facts["errors"]) == (0, 2, 0)
    # Neither catalogue nor list is kept here: nothing was compared with them, and it is said.
    assert ran.found() == {("catalogue-absent", None, None), ("issuer-unlisted", None, None)}
    assert desk.certificates() == []


def test_every_fault_is_named_by_row_and_column(desk: Any) -> None:
    assert imported(desk, rows_of([9], offset=300)).status == 0
    rows = [
        *rows_of([1]),
        *rows_of([1], offset=201),
        *rows_of([2], offset=202, number="2144030001300001"),
        *rows_of([3], offset=203, number=f"{PREFIX}203000003"),
        *rows_of([4], offset=204, issued="2099-01-01"),
        *rows_of([9], offset=205),
        *rows_of([10], offset=300),
    ]
    report = desk.folder / "report.xlsx"
    ran = imported(desk, rows, "--report", str(report))
    assert ran.status == 1
    assert "nothing was imported" in ran.line
    assert {
        ("number-repeated", 3, "number"),
        ("number-old-form", 4, "number"),
        ("number-year", 5, "number"),
        ("date-in-future", 6, "issued"),
        ("number-held", 7, "number"),
        ("already-held", 8, "id_number"),
    } <= ran.found()
    assert "16 位" in ran.message("number-old-form")
    assert len(desk.certificates()) == 1
    sheet = openpyxl.load_workbook(report).worksheets[0]
    said = {str(row[0]): str(row[-1]) for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert "与第 2 行相同" in said["3"]
    assert "已在本系统登记" in said["7"]


def test_the_empty_table_is_filled_in_and_taken(desk: Any) -> None:
    form = desk.folder / "form.xlsx"
    assert desk("import", "--form", str(form)).status == 0
    book = openpyxl.load_workbook(form)
    assert [str(cell.value) for cell in book.worksheets[0][1]] == HEADERS
    assert "补录" in book.worksheets[0].title
    for row in rows_of([5]):
        book.worksheets[0].append(row)
    book.save(form)
    assert desk("import", str(form), "--prefix", PREFIX).status == 0
    assert [row.number for row in desk.certificates()] == [f"{HEAD}000005"]


def test_other_headers_and_csv_are_understood(desk: Any) -> None:
    names = {"证书编号": "证书号码", "职业技能等级": "技能等级", "评价机构": "发证机构"}
    headers = [names.get(header, header) for header in HEADERS]
    file = desk.file("csv")
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([headers, *rows_of([5], assessor="深圳市示例旧名有限公司")])
    assert desk("import", str(file), "--prefix", PREFIX).status == 0
    assert [row.number for row in desk.certificates()] == [f"{HEAD}000005"]


def test_what_is_no_table_is_refused(desk: Any) -> None:
    file = desk.file()
    file.write_bytes(b"no table")
    ran = desk("import", str(file), "--prefix", PREFIX, "--json")
    assert (ran.status, ran.facts["certificates"]) == (1, 0)
    assert desk("import", str(file), "--prefix", "Y000044999009").status == 1


def test_what_does_not_belong_together_is_refused(desk: Any) -> None:
    file, out = str(table(desk, rows_of([1]))), desk.folder / "out.xlsx"
    for words in (
        (),
        (file,),
        ("--prefix", PREFIX),
        (file, "--approved", "I-2026-0001"),
        ("--approved", "I-2026-0001", "--preview"),
        ("--form", str(out), "--prefix", PREFIX),
        ("--form", str(out), "--approved", "I-2026-0001"),
    ):
        assert desk("import", *words).status == 1, words
    assert desk.certificates() == []
    assert not out.exists()


def test_issue_goes_on_above_an_imported_number(desk: Any, issued_on: date) -> None:
    number = f"{PREFIX}{issued_on.year % 100}3000041"
    rows = rows_of([1], number=number, issued=issued_on.isoformat())
    assert imported(desk, rows).status == 0
    assert desk.issued(desk.rows(2, level="三级/高级工")) == [f"{number[:16]}000042"]


class Procedure:
    """A home in which companies' cases are handled, and its two people."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.services = Services.open(Home(path=desk.home, environ=os.environ))
        self.people: dict[str, Identity] = {}
        now = self.services.context.clock.now()
        with write_unit(self.services.engine) as session:
            company = Company(
                uscc="91449999MA5DEM0028", name="深圳市示例电力设备有限公司", state="unlisted",
                created_at=now,
            )  # fmt: skip
            session.add(company)
            session.flush()
            session.add(
                Case(
                    kind="filing", reference="BA-2026-0001", company_id=company.company_id,
                    title="示例", state="draft", form=b"", opened_at=now, changed_at=now,
                )
            )  # fmt: skip
            for login, role in (("clerk", Role.CLERK), ("approver", Role.APPROVER)):
                row = Account(
                    login=login, display=b"", role=role.value, district="",
                    staff_number=login.upper(), company_id=None, password="!", password_at=now,
                    created_at=now,
                )  # fmt: skip
                session.add(row)
                session.flush()
                self.people[login] = Identity(
                    account_id=AccountId(row.account_id), login=login, role=role
                )

    def prepared(self, file: Path) -> use.PreparedImport:
        """Hand a table in, as the desk does."""
        tools, read = _tools(self.services), open_table(file, layout=IMPORT)
        checked = check_table(
            read, PREFIX, today=tools.today, drawable=tools.drawable, form=Findings()
        )
        with write_unit(self.services.engine) as session:
            return use.prepare(
                session, checked, by=self.people["clerk"], today=tools.today, context=tools.context
            )

    def approve(self, done: use.PreparedImport) -> None:
        """Approve for later."""
        assert done.import_id is not None
        doing = Doing(by=self.people["approver"], version=1, note="同意")
        with write_unit(self.services.engine) as session:
            use.approve(session, done.import_id, doing, _tools(self.services), now=False)


@pytest.fixture
def procedure(desk: Any) -> Iterator[Procedure]:
    made = Procedure(desk)
    yield made
    made.services.engine.dispose()


def test_one_person_at_the_machine_imports_nothing(procedure: Procedure) -> None:
    desk = procedure.desk
    file = table(desk, rows_of([1]))
    ran = desk("import", str(file), "--prefix", PREFIX)
    assert ran.status == 1
    assert "[direct-filing-shut]" in ran.line
    assert "--approved" in ran.line
    assert desk("import", str(file), "--prefix", PREFIX, "--preview").status == 0
    assert desk.certificates() == []


def test_an_approved_import_is_carried_out_once(procedure: Procedure) -> None:
    desk = procedure.desk
    done = procedure.prepared(table(desk, rows_of([1, 2])))
    assert desk("import", "--approved", done.reference).status == 1
    procedure.approve(done)
    assert desk("import", "--approved", "I-2020-0001").status == 1
    assert desk.certificates() == []
    ran = desk("import", "--approved", done.reference.lower(), "--json")
    assert (ran.status, ran.facts["import"]) == (0, done.reference)
    assert [row.number for row in desk.certificates()] == [f"{HEAD}000001", f"{HEAD}000002"]
    assert desk("import", "--approved", done.reference).status == 1
    assert len(desk.certificates()) == 2
    # One line, which says what was written.
    with read_unit(procedure.services.engine) as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.subject == done.reference)).all()
    said = [(line.action, line.detail) for line in lines]
    assert said[-1] == ("import-carry-out", f"2 certificates; batch {ran.facts['batch']}")
    assert len(said) == 3


def test_show_says_since_when_a_certificate_is_registered(desk: Any) -> None:
    assert imported(desk, rows_of([7])).status == 0
    number, today = f"{HEAD}000007", china_day(CLOCK.now()).isoformat()
    (line,) = [line for line in desk("show", number).out.splitlines() if "补录" in line]
    assert line.split() == ["registered", today, "补录"]
    changes = desk.folder / "changes.json"
    changes.write_text('{"direction": "设备维修"}', encoding="utf-8")
    words = ("correct", number, "--reason", "data-error", "--changes", str(changes))
    assert desk(*words).status == 0
    shown = desk("show", number, "--json").facts
    assert (shown["edition"], shown["registered"]) == (2, f"{today} 补录")
    (issued,) = desk.issued(desk.rows(1))
    assert "registered" not in desk("show", issued, "--json").facts
