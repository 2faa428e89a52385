"""From issued certificates to a package that the centre can check, on the command line."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from keys import sealed
from keys.office_keys import load_office_keys
from keys.trust import load_trust
from registry.cli.base import CLOCK
from registry.upload.mapping import load_mapping
from signing.report import Answer
from signing.upload.check import PackageCheck, PackageStep, check_package
from signing.upload.rowcheck import RowCheck

PREFIX, OTHER = "Y000044999001", "Y000044999002"
MAPPING = load_mapping("guangdong-certificates")
HEADERS = [column.header for column in MAPPING.columns]


@pytest.fixture(scope="module", autouse=True)
def _one_stretch_a_passphrase() -> Iterator[None]:
    # Opening a ring is most of a short command, and there are many of them here.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "stretch", cache(sealed.stretch))
        yield


def checked(desk: Any, file: Path) -> tuple[PackageCheck, list[RowCheck]]:
    """Check a package as a centre would, by the city's public trust folder alone."""
    trust = load_trust(desk.trust)
    keys = load_office_keys(desk.trust, trust.policy)
    rows: list[RowCheck] = []
    return check_package(file, trust, keys, now=CLOCK.now(), on_row=rows.append), rows


def packaged(desk: Any, *options: str, prefix: str = PREFIX) -> Path:
    ran = desk("upload", "prepare", prefix, "--json")
    assert ran.status == 0, ran
    upload = ran.facts["upload"]
    frozen = desk("upload", "freeze", upload, *options, "--json")
    assert frozen.status == 0, frozen
    file: Path = desk.folder / f"{upload}.zip"
    assert desk("upload", "package", upload, "-o", str(file)).status == 0
    return file


def numbers_of(desk: Any) -> list[str]:
    return [row.number for row in desk.certificates()]


def test_from_issue_to_a_package_that_proves_every_row(stock: Any) -> None:
    numbers = numbers_of(stock)
    assert stock("revoke", numbers[3], "--reason", "fraud").status == 0
    assert stock("reissue", numbers[5], "--reason", "lost").status == 0
    assert stock("anchor").status == 0
    owed = stock("upload", "list", "--json").facts["owed"]
    assert [(one["kind"], one["rows"]) for one in owed] == [("撤销", 1), ("新增", 25), ("更正", 1)]
    file = packaged(stock, "--batch", "GD-2026-0001")
    check, rows = checked(stock, file)
    assert check.answer is Answer.VALID, check
    assert [finding.step for finding in check.findings] == list(PackageStep)
    assert check.rows == {Answer.VALID: 27}
    kinds = Counter(row.row.kind.value for row in rows)
    assert kinds == {"新增": 25, "更正": 1, "撤销": 1}
    withdrawn = next(row for row in rows if row.row.kind.value == "撤销")
    assert (withdrawn.row.number, withdrawn.row.reason) == (numbers[3], "fraud")
    corrected = next(row for row in rows if row.row.kind.value == "更正")
    assert (corrected.row.edition, corrected.row.reason) == (2, "lost")
    assert check.manifest is not None
    manifest = check.manifest.manifest
    assert (manifest.batch, manifest.sequence, manifest.previous) == ("GD-2026-0001", 1, "")
    assert stock("upload", "list", "--json").facts["owed"] == []


def test_the_table_in_the_package_is_the_mapping_s(stock: Any) -> None:
    assert stock("revoke", numbers_of(stock)[0], "--reason", "fraud").status == 0
    assert stock("anchor").status == 0
    with zipfile.ZipFile(packaged(stock)) as package:
        book = openpyxl.load_workbook(io.BytesIO(package.read("table.xlsx")))
        lines = list(csv.reader(io.StringIO(package.read("table.csv").decode("utf-8-sig"))))
        pdf = package.read("summary.pdf")
    sheet = book[MAPPING.sheet]
    cells = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    # The mapping knows no code for a withdrawal: 25 rows of the 26.
    assert cells == lines
    assert (len(lines), lines[0]) == (26, HEADERS)
    for row in sheet.iter_rows(min_row=2):
        assert {cell.data_type for cell in row if cell.value is not None} == {"s"}
        assert {cell.number_format for cell in row if cell.value is not None} == {"@"}
    assert pdf.startswith(b"%PDF")


def test_the_package_comes_out_the_same_every_time_and_when_it_is_lost(stock: Any) -> None:
    file = packaged(stock)
    first = file.read_bytes()
    again = stock.folder / "again.zip"
    assert stock("upload", "package", "U00000001", "-o", str(again)).status == 0
    assert again.read_bytes() == first
    assert again.stat().st_mode & 0o777 == 0o600
    (kept,) = (stock.home / "uploads").glob("*.sealed")
    assert first[:64] not in kept.read_bytes()
    kept.unlink()
    # Later events are in the log meanwhile: the checkpoint in the package stays the old one.
    assert stock("revoke", numbers_of(stock)[2], "--reason", "fraud").status == 0
    assert stock("anchor").status == 0
    assert stock("upload", "package", "U00000001", "-o", str(again)).status == 0
    assert again.read_bytes() == first
    assert kept.exists()


def test_a_damaged_package_is_never_let_out(stock: Any) -> None:
    file = packaged(stock)
    (kept,) = (stock.home / "uploads").glob("*.sealed")
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(data)
    first = file.read_bytes()
    file.unlink()
    assert stock("upload", "package", "U00000001", "-o", str(file)).status == 0
    # Made again, the same to the byte, and kept whole again.
    assert file.read_bytes() == first
    assert kept.read_bytes() != bytes(data)
    kept.write_bytes(bytes(data))
    file.unlink()
    with closing(sqlite3.connect(stock.home / "registry.db")) as database:
        database.execute("UPDATE upload_rows SET upload_id = NULL WHERE status_index = 4")
        database.commit()
    ran = stock("upload", "package", "U00000001", "-o", str(file))
    assert "[upload-package-lost]" in ran.line
    assert not file.exists()
    assert list(stock.folder.glob(".*.part")) == []
    assert kept.read_bytes() == bytes(data)


def test_what_cannot_be_made_again_as_it_was_is_refused(stock: Any) -> None:
    file = packaged(stock)
    (kept,) = (stock.home / "uploads").glob("*.sealed")
    kept.unlink()
    with closing(sqlite3.connect(stock.home / "registry.db")) as database:
        query = "UPDATE upload_rows SET upload_id = NULL WHERE status_index = 4"
        database.execute(query)
        database.commit()
    ran = stock("upload", "package", "U00000001", "-o", str(file))
    assert "[upload-package-lost]" in ran.line
    assert "备份" in ran.line


def test_manifests_of_a_city_are_chained_in_the_order_of_freezing(stock: Any) -> None:
    stock.issued(stock.rows(3, offset=100, level="四级/中级工"), OTHER)
    assert stock("anchor").status == 0
    one, _ = checked(stock, packaged(stock))
    two, _ = checked(stock, packaged(stock, prefix=OTHER))
    assert one.manifest is not None
    assert two.manifest is not None
    assert two.manifest.manifest.sequence == 2
    assert two.manifest.manifest.previous == one.manifest.digest
    assert two.manifest.manifest.organisation == OTHER


def test_what_is_not_in_the_log_is_not_frozen(stock: Any) -> None:
    assert stock("revoke", numbers_of(stock)[0], "--reason", "fraud").status == 0
    assert stock("upload", "prepare", PREFIX).status == 0
    ran = stock("upload", "freeze", "U00000001")
    assert "[upload-not-in-log]" in ran.line
    assert "certreg anchor" in ran.line
    assert stock("anchor").status == 0
    assert stock("upload", "freeze", "U00000001").status == 0


def test_frozen_is_for_good(stock: Any) -> None:
    packaged(stock, "--batch", "A-1")
    assert stock("upload", "freeze", "U00000001", "--json").facts["batch"] == "A-1"
    assert "[upload-state]" in stock("upload", "freeze", "U00000001", "--batch", "A-2").line
    assert "[upload-state]" in stock("upload", "cancel", "U00000001").line
    shown = stock("upload", "show", "U00000001", "--json").facts
    # Who took persons' data out is on the record too.
    events = [event.split("  ")[1] for event in shown["events"]]
    assert events == ["prepare", "freeze", "package"]


def test_a_cancelled_upload_gives_its_rows_back(stock: Any) -> None:
    assert stock("upload", "prepare", PREFIX).status == 0
    assert "[upload-nothing-owed]" in stock("upload", "prepare", PREFIX).line
    assert stock("upload", "cancel", "U00000001", "--json").facts["state"] == "dissolved"
    assert "[upload-state]" in stock("upload", "freeze", "U00000001").line
    ran = stock("upload", "package", "U00000001", "-o", str(stock.folder / "x.zip"))
    assert "[upload-state]" in ran.line
    assert stock("upload", "prepare", PREFIX, "--json").facts["rows"] == 25


def test_what_is_not_there_is_refused(stock: Any) -> None:
    assert "[not-found]" in stock("upload", "show", "U00000009").line
    assert "[not-found]" in stock("upload", "prepare", "Y000044999009").line
    assert "[refused]" in stock("upload", "prepare", PREFIX, "--batch", "一 二").line


def test_the_upload_key_is_in_the_log_and_changes_with_an_overlap(stock: Any) -> None:
    (first,) = stock("upload", "key", "list", "--json").facts["keys"]
    assert (first["state"], first["ended"]) == ("active", None)
    assert first["added"] is not None
    before, _ = checked(stock, packaged(stock))
    added = stock("upload", "key", "add", "--json").facts["keys"]
    assert (len(added), added[1]["added"]) == (2, None)
    # Until the new key is in the log the old one signs.
    stock.issued(stock.rows(2, offset=200))
    assert stock("anchor").status == 0
    check, _ = checked(stock, packaged(stock))
    assert check.answer is Answer.VALID
    assert check.manifest is not None
    assert before.manifest is not None
    assert check.manifest.manifest.key == added[1]["key"] != before.manifest.manifest.key
    assert stock("upload", "key", "retire", first["key"]).status == 0
    assert "[refused]" in stock("upload", "key", "retire", first["key"]).line
    assert stock("anchor").status == 0
    old, _ = checked(stock, stock.folder / "U00000001.zip")
    assert old.answer is Answer.VALID
    assert stock("upload", "key", "revoke", added[1]["key"]).status == 0
    assert stock("anchor").status == 0
    # Its own word for the time is all there is: nobody can say, and within the second of the
    # revocation it is refused. `test_upload_check` holds the two apart by the clock.
    late, rows = checked(stock, stock.folder / "U00000002.zip")
    finding = late.finding(PackageStep.MANIFEST)
    assert finding is not None
    assert (finding.answer, finding.reason) in {
        (Answer.CANNOT_SAY, "signature-no-place"),
        (Answer.INVALID, "signature-key-revoked"),
    }
    assert {row.answer for row in rows} == {Answer.VALID}
    # Without a key nothing new is frozen; what is frozen still comes out.
    stock.issued(stock.rows(1, offset=210))
    assert stock("anchor").status == 0
    assert stock("upload", "prepare", PREFIX).status == 0
    assert "certreg upload key add" in stock("upload", "freeze", "U00000003").line
    again = stock.folder / "again.zip"
    assert stock("upload", "package", "U00000002", "-o", str(again)).status == 0


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_template_is_held_against_the_mapping(stock: Any, ending: str) -> None:
    def template(headers: list[str]) -> str:
        file = stock.folder / f"template.{ending}"
        if ending == "csv":
            file.write_text("上报表\r\n" + ",".join(headers) + "\r\n", "gb18030")
        else:
            book = openpyxl.Workbook()
            book.worksheets[0].append(["上报表"])
            book.worksheets[0].append(headers)
            book.save(file)
        return str(file)

    good = stock("upload", "template", template(HEADERS), "--json")
    assert good.facts["heading in row"] == 2
    renamed = [("工作单位" if header == "所在单位" else header) for header in HEADERS]
    line = stock("upload", "template", template(renamed)).line
    assert "D2：应为“所在单位”，模板为“工作单位”" in line
    moved = [HEADERS[1], HEADERS[0], *HEADERS[2:]]
    line = stock("upload", "template", template(moved)).line
    assert "A2：应为“姓名”，模板为“证件类型”（该列移动了位置）" in line
    line = stock("upload", "template", template([*HEADERS, "备注"])).line
    assert "M2：多出“备注”列" in line
    line = stock("upload", "template", template(HEADERS[:-1])).line
    assert "L2：缺少“数据类型”列" in line
    assert "没有找到上报表的表头" in stock("upload", "template", template(["甲", "乙"])).line
