"""Writes the provincial upload table (省中心上报表) as xlsx or csv from a mapping file.

Two promises. The same rows, mapping and time give the same bytes, so the file's SHA-256 in the
signed manifest can be recomputed. And what stands in a cell is the value as held or nothing is
written at all: every cell is text, no value is altered to fit, none can act as a formula.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import xlsxwriter

from registry.rules.levels import BY_SYMBOL
from registry.rules.numbers import PREFIX_LENGTH
from registry.upload.errors import FAULTS_SHOWN, Fault, FaultCode, UploadError, UploadRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry.upload.mapping import Column, Mapping

SUMMARY_SHEET: Final = "汇总"
ROWS_MAX: Final = 1_048_575  # Excel's own limit, less the heading
TEXT_MAX: Final = 255

_CHINA = timezone(timedelta(hours=8))
# No cell keeps these as they are: control characters, halves of surrogate pairs, non-characters,
# and OOXML's own _xHHHH_ escapes, of which XlsxWriter misses one where two overlap.
_UNWRITABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]|_x[0-9a-fA-F]{4}_"
)
# Spreadsheets take these for a formula's start, some locales the full-width ones too.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
_NAMEABLE = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)


class DataKind(StrEnum):
    """What a row is to the provincial centre (数据类型): 新增, 更正 or 补录.

    A withdrawal (撤销) is owed too, but no source names its value in the table: a mapping without
    a code for it refuses the row.
    """

    NEW = "new"
    CORRECTION = "correction"
    SUPPLEMENT = "supplement"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """One certificate as it goes to the province.

    `id_type` and `level` are the record's own values; the mapping turns them into the province's
    codes. `employer` (所在单位) and `direction` (工种) may be empty.
    """

    name: str
    id_type: str
    id_number: str
    employer: str
    occupation: str
    direction: str
    level: str
    number: str
    issued: date
    assessor: str
    issuer_body: str
    kind: DataKind


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbookSummary:
    """What was written: the number of rows, the file's SHA-256 (64 hex), the mapping's label."""

    rows: int
    sha256: str
    version: str


def write_workbook(
    mapping: Mapping, rows: Iterable[UploadRow], out: Path, *, created: datetime, filed: str = ""
) -> WorkbookSummary:
    """Write `rows` to `out`, whose ending says which: ``.xlsx`` (with 汇总 sheet) or ``.csv``.

    `created` is an aware time; it stands in the file and is all of "now" that does. `filed` is the
    organisation's name as filed, "" if it is not known: the 汇总 sheet has it where no row is of
    what is issued now. The file appears complete, readable by its owner alone, or not at all.
    Raises `UploadRefused` with the faults by row and column, `UploadError` for another ending.
    """
    writers = {".xlsx": _write_xlsx, ".csv": _write_csv}
    if out.suffix not in writers:
        raise UploadError("the upload file's name must end in .xlsx or .csv")
    table = _Table(mapping, filed)
    # Beside the target, so that the rename is atomic and no ID number passes through /tmp. A crash
    # leaves the directory with its unfinished files behind; they are never taken for an upload.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".upload-") as scratch:
        part = Path(scratch) / out.name
        part.touch(mode=0o600)
        writers[out.suffix](table, rows, part, created)
        if table.faults:
            raise UploadRefused(tuple(table.faults))
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        part.replace(out)
    _fsync_directory(out.parent)
    return WorkbookSummary(rows=table.rows, sha256=digest, version=mapping.label)


def nameable(value: str) -> str:
    """Return an unknown code as a fault may name it: no value that could be a person's."""
    return value if _NAMEABLE.fullmatch(value) else "?"


class _Table:
    """Turns rows into cells by the mapping; collects faults and counts on the way."""

    def __init__(self, mapping: Mapping, filed: str) -> None:
        self.mapping = mapping
        self.filed = filed
        self.faults: list[Fault] = []
        self.rows = 0
        self.counts: Counter[tuple[str, DataKind]] = Counter()
        self.prefix = ""
        self.bodies: tuple[str, str] | None = None
        self.first: tuple[str, str] | None = None

    def names(self) -> tuple[str, str]:
        """Return assessor and issuing body as the sheet to be stamped names them.

        An older certificate has the name of its time, an imported one what its table said.
        """
        filed = (self.filed, self.filed) if self.filed else None
        return self.bodies or filed or self.first or ("", "")

    def cells(self, rows: Iterable[UploadRow], *, formulas: bool) -> Iterator[list[str]]:
        """Yield each row's cells; after the first fault only look for more of them.

        `formulas` says that the format cannot mark a cell as text, so that what looks like a
        formula would become one.
        """
        columns = [(c, attrgetter(c.source)) for c in self.mapping.columns]
        for number, row in enumerate(rows, 1):
            if number > ROWS_MAX:
                self._fault(number, columns[0][0], FaultCode.TOO_MANY_ROWS, str(ROWS_MAX))
                return
            cells = [
                self._cell(number, column, get(row), formulas=formulas) for column, get in columns
            ]
            self._one_body(number, row)
            if len(self.faults) >= FAULTS_SHOWN:
                return
            self.rows = number
            self.counts[row.level, row.kind] += 1
            if not self.faults:
                yield cells

    def _cell(self, number: int, column: Column, value: str | date, *, formulas: bool) -> str:
        if isinstance(value, date):
            return value.strftime(column.date_format)
        if not value:
            if column.required:
                self._fault(number, column, FaultCode.EMPTY)
            return column.empty
        if column.codes is not None:
            if value not in column.codes:
                self._fault(number, column, FaultCode.UNKNOWN_CODE, nameable(value))
            return column.codes.get(value, "")
        if len(value) > TEXT_MAX:
            self._fault(number, column, FaultCode.TOO_LONG, str(TEXT_MAX))
        elif _UNWRITABLE.search(value) or value.startswith("<r>"):
            # XlsxWriter copies a text from <r> to </r> into the sheet as raw XML: a way in for
            # cells of the sender's own making.
            self._fault(number, column, FaultCode.UNWRITABLE)
        elif formulas and _FORMULA.match(value):
            self._fault(number, column, FaultCode.FORMULA_LIKE)
        return value

    def _one_body(self, number: int, row: UploadRow) -> None:
        # One file is one organisation's: the authority gives batch numbers per body. By its code,
        # and, of what is issued now, by its name: an older certificate has the name of its time.
        bodies, prefix = (row.assessor, row.issuer_body), row.number[:PREFIX_LENGTH]
        self.first = self.first or bodies
        self.prefix = self.prefix or prefix
        if row.kind is DataKind.NEW:
            self.bodies = self.bodies or bodies
        fits = row.kind is not DataKind.NEW or bodies == self.bodies
        if prefix != self.prefix or not fits:
            column = next(
                (c for c in self.mapping.columns if c.source in {"assessor", "issuer_body"}),
                self.mapping.columns[0],
            )
            self._fault(number, column, FaultCode.SECOND_BODY)

    def _fault(self, number: int, column: Column, code: FaultCode, fact: str = "") -> None:
        self.faults.append(Fault(row=number, header=column.header, code=code, fact=fact))


def _write_csv(table: _Table, rows: Iterable[UploadRow], part: Path, _created: datetime) -> None:
    # The byte order mark is what makes Excel read the file as UTF-8 and not as GBK.
    with part.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([c.header for c in table.mapping.columns])
        writer.writerows(table.cells(rows, formulas=True))


def _write_xlsx(table: _Table, rows: Iterable[UploadRow], part: Path, created: datetime) -> None:
    mapping = table.mapping
    # constant_memory streams rows to a file of its own in tmpdir instead of holding them all.
    options = {"constant_memory": True, "tmpdir": str(part.parent)}
    with xlsxwriter.Workbook(str(part), options) as book:
        book.set_properties({"title": mapping.title, "created": created.astimezone(UTC)})
        bold = book.add_format({"bold": True, "bg_color": "#DDE6F0", "border": 1})
        text = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet(mapping.sheet)
        for at, column in enumerate(mapping.columns):
            sheet.set_column(at, at, column.width, text)
            sheet.write_string(0, at, column.header, bold)
        sheet.freeze_panes(1, 0)
        # Numbers are meant to be text here; Excel need not flag every one of them.
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        for number, cells in enumerate(table.cells(rows, formulas=False), 1):
            for at, cell in enumerate(cells):
                if cell:
                    sheet.write_string(number, at, cell, text)
        summary = book.add_worksheet(SUMMARY_SHEET)
        summary.set_column(0, 0, 26)
        summary.set_column(1, 4, 16)
        for number, line in enumerate(_summary(table, created)):
            for at, value in enumerate(line):
                if isinstance(value, int):
                    summary.write_number(number, at, value)
                elif not table.faults:
                    summary.write_string(number, at, value)


def _summary(table: _Table, created: datetime) -> Iterator[list[str | int]]:
    """Give the lines of the summary sheet: a thin 表5, counts by level and kind, to be stamped."""
    mapping = table.mapping
    kind_names = next(c.codes for c in mapping.columns if c.source == "kind") or {}
    assessor, issuer = table.names()
    yield [f"{mapping.title}　汇总"]
    yield ["评价机构", assessor]
    yield ["发证机构", issuer]
    yield ["制表时间（北京时间）", f"{created.astimezone(_CHINA):%Y-%m-%d %H:%M}"]
    yield ["模板版本", f"{mapping.label}，自 {mapping.in_force_from.isoformat()} 起施行"]
    yield []
    kinds = [k for k in DataKind if k.value in kind_names]
    yield ["职业技能等级", *(kind_names[k.value] for k in kinds), "合计"]
    for level in sorted({level for level, _ in table.counts}, reverse=True):
        line = [table.counts[level, k] for k in kinds]
        yield [BY_SYMBOL[level].printed if level in BY_SYMBOL else level, *line, sum(line)]
    line = [sum(n for (_, kind), n in table.counts.items() if kind is k) for k in kinds]
    yield ["合计", *line, sum(line)]
    yield []
    yield ["填报单位（盖章）："]
    yield ["填报人：", "", "日期："]


def _fsync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
