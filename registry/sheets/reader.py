"""Reading a table (xlsx, CSV) of a layout: the parent's side, which trusts neither file nor worker.

The file is parsed in a process of its own (registry.sheets.worker) that the kernel limits in
memory and CPU time; the parent limits wall time, the size of each frame, the number of rows and
the bytes it keeps, and takes every frame for data.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from registry.confined import STOPPED_BY_A_LIMIT, child, start_of
from registry.rules.findings import Fault, FindingCode, Findings
from registry.sheets.columns import RESULTS, Layout, positions
from registry.sheets.errors import SheetError, sheet_error
from registry.sheets.frames import (
    ERROR,
    FRAME_BYTES,
    HEADER,
    PREFIX_BYTES,
    ROWS,
    TAIL,
    count_rows,
    unpack_prefix,
)
from registry.sheets.header import check_header
from registry.sheets.limits import DEFAULT_LIMITS, MEBIBYTE, Limits
from registry.sheets.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_START: Final = start_of("registry.sheets.worker")


def open_table(path: Path, limits: Limits = DEFAULT_LIMITS, layout: Layout = RESULTS) -> Table:
    """Read a file into a table; faults of header and form are in the table's ``findings``.

    Raises:
        SheetError: the file cannot be read as a table at all; ``finding`` says why.
        OSError: the file cannot be opened.

    """
    # O_NONBLOCK: a named pipe in the file's place would make open() wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise sheet_error(FindingCode.FILE_NOT_A_TABLE)
        if facts.st_size == 0:
            raise sheet_error(FindingCode.FILE_EMPTY)
        if facts.st_size > limits.file_bytes:
            limit = str(limits.file_bytes // MEBIBYTE)
            raise sheet_error(FindingCode.FILE_TOO_LARGE, {"limit": limit})
        return _read(descriptor, limits, layout)
    finally:
        os.close(descriptor)


def _read(descriptor: int, limits: Limits, layout: Layout) -> Table:
    figures = (limits.unpacked_bytes, limits.rows, limits.memory_bytes, limits.cpu_seconds)
    arguments = [*map(str, figures), layout.name]
    with child(_START, arguments, stdin=descriptor, wall_seconds=limits.wall_seconds) as process:
        receiver = _Receiver(limits, layout)
        if process.stdout is not None:
            receiver.receive(process.stdout)
        if process.wait() in STOPPED_BY_A_LIMIT:
            raise sheet_error(FindingCode.FILE_EXPANDS)
        return receiver.table()


class _Receiver:
    """Takes frames in their only valid order: header, rows, tail; or an error at any point."""

    def __init__(self, limits: Limits, layout: Layout) -> None:
        self._limits = limits
        self._layout = layout
        self._header: dict[str, Any] | None = None
        self._tail: dict[str, Any] | None = None
        self._chunks: list[bytes] = []
        self._rows = self._bytes = 0

    def receive(self, stream: IO[bytes]) -> None:
        """Take frames until the stream ends.

        Raises:
            SheetError: the worker's own refusal, or frames beyond the bounds.

        """
        while len(prefix := stream.read(PREFIX_BYTES)) == PREFIX_BYTES:
            kind, length = unpack_prefix(prefix)
            if length > FRAME_BYTES:
                raise sheet_error(FindingCode.FILE_EXPANDS)
            payload = stream.read(length)
            if len(payload) != length or self._tail is not None:
                return
            if kind == ROWS:
                self._take_rows(payload)
            else:
                self._take_json(kind, payload)

    def _take_rows(self, payload: bytes) -> None:
        self._rows += count_rows(payload)
        self._bytes += len(payload)
        if self._rows > self._limits.rows or self._bytes > self._limits.table_bytes:
            raise sheet_error(FindingCode.FILE_EXPANDS)
        self._chunks.append(payload)

    def _take_json(self, kind: bytes, payload: bytes) -> None:
        try:
            content = json.loads(payload)
            if kind == ERROR:
                error = _error_from(content)
            elif kind == HEADER and self._header is None:
                self._header = content
                return
            elif kind == TAIL and self._header is not None:
                self._tail = content
                return
            else:
                error = sheet_error(FindingCode.FILE_DAMAGED)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            error = sheet_error(FindingCode.FILE_DAMAGED)
        raise error from None

    def table(self) -> Table:
        """Put the table together.

        Raises:
            SheetDamaged: the worker ended before its tail, or said what makes no sense.

        """
        if self._header is None or self._tail is None:
            raise sheet_error(FindingCode.FILE_DAMAGED)
        try:
            return self._assemble(self._header, self._tail)
        except (ValueError, KeyError, TypeError, StopIteration):
            raise sheet_error(FindingCode.FILE_DAMAGED) from None

    def _assemble(self, header: dict[str, Any], tail: dict[str, Any]) -> Table:
        headers = [str(text) for text in header["headers"]]
        findings = Findings()
        check_header(headers, int(header["row"]), findings, self._layout)
        places = sorted((place, key) for key, place in positions(headers, self._layout).items())
        left = int(header["left"])
        key_at = {place + left: key for place, key in places}
        _add_formulas(tail["formulas"], key_at, findings)
        _add_merged(tail["merged"], key_at, findings)
        for code, name in (
            (FindingCode.CELL_FORMULA, "formulas"),
            (FindingCode.CELLS_MERGED, "merged"),
        ):
            unlisted = int(tail.get(f"{name}_count", 0)) - len(tail[name])
            findings.count(code, max(0, unlisted))
        return Table(
            layout=self._layout,
            sheet=str(header["sheet"]),
            columns=tuple(key for _, key in places),
            findings=findings,
            rows=self._rows,
            chunks=tuple(self._chunks),
        )


def _error_from(content: dict[str, Any]) -> SheetError:
    facts = {str(key): str(value) for key, value in content["facts"].items()}
    return sheet_error(FindingCode(content["code"]), facts)


def _add_formulas(places: Sequence[Any], key_at: dict[int, str], findings: Findings) -> None:
    for row, column in places:
        fault = Fault(code=FindingCode.CELL_FORMULA)
        findings.add(fault, row=int(row) + 1, column=key_at[column])


def _add_merged(ranges: Sequence[Any], key_at: dict[int, str], findings: Findings) -> None:
    for top, left, bottom, right in ranges:
        key = next(key for place, key in key_at.items() if left <= place <= right)
        facts = {"first_row": str(int(top) + 1), "last_row": str(int(bottom) + 1)}
        fault = Fault(code=FindingCode.CELLS_MERGED, facts=facts)
        findings.add(fault, row=int(top) + 1, column=key)
