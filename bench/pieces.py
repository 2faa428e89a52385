"""P8: single pieces of the path beside the usual library for the same work.

Reading a results workbook by the limited worker beside openpyxl (read-only mode, plain iteration);
writing a certificate's QR symbol beside `qrcode` with automatic version and mask.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import openpyxl
import qrcode
from measure import ratio, timed, today

from registry.cli.batches import CHINA
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.sheets.reader import open_table
from signing.qr_image import write_qr

ROUNDS = 7
PREFIX = "Y000044999001"


def alternate(
    ours: Callable[[], object], theirs: Callable[[], object]
) -> tuple[list[float], list[float]]:
    """Time both sides in turn, the order reversed each round; CPU seconds."""
    first: list[float] = []
    second: list[float] = []
    for turn in range(ROUNDS):
        sides = [(ours, first), (theirs, second)]
        for work, spent in sides if turn % 2 else reversed(sides):
            spent.append(timed(work).cpu)
    return first, second


def sheet_rows(count: int, folder: Path) -> Path:
    """Write a results workbook of ``count`` people."""
    file = folder / f"{count}.xlsx"
    issued = today().astimezone(CHINA).date() - timedelta(days=3)
    people = demo_people(count, offset=0, issued=issued)
    write_xlsx(file, [row_of(number, person) for number, person in enumerate(people, 1)])
    return file


def read_openpyxl(file: Path) -> int:
    """Read every row by openpyxl; return how many."""
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    return sum(1 for _row in book.worksheets[0].iter_rows(values_only=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 2_000 if quick else 20_000
        file = sheet_rows(count, folder)
        assert sum(1 for _ in open_table(file)) == read_openpyxl(file) - 1
        ours, theirs = alternate(
            lambda: sum(1 for _ in open_table(file)), lambda: read_openpyxl(file)
        )
        print(f"read {count:,} rows: {statistics.median(ours):.2f} s CPU, worker included;")
        print(f"openpyxl {statistics.median(theirs):.2f} s; P8 {ratio(ours, theirs)} (bar 0.2)")
        text = "http://127.0.0.1:8000/v/abcdefghijklmnop#" + "0123456789" * 56
        ours, theirs = alternate(
            lambda: [write_qr(text) for _ in range(100)],
            lambda: automatic(text),
        )
        print(f"QR symbol: {statistics.median(ours) * 10:.3f} ms CPU; P8 {ratio(ours, theirs)}")


def automatic(text: str) -> None:
    """Make the symbol a hundred times by `qrcode`, version and mask chosen by it."""
    for _ in range(100):
        symbol = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M)
        symbol.add_data(text)
        symbol.make(fit=True)


if __name__ == "__main__":
    main()
