"""Many rows in bounded memory, and the table as another program reads it."""

from __future__ import annotations

import csv
import io
import subprocess
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest


def build(office: Any, outbox: Any, rows: int) -> tuple[bytes, int]:
    """Freeze and check an upload of so many rows; return it and the most memory it took."""
    for start in range(0, rows, 5000):
        office.issue(office.people(min(5000, rows - start), offset=start))
    office.run()
    upload_id = outbox.prepare()
    kit = outbox.kit()
    tracemalloc.start()
    outbox.freeze(upload_id, kit)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return outbox.package(upload_id), peak


def test_five_hundred_rows(office: Any, outbox: Any) -> None:
    package, peak = build(office, outbox, 500)
    assert len(outbox.proven(package)) == 500
    assert peak < 12 << 20


@pytest.mark.soak
def test_twenty_thousand_rows_in_bounded_memory(office: Any, outbox: Any) -> None:
    package, peak = build(office, outbox, 20_000)
    assert len(package) < 32 << 20
    assert peak < 64 << 20
    tracemalloc.start()
    assert len(outbox.proven(package)) == 20_000
    # The package's own bytes and the list of answers are the test's; the rest is the check's.
    assert tracemalloc.get_traced_memory()[1] < 160 << 20
    tracemalloc.stop()


def test_libreoffice_reads_the_table_as_the_mapping_says(
    office: Any, outbox: Any, needs: Any, tmp_path: Path
) -> None:
    needs(program="soffice", package="libreoffice-calc-nogui")
    mapping = outbox.kit().mapping
    package, _ = build(office, outbox, 5)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extract("table.xlsx", tmp_path)
        lines = list(csv.reader(io.StringIO(archive.read("table.csv").decode("utf-8-sig"))))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    convert = ["soffice", profile, "--headless", "--convert-to", "ods", "table.xlsx"]
    subprocess.run(convert, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    back = ["soffice", profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run(
        [*back, "--outdir", "back", "table.ods"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=120,
    )
    sheet = openpyxl.load_workbook(tmp_path / "back" / "table.xlsx")[mapping.sheet]
    cells = [[cell.value or "" for cell in row] for row in sheet.iter_rows(max_col=len(lines[0]))]
    assert cells[0] == [column.header for column in mapping.columns]
    assert cells == lines
    kinds = {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row if cell.value}
    assert kinds == {"s"}
