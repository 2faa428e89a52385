"""A year's holiday notice as a file (节假日安排文件): the notice's own text, or a table of ranges.

What the file is its bytes say: a workbook, a CSV with the table's header, or text. Tables go
through the limited worker like all others; what was read is shown before anything is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from werkzeug.datastructures import FileStorage

from registry.office.form_faults import FieldFault, FormFaults
from registry.rules.notice_days import NoticeText, read_rows, read_text
from registry.sheets.errors import SheetError
from registry.sheets.layout_notice import NOTICE
from registry.sheets.limits import MEBIBYTE, Limits
from registry.sheets.reader import open_table
from registry.web.spreadsheets import saved_upload
from registry.wording import message

LIMITS: Final = Limits(
    file_bytes=MEBIBYTE,
    unpacked_bytes=16 * MEBIBYTE,
    rows=400,
    cpu_seconds=10,
    wall_seconds=20.0,
    table_bytes=MEBIBYTE,
)
_WORKBOOK: Final = b"PK\x03\x04"
_HEADER: Final = "开始日期"
_ENCODINGS: Final = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """The days of a file as the form's texts."""

    off: str
    work: str


def read_notice_file(file: FileStorage, year: int) -> ReadFile:
    """Read an uploaded notice. Raises ``FormFaults`` on ``file`` saying what cannot be read."""
    with saved_upload(file) as path:
        size = path.stat().st_size
        if not 0 < size <= LIMITS.file_bytes:
            raise _refused(f"文件为空，或者超过 {LIMITS.file_bytes // MEBIBYTE} MB，请核对")
        found = _read(path, year)
    if found.unread:
        listed = "、".join(found.unread[:8])
        raise _refused(f"没有写明放假还是上班，无法读取：{listed}。请改正文件，或者直接粘贴日期")
    if not found.off:
        raise _refused("文件中没有放假日期，请核对格式")
    return ReadFile(off=found.off, work=found.work)


def _read(path: Path, year: int) -> NoticeText:
    data = path.read_bytes()
    if not data.startswith(_WORKBOOK):
        text = _decoded(data)
        if _HEADER not in text:
            return read_text(text, year)
    try:
        table = open_table(path, LIMITS, NOTICE)
    except SheetError as error:
        raise _refused(message(error.finding)) from None
    if table.findings.errors:
        raise _refused("；".join(message(found) for found in table.findings.listed[:5]))
    return read_rows(table)


def _decoded(data: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("不能识别的文件，请上传 xlsx、csv 或者 txt 文件")


def _refused(text: str) -> FormFaults:
    return FormFaults([FieldFault(field="file", text=text)])
