"""The worker: reads one untrusted spreadsheet from standard input under limits of its own.

It runs as a process of its own with nothing in its environment, so that a zip bomb, an
amplification of shared strings or a fault in a parser ends here: the kernel stops it at its
memory and CPU limits, it can write no file and leaves no core dump with persons in it. Its
standard error is discarded: a traceback could quote a cell.

Arguments: unpacked bytes, rows, memory bytes, CPU seconds, the layout's name. Frames go to
standard output.
"""

from __future__ import annotations

import gc
import io
import json
import sys
from itertools import islice
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Final

from registry.confined import limit_itself
from registry.rules.findings import FindingCode
from registry.sheets.columns import is_header, positions
from registry.sheets.errors import SheetError, sheet_error
from registry.sheets.frames import (
    ERROR,
    HEADER,
    LONGEST_CELL,
    ROWS,
    ROWS_A_FRAME,
    TAIL,
    encode_rows,
    pack,
)
from registry.sheets.layouts import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from registry.sheets.columns import Layout
    from registry.sheets.frames import RawCell
    from registry.sheets.workbook import Sheet

_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_ZIP_MAGIC: Final = b"PK\x03\x04"
_MARKUP: Final = (b"<", b"%PDF", b"{\\rtf", b"\x1f\x8b", b"7z", b"Rar!", b"\x89PNG", b"\xff\xd8")
_HEADER_WITHIN: Final = 20
_PLACES_AT_MOST: Final = 1000
_HEADERS_SENT: Final = 256


def refuse_foreign(data: bytes) -> None:
    """Refuse by content, not by the file's ending, which renaming changes.

    Raises:
        SheetRefused: empty, old .xls, encrypted, or no spreadsheet.

    """
    if not data.strip():
        raise sheet_error(FindingCode.FILE_EMPTY)
    if data.startswith(_OLE_MAGIC):
        encrypted = _ENCRYPTED_STREAM in data
        raise sheet_error(FindingCode.FILE_ENCRYPTED if encrypted else FindingCode.FILE_OLD_XLS)
    if data.lstrip().startswith(_MARKUP):
        raise sheet_error(FindingCode.FILE_NOT_A_TABLE)


class Job:
    """One reading: from bytes to frames."""

    def __init__(
        self, output: IO[bytes], *, unpacked_bytes: int, rows: int, layout: Layout
    ) -> None:
        """Write frames to ``output``; read at most ``rows`` rows with content."""
        self._output = output
        self._layout = layout
        self._unpacked_bytes = unpacked_bytes
        self._rows_at_most = rows
        self._sent = 0

    def run(self, data: bytes) -> None:
        """Read a file and send header, rows and tail.

        Raises:
            SheetError: the file is refused.

        """
        refuse_foreign(data)
        if data.startswith(_ZIP_MAGIC):
            # Imported here, under the limits: CSV needs no third-party code at all.
            from registry.sheets.workbook import open_sheet  # noqa: PLC0415

            sheet = open_sheet(data, self._unpacked_bytes, self._layout)
            self._send_table(sheet.name, sheet.rows, sheet)
        else:
            from registry.sheets.csv_rows import csv_rows  # noqa: PLC0415

            self._send_table("", csv_rows(data, self._layout), None)

    def _send_table(
        self, name: str, rows: Iterable[Sequence[RawCell]], sheet: Sheet | None
    ) -> None:
        source = iter(rows)
        row, headers = _find_header(source, self._layout)
        found = positions(headers, self._layout)
        left = sheet.left if sheet else 0
        self._send_json(HEADER, {"sheet": name, "row": row + 1, "left": left, "headers": headers})
        places = sorted(found.values())
        self._send_rows(source, row + 1, places)
        kept = {place + left for place in places}
        self._send_json(TAIL, _marks(sheet, row, kept) if sheet else {"merged": [], "formulas": []})

    def _send_rows(
        self, source: Iterator[Sequence[RawCell]], first: int, places: list[int]
    ) -> None:
        """Send the rows below the header; blank ones are skipped, and keep their number."""
        pick: Callable[[Sequence[RawCell]], tuple[RawCell, ...]] = itemgetter(*places)
        needed = places[-1] + 1
        batch: list[tuple[RawCell, ...]] = []
        number = first
        for number, row in enumerate(source, first + 1):
            cells = pick(row if len(row) >= needed else [*row, *[""] * needed])
            blank = not any(cells)
            if not blank:
                batch.append(cells)
            if blank or len(batch) == ROWS_A_FRAME:
                self._send_batch(batch, number if blank else number + 1)
        self._send_batch(batch, number + 1)

    def _send_batch(self, batch: list[tuple[RawCell, ...]], end: int) -> None:
        """Send adjacent rows, the last of which has the number before ``end``."""
        if not batch:
            return
        self._sent += len(batch)
        if self._sent > self._rows_at_most:
            facts = {"limit": str(self._rows_at_most)}
            raise sheet_error(FindingCode.FILE_TOO_MANY_ROWS, facts)
        self._output.write(pack(ROWS, encode_rows(end - len(batch), batch)))
        batch.clear()

    def _send_json(self, kind: bytes, content: object) -> None:
        self._output.write(pack(kind, json.dumps(content).encode()))

    def send_error(self, error: SheetError) -> None:
        """Send why the file is refused."""
        finding = error.finding
        self._send_json(ERROR, {"code": finding.code.value, "facts": dict(finding.facts)})


def _find_header(source: Iterator[Sequence[RawCell]], layout: Layout) -> tuple[int, list[str]]:
    """Find the header row; titles may stand above it."""
    for row, cells in enumerate(islice(source, _HEADER_WITHIN)):
        headers = [
            cell[:LONGEST_CELL] if isinstance(cell, str) else "" for cell in cells[:_HEADERS_SENT]
        ]
        if is_header(headers, layout):
            return row, headers
    raise sheet_error(FindingCode.HEADER_NOT_FOUND, {"expected": layout.sheet})


def _marks(sheet: Sheet, header_row: int, kept: set[int]) -> dict[str, object]:
    """Give merged ranges and formulas in the columns read, the first 1,000 each, and counts."""
    merged = [
        [*first, *last]
        for first, last in sheet.merged
        if last[0] >= header_row and not kept.isdisjoint(range(first[1], last[1] + 1))
    ]
    formulas, count = [], 0
    for row, column in sheet.formulas():
        if row >= header_row and column in kept:
            count += 1
            if count <= _PLACES_AT_MOST:
                formulas.append([row, column])
    return {
        "merged": merged[:_PLACES_AT_MOST],
        "merged_count": len(merged),
        "formulas": formulas,
        "formulas_count": count,
    }


def main(arguments: Sequence[str]) -> int:
    """Read standard input under the limits given; 0 also when the file was refused.

    What no branch below expects ends the worker without a tail, and the parent calls the file
    damaged.
    """
    unpacked_bytes, rows, memory_bytes, cpu_seconds = map(int, arguments[:-1])
    limit_itself(memory_bytes, cpu_seconds)
    gc.disable()  # rows hold no circles, and the process ends soon
    output = io.BufferedWriter(io.FileIO(1, "wb", closefd=False), 1 << 20)
    layout = LAYOUTS[arguments[-1]]
    job = Job(output, unpacked_bytes=unpacked_bytes, rows=rows, layout=layout)
    try:
        job.run(sys.stdin.buffer.read())
    except SheetError as error:
        job.send_error(error)
    except MemoryError:
        job.send_error(sheet_error(FindingCode.FILE_EXPANDS))
    output.flush()
    return 0
