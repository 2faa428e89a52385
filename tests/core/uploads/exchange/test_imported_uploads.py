"""Imported certificates on their way to the provincial centre: 补录, and 更正 for what follows."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import delete

from registry.store.accounts import Account
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.organisations import Issuer
from registry.store.outbox import UploadRow
from registry.store.procedure import Company, CompanyChange
from registry.upload import outbox as outbox_module
from registry.upload.errors import FaultCode, UploadRefused
from registry.upload.reconcile_read import _unowed
from signing.report import Answer
from signing.upload.rows import read_rows

HELPER = Path(__file__).parents[2] / "imports" / "importing_office.py"
HEAD = "Y000044999001213"
OLD_NAME = "深圳市示例旧名有限公司"


@pytest.fixture
def importing(office: Any) -> Any:
    spec = importlib.util.spec_from_file_location("importing_office", HELPER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Importing(office=office)


@pytest.fixture
def sent(office: Any, importing: Any, outbox: Any) -> tuple[Any, bytes]:
    """Give an outbox and a frozen package: three imported, one corrected, one revoked, one new."""
    office.run()
    importing.run([*importing.rows([7], assessor=OLD_NAME), *importing.rows([8, 9], offset=301)])
    office.issue(office.people(1))
    office.correct(f"{HEAD}000007", {"direction": "设备维修"})
    office.revoke(f"{HEAD}000008")
    office.run()
    outbox.freeze(outbox.prepare())
    return outbox, outbox.package("U00000001")


def test_the_package_is_valid_throughout(sent: Any) -> None:
    outbox, package = sent
    assert outbox.proven(package) == [
        (0, "补录"),
        (1, "补录"),
        (2, "补录"),
        (3, "新增"),
        (4, "更正"),
        (1, "撤销"),
    ]


def test_a_table_of_imports_is_one_range_of_one_upload(
    office: Any, importing: Any, outbox: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(outbox_module, "MAX_RANGES", 2)
    importing.run(importing.rows([7, 9, 50, 3, 120]))
    office.issue(office.people(2))
    importing.run(importing.rows([60], offset=400))
    office.run()
    outbox.freeze(outbox.prepare())
    # A batch's leaves are one range, and its close parts it from the next one's.
    assert outbox.proven(outbox.package("U00000001")) == [
        *((index, "补录") for index in range(5)),
        (5, "新增"),
        (6, "新增"),
    ]
    outbox.freeze(outbox.prepare())
    assert outbox.proven(outbox.package("U00000002")) == [(7, "补录")]


def test_an_older_name_of_the_body_stands_in_the_table(sent: Any) -> None:
    _outbox, package = sent
    with zipfile.ZipFile(io.BytesIO(package)) as zipped:
        (name,) = [name for name in zipped.namelist() if name.endswith(".xlsx")]
        book = openpyxl.load_workbook(io.BytesIO(zipped.read(name)))
    table, summary = (list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets[:2])
    at, kind = table[0].index("评价机构"), table[0].index("数据类型")
    now = "深圳市示例精密制造第1有限公司"
    assert [(row[kind], row[at]) for row in table[1:]] == [
        ("补录", OLD_NAME),
        ("补录", now),
        ("补录", now),
        ("新增", now),
        ("更正", OLD_NAME),
    ]
    # The sheet that is stamped has the name of what is issued now.
    assert summary[1][:2] == ("评价机构", now)


def stamped(package: bytes) -> tuple[object, str]:
    """Return the name on the table's 汇总 sheet, and the facts of the sheet that is stamped."""
    with zipfile.ZipFile(io.BytesIO(package)) as zipped:
        (name,) = [name for name in zipped.namelist() if name.endswith(".xlsx")]
        book = openpyxl.load_workbook(io.BytesIO(zipped.read(name)))
        (sheet,) = [name for name in zipped.namelist() if name.endswith(".pdf")]
        return book["汇总"]["B2"].value, zipped.read(sheet).decode()


def renamed(office: Any, before: str, after: str) -> None:
    """Rename the organisation as the desk does: a decided change, and the name filed now."""
    now = office.clock.now()
    with write_unit(office.engine) as session:
        issuer = session.get_one(Issuer, office.prefix)
        person = Account(
            login="A", display=b"", role="clerk", district="", staff_number="A", company_id=None,
            password="!", password_at=now, created_at=now,
        )  # fmt: skip
        company = Company(uscc=issuer.uscc, name=after, state="listed", created_at=now)
        session.add_all((person, company))
        session.flush()
        session.add(
            CompanyChange(
                company_id=company.company_id, kind="name", before=before, after=after, basis="1",
                based_on=now.date(), state="adopted", proposed_by=person.account_id,
                proposed_at=now, decided_at=now,
            )
        )  # fmt: skip
        issuer.name = after


def test_imports_alone_are_stamped_under_the_filed_name(
    office: Any, importing: Any, outbox: Any
) -> None:
    """Most rows say another name, the table's free text: it is not stamped."""
    importing.run([*importing.rows([7, 8], assessor=OLD_NAME), *importing.rows([9], offset=302)])
    office.correct(f"{HEAD}000007", {"direction": "设备维修"})
    office.run()
    outbox.freeze(outbox.prepare())
    package = outbox.package("U00000001")
    name, sheet = stamped(package)
    assert name == "深圳市示例精密制造第1有限公司"
    assert f"body='{name}'" in sheet
    assert OLD_NAME not in sheet
    # Made again after a renaming it says what it said: it was stamped under the name of its day.
    (file,) = (office.home / "uploads").glob("U00000001-*")
    file.unlink()
    office.clock.moment += timedelta(days=1)
    renamed(office, str(name), "深圳市示例新名有限公司")
    assert outbox.package("U00000001") == package


def test_a_new_certificate_under_another_name_is_still_refused(office: Any, outbox: Any) -> None:
    office.issue(office.people(1))
    with write_unit(office.engine) as session:
        session.get_one(Issuer, office.prefix).name = OLD_NAME
    office.issue(office.people(1, offset=9))
    office.run()
    with pytest.raises(UploadRefused) as refused:
        outbox.freeze(outbox.prepare())
    assert refused.value.faults[0].code is FaultCode.SECOND_BODY


@pytest.mark.parametrize(("at", "kind", "wanted"), [
    (0, "新增", "record-other-kind"),
    (0, "补录", ""),
    (3, "补录", ""),
    (3, "新增", ""),
])  # fmt: skip
def test_a_row_of_the_wrong_kind_is_refused(sent: Any, at: int, kind: str, wanted: str) -> None:
    """新增 says that it was issued here; 补录 may be said of either."""
    from msgspec.structs import replace

    from signing.report import Reason
    from signing.upload.rowcheck import check_row
    from signing.upload.rows import RowKind

    outbox, package = sent
    with zipfile.ZipFile(io.BytesIO(package)) as zipped:
        rows = list(read_rows(io.BytesIO(zipped.read("rows.jsonl"))))
    check = check_row(
        replace(rows[at], kind=RowKind(kind)),
        outbox.office.trust,
        outbox.office.prefix,
        inclusion=(Answer.VALID, Reason.INCLUSION_GOOD),
        now=outbox.office.clock.now(),
    )
    assert check.reason == wanted


def test_an_edition_without_its_row_is_missed_under_its_own_kind(
    office: Any, importing: Any
) -> None:
    importing.run(importing.rows([7]))
    office.issue(office.people(1))
    with read_unit(office.engine) as session:
        assert list(_unowed(session)) == []
    with write_unit(office.engine) as session:
        session.execute(delete(UploadRow))
    with read_unit(office.engine) as session:
        missed = sorted((key.number, key.kind) for key in _unowed(session))
    numbers = sorted(row.number for row in office.rows(Certificate))
    assert missed == list(zip(numbers, ["补录", "新增"], strict=True))


def test_the_centre_takes_them_as_supplements(importing: Any, exchange: Any) -> None:
    importing.run(importing.rows([7, 8]))
    exchange.office.run()
    upload = exchange.frozen(1)
    done = exchange.receive(exchange.by_hand(upload))
    assert (done.accepted, done.refused) == (3, 0)
    kinds = [row.kind for row in exchange.office.rows(UploadRow)]
    assert sorted(kinds) == ["新增", "补录", "补录"]
    assert exchange.states() == ["accepted"] * 3
