r"""How the worker hands rows to its parent: frames of kind (1 byte), length (u32), payload.

Kinds: ``M`` the header (JSON), ``R`` rows, ``T`` the tail (JSON), ``E`` an error (JSON). Rows are
the first one's number in the spreadsheet (u32) and UTF-8 text, cells joined by U+001F and rows,
which are adjacent, by U+001E; a cell that was a number begins with U+0002. No pickle, no marshal:
if a file took over the worker, its parent would still only split text.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry.rules.text import Cell

RawCell = str | float | bool | dt.date | dt.time | dt.timedelta

HEADER, ROWS, TAIL, ERROR = b"M", b"R", b"T", b"E"
PREFIX_BYTES: Final = 5
ROWS_A_FRAME: Final = 512
FRAME_BYTES: Final = 4 << 20
LONGEST_CELL: Final = 256

_CELL_END, _ROW_END, _NUMBER = "\x1f", "\x1e", "\x02"
_REPLACED: Final = dict.fromkeys(map(ord, _CELL_END + _ROW_END + _NUMBER), "\ufffd")
_LONGEST_ROW: Final = 1000
_FIRST_BYTES: Final = 4


def pack(kind: bytes, payload: bytes) -> bytes:
    """Put a payload into a frame."""
    return kind + len(payload).to_bytes(4, "big") + payload


def unpack_prefix(prefix: bytes) -> tuple[bytes, int]:
    """Give kind and length from a frame's first 5 bytes."""
    return prefix[:1], int.from_bytes(prefix[1:], "big")


def _number_text(cell: float) -> str:
    return f"{_NUMBER}{float(cell)!r}"


_TEXTS: Final[dict[type, Callable[..., str]]] = {
    str: str,
    float: _number_text,
    int: _number_text,
    bool: lambda cell: "TRUE" if cell else "FALSE",
    dt.date: dt.date.isoformat,
    dt.datetime: lambda cell: str(cell.isoformat(" ", "seconds")),
    dt.time: lambda cell: str(cell.isoformat("seconds")),
    dt.timedelta: str,
}


def _clean(cell: RawCell) -> RawCell:
    """Cut an overlong text, and take out the signs that would forge cells or rows."""
    return cell[:LONGEST_CELL].translate(_REPLACED) if isinstance(cell, str) else cell


def _column_texts(cells: Sequence[RawCell]) -> tuple[Sequence[str], int]:
    """Give a column as texts, and how many number marks belong in it."""
    kinds = list(map(type, cells))
    if kinds.count(str) == len(kinds):
        return cells, 0  # type: ignore[return-value]  # every cell's type was just looked at
    texts = [_TEXTS[kind](cell) for kind, cell in zip(kinds, cells, strict=True)]
    return texts, kinds.count(float) + kinds.count(int)


def _joined(rows: Sequence[Sequence[RawCell]]) -> tuple[str, int]:
    """Join rows, working by columns: a column has one type more often than a row has."""
    columns, numbers = [], 0
    for cells in zip(*rows, strict=True):
        texts, marks = _column_texts(cells)
        columns.append(texts)
        numbers += marks
    return _ROW_END.join(map(_CELL_END.join, zip(*columns, strict=True))), numbers


def encode_rows(first: int, rows: Sequence[Sequence[RawCell]]) -> bytes:
    """Encode adjacent rows of one width, of which the first has the number ``first``."""
    ends = (len(rows) * (len(rows[0]) - 1), len(rows) - 1)
    text, numbers = _joined(rows)
    marks = (text.count(_CELL_END), text.count(_ROW_END), text.count(_NUMBER))
    if marks != (*ends, numbers) or len(text) > len(rows) * _LONGEST_ROW:
        text, _ = _joined([[_clean(cell) for cell in row] for row in rows])
    return first.to_bytes(_FIRST_BYTES, "big") + text.encode()


def count_rows(payload: bytes) -> int:
    """Count the rows of a payload without decoding it."""
    return payload.count(_ROW_END.encode(), _FIRST_BYTES) + 1


def decode_rows(payload: bytes, width: int) -> Iterator[tuple[int, Sequence[Cell]]]:
    """Decode rows of ``width`` cells, each with its number.

    Raises:
        ValueError: not UTF-8, another width, or a number that is none.

    """
    text = payload[_FIRST_BYTES:].decode()
    numbers = _NUMBER in text
    first = int.from_bytes(payload[:_FIRST_BYTES], "big")
    for number, line in enumerate(text.split(_ROW_END), first):
        cells: Sequence[Cell] = line.split(_CELL_END)
        if len(cells) != width:
            raise ValueError("a row of another width")
        yield number, [_number(cell) for cell in cells] if numbers else cells


def _number(cell: Cell) -> Cell:
    return float(cell[1:]) if isinstance(cell, str) and cell[:1] == _NUMBER else cell
