"""Reading the first rows of the centre's empty template, as an administrator got it."""

from __future__ import annotations

import csv
import io
import zipfile
from itertools import islice
from pathlib import Path
from typing import Final

from registry.sheets.package import Oversize, check_bounds
from registry.upload.errors import TemplateDiffers
from registry.upload.mapping import Mapping
from registry.upload.template import HEADER_WITHIN, check_headers

MAX_TEMPLATE_BYTES: Final = 8 * 1024 * 1024
"""An empty template is a few kilobytes."""

_UNPACKED_BYTES: Final = 64 * 1024 * 1024


def check_template_file(mapping: Mapping, file: Path) -> int:
    """Return the heading's row number, if the template has the mapping's columns.

    The mapping's sheet is looked at in a workbook, or the first if there is none of that name.
    Raises ``TemplateDiffers``, also for what is no table.
    """
    if file.stat().st_size > MAX_TEMPLATE_BYTES:
        raise TemplateDiffers("文件过大，不是空白的上报模板 (too large for an empty template)")
    data = file.read_bytes()
    try:
        rows = _workbook(data, mapping.sheet) if data.startswith(b"PK") else _csv(data)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, Oversize, csv.Error):
        raise TemplateDiffers("模板无法读取，请用 xlsx 或 CSV 格式 (not xlsx or CSV)") from None
    return check_headers(mapping, rows)


def _workbook(data: bytes, sheet: str) -> list[list[str]]:
    # Loaded for this command alone.
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415

    with zipfile.ZipFile(io.BytesIO(data)) as package:
        check_bounds(package, _UNPACKED_BYTES)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
        found = book.get_sheet_by_name(sheet if sheet in names else names[0])
        rows = found.to_python(skip_empty_area=False, nrows=HEADER_WITHIN)
    except CalamineError as fault:
        raise ValueError(str(fault)) from None
    return [[str(cell) for cell in row] for row in rows]


def _csv(data: bytes) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030")
    return list(islice(csv.reader(io.StringIO(text, newline=""), strict=True), HEADER_WITHIN))
