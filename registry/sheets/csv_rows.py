"""CSV as clerks save it: GB 18030 or UTF-8, with or without BOM; anything else is explained.

Runs in the worker only. UTF-8 is tried first: GB 18030 takes almost any bytes, and would read a
UTF-8 file as plausible nonsense.
"""

from __future__ import annotations

import codecs
import csv
import io
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from registry.rules.findings import FindingCode
from registry.sheets.columns import RESULTS, Layout, is_header
from registry.sheets.errors import sheet_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_WIDE_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_SEPARATORS: Final = {
    "\t": "制表符",
    ";": "分号",
    "；": "全角分号",
    "，": "全角逗号",
    "|": "竖线",
}
_BLOCK: Final = 1 << 20
_LONGEST_FIELD: Final = 32_768  # Excel's own longest cell; an unclosed quote swallows more
_HEADER_WITHIN: Final = 20


def _encoding_of(data: bytes) -> str:
    """Find the encoding by decoding everything, a block at a time."""
    if data.startswith(_WIDE_BOMS) or b"\0" in data:
        raise sheet_error(FindingCode.FILE_ENCODING)
    for encoding in _ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for start in range(0, len(data), _BLOCK):
                decoder.decode(data[start : start + _BLOCK])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise sheet_error(FindingCode.FILE_ENCODING)


def _refuse_other_separator(lines: list[str], layout: Layout) -> None:
    for line in lines:
        for separator, name in _OTHER_SEPARATORS.items():
            cells = [cell.strip().strip('"') for cell in line.split(separator)]
            if is_header(cells, layout):
                raise sheet_error(FindingCode.FILE_SEPARATOR, {"found": name})


def csv_rows(data: bytes, layout: Layout = RESULTS) -> Iterator[list[str]]:
    """Give the rows of a comma-separated file.

    Raises:
        SheetRefused: no known encoding, or separated by something else than commas.
        csv.Error: quotes that do not close.

    """
    stream = io.TextIOWrapper(io.BytesIO(data), encoding=_encoding_of(data), newline="")
    head = list(islice(stream, _HEADER_WITHIN))
    _refuse_other_separator(head, layout)
    csv.field_size_limit(_LONGEST_FIELD)
    return csv.reader(chain(head, stream), strict=True)
