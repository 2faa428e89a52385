"""Hostile files end in the worker, and a worker taken over is not believed."""

from __future__ import annotations

import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from registry.rules.findings import FindingCode
from registry.sheets import reader
from registry.sheets.columns import COLUMNS
from registry.sheets.errors import SheetError
from registry.sheets.frames import ERROR, HEADER, ROWS, TAIL, pack
from registry.sheets.limits import MEBIBYTE, Limits
from registry.sheets.reader import open_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry.sheets.table import Table

HEADERS = [column.header for column in COLUMNS]


def refused(path: Path, limits: Limits) -> FindingCode:
    with pytest.raises(SheetError) as caught:
        open_table(path, limits)
    return caught.value.finding.code


def test_row_limit(write_xlsx: Callable[..., Path], person: Callable[[int], list[object]]) -> None:
    path = write_xlsx([HEADERS, *map(person, range(50))])
    assert len(open_table(path, Limits(rows=50))) == 50
    assert refused(path, Limits(rows=49)) is FindingCode.FILE_TOO_MANY_ROWS


def test_declared_zip_bomb(
    write_xlsx: Callable[..., Path], swap_part: Callable[[Path, str, bytes], Path]
) -> None:
    bomb = swap_part(write_xlsx([HEADERS]), "xl/theme/theme1.xml", bytes(30 * MEBIBYTE))
    assert bomb.stat().st_size < MEBIBYTE
    assert len(open_table(bomb)) == 0
    assert refused(bomb, Limits(unpacked_bytes=10 * MEBIBYTE)) is FindingCode.FILE_EXPANDS


def test_package_of_very_many_entries(write_xlsx: Callable[..., Path]) -> None:
    path = write_xlsx([HEADERS])
    with zipfile.ZipFile(path, "a") as package:
        for number in range(5001):
            package.writestr(f"x/{number}", b"")
    assert refused(path, Limits()) is FindingCode.FILE_EXPANDS


def test_shared_string_amplification_meets_the_memory_limit(
    write_xlsx: Callable[..., Path], swap_part: Callable[[Path, str, bytes], Path]
) -> None:
    """One string of 32 KB named by 40,000 cells: 1.2 GB from a few kilobytes."""
    rows = [HEADERS, *[["x", "长" * 10] for _ in range(40_000)]]
    path = write_xlsx(rows)
    with zipfile.ZipFile(path) as package:
        strings = package.read("xl/sharedStrings.xml").decode()
    bomb = swap_part(
        path, "xl/sharedStrings.xml", strings.replace("长" * 10, "长" * 10_900).encode()
    )
    assert bomb.stat().st_size < MEBIBYTE
    limits = Limits(memory_bytes=256 * MEBIBYTE)
    assert refused(bomb, limits) is FindingCode.FILE_EXPANDS


def test_overlong_cells_are_cut_before_they_reach_the_parent(
    write_xlsx: Callable[..., Path],
) -> None:
    table = open_table(write_xlsx([HEADERS, *[["", "长" * 30_000] for _ in range(50)]]))
    assert {len(str(cells["name"])) for _, cells in table} == {256}
    assert sum(map(len, table.chunks)) < 50 * 1000


def test_a_far_away_cell_costs_the_worker_not_us(
    write_xlsx: Callable[..., Path], swap_part: Callable[[Path, str, bytes], Path]
) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    path = swap_part(write_xlsx([HEADERS]), "xl/worksheets/sheet1.xml", sheet.encode())
    assert refused(path, Limits()) is FindingCode.FILE_EXPANDS


def test_entity_bomb_in_the_workbook(
    write_xlsx: Callable[..., Path],
    person: Callable[[int], list[object]],
    swap_part: Callable[[Path, str, bytes], Path],
) -> None:
    path = write_xlsx([HEADERS, person(0)])
    with zipfile.ZipFile(path) as package:
        workbook = package.read("xl/workbook.xml")
    bomb = workbook.replace(b"<workbook", b'<!DOCTYPE w [<!ENTITY a "aaaa">]><workbook', 1)
    assert refused(swap_part(path, "xl/workbook.xml", bomb), Limits()) is FindingCode.FILE_DAMAGED


def test_cpu_and_wall_time(
    write_xlsx: Callable[..., Path],
    person: Callable[[int], list[object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_xlsx([HEADERS, person(0)])
    busy = "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
    busy += "from registry.confined import limit_itself\n"
    busy += "limit_itself(int(sys.argv[3]), int(sys.argv[4]))\nwhile True: pass"
    monkeypatch.setattr(reader, "_START", busy)
    assert refused(path, Limits(cpu_seconds=1)) is FindingCode.FILE_EXPANDS
    monkeypatch.setattr(reader, "_START", "import time; time.sleep(60)")
    begun = time.monotonic()
    assert refused(path, Limits(wall_seconds=0.3)) is FindingCode.FILE_EXPANDS
    assert time.monotonic() - begun < 10


HEAD = pack(HEADER, b'{"sheet":"","row":1,"left":0,"headers":["\xe5\xa7\x93\xe5\x90\x8d"]}')
TAILING = pack(TAIL, b'{"merged":[],"formulas":[]}')


@pytest.mark.parametrize(
    "output",
    [
        b"",
        HEAD,
        TAILING,
        HEAD + HEAD + TAILING,
        HEAD + b"Z\0\0\0\0" + TAILING,
        pack(HEADER, b"[]") + TAILING,
        pack(HEADER, b"[" * 100_000) + TAILING,
        HEAD + pack(TAIL, b'{"merged":[[0,9,0,9]],"formulas":[]}'),
        HEAD + pack(TAIL, b'{"merged":[],"formulas":[[1,7]]}'),
        pack(ERROR, b'{"code":"no-such-code","facts":{}}'),
        HEAD + ROWS + b"\xff\xff\xff\xff",
        HEAD + pack(ROWS, b"\0\0\0\2a\x1fb") + TAILING,
        HEAD + pack(ROWS, b"\0\0\0\2\xff") + TAILING,
        HEAD + pack(ROWS, b"\0\0\0\2\x02nonsense") + TAILING,
        HEAD + pack(ROWS, b"\0\0\0\2" + b"a\x1e" * 300_000) + TAILING,
    ],
)
def test_a_worker_taken_over_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: bytes
) -> None:
    (tmp_path / "says").write_bytes(output)
    (tmp_path / "t.csv").write_text("x")
    says = f"import sys; sys.stdout.buffer.write(open({str(tmp_path / 'says')!r}, 'rb').read())"
    monkeypatch.setattr(reader, "_START", says)

    def read() -> Table:
        table = open_table(tmp_path / "t.csv", Limits())
        list(table)
        return table

    with pytest.raises(SheetError) as caught:
        read()
    assert caught.value.finding.code in {FindingCode.FILE_DAMAGED, FindingCode.FILE_EXPANDS}


def test_worker_has_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTREG_PASSPHRASE", "made-up")
    (tmp_path / "t.csv").write_text("x")
    says = f"import os; open({str(tmp_path / 'env')!r}, 'w').write(repr(dict(os.environ)))"
    monkeypatch.setattr(reader, "_START", says)
    with pytest.raises(SheetError):
        open_table(tmp_path / "t.csv")
    assert "made-up" not in (tmp_path / "env").read_text()
