"""A result that LibreOffice opened and saved again is never green when a cell was changed."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from signing.certverify import main

RESULT = "查验结果"


def as_issued(_sheet: Any) -> None:
    pass


def unfiltered(sheet: Any) -> None:
    sheet.auto_filter.ref = None


def turned_green(sheet: Any) -> None:
    assert sheet["D3"].value == "已撤销"
    sheet["D3"] = "有效"


def unfiltered_and_green(sheet: Any) -> None:
    unfiltered(sheet)
    turned_green(sheet)


ANSWERS: dict[Callable[[Any], None], int] = {
    # LibreOffice puts an empty drawing beside a sheet with a filter.
    as_issued: 0,
    turned_green: 1,
    unfiltered: 0,
    unfiltered_and_green: 1,
}


def changed(sheet: bytes, change: Callable[[Any], None]) -> bytes:
    book, stream = openpyxl.load_workbook(io.BytesIO(sheet)), io.BytesIO()
    change(book[RESULT])
    book.save(stream)
    return stream.getvalue()


def save_again(folder: Path) -> Path:
    """Have LibreOffice open the spreadsheets in a folder and save each in another folder."""
    names = sorted(file.name for file in folder.glob("*.xlsx"))
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run(
        [*command, "--outdir", "again", *names],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=240,
    )
    return folder / "again"


def test_certverify_answers_what_libreoffice_saved_again(
    bulk: Any, tmp_path: Path, needs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    needs(program="soffice", package="libreoffice-calc-nogui")
    sheet, receipt = bulk.check(bulk.row("valid"), bulk.row("revoked"), bulk.row("suspended"))
    (tmp_path / "a.receipt.json").write_bytes(receipt)
    for change in ANSWERS:
        (tmp_path / f"{change.__name__}.xlsx").write_bytes(changed(sheet, change))
    again = save_again(tmp_path)
    answers, lines = {}, {}
    for change in ANSWERS:
        argv = [str(tmp_path / "a.receipt.json"), "--trust", str(bulk.trust)]
        table = again / f"{change.__name__}.xlsx"
        answers[change] = main([*argv, "--table", str(table)], clock=bulk.clock)
        said = capsys.readouterr()
        lines[change] = said.err.strip()
        # Rows are listed only under a verdict that covers them.
        assert ("已撤销 | " in said.out) == (answers[change] == 0)
    assert answers == ANSWERS
    assert lines[as_issued] == ""
    assert "有的行与出具时不一致" in lines[turned_green]
    assert lines[unfiltered] == ""
    assert "有的行与出具时不一致" in lines[unfiltered_and_green]
