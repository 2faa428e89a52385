"""Cells made comparable: invisible characters out, full-width ASCII folded (全角转半角).

Clerks paste from chat windows, PDF files and web pages; what they cannot see must neither fail
a row nor end up in a signed record, where it would make the certificate unfindable for ever.
"""

from __future__ import annotations

from typing import Final

# None: the sheet has no such column. An empty text: the cell is blank.
Cell = str | float | int | None

MASK = "*"
EXACT_BELOW: Final = 10**15  # Excel keeps 15 significant digits of a number

_SPACES = [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]
_SPACES += [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_INVISIBLE = [0xAD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F)]
_INVISIBLE += [*range(0x2060, 0x2070), 0xFEFF]
_TIDY: Final[dict[int, str | None]] = dict.fromkeys(_SPACES, " ") | dict.fromkeys(_INVISIBLE)
_FULL_WIDTH: Final[dict[int, str | None]] = {
    code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)
}
_FOLD: Final[dict[int, str | None]] = _TIDY | _FULL_WIDTH

_SHOWN_AT_MOST = 20
_LONG_FORM, _SHORT_FORM = 15, 8  # lengths from which 3 + 4 and 2 + 2 characters may stay


def tidy(text: str) -> str:
    """Remove invisible characters, make every blank one space, trim both ends."""
    return " ".join(text.translate(_TIDY).split())


def fold(text: str) -> str:
    """Tidy, and turn full-width letters, digits and signs into ASCII."""
    return " ".join(text.translate(_FOLD).split())


def squeeze(text: str) -> str:
    """Fold, and remove inner blanks too: for numbers and codes."""
    return "".join(text.translate(_FOLD).split())


def cell_text(cell: Cell) -> str:
    """Give a cell as text; a whole number that Excel holds exactly is written without a point."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if float(cell).is_integer() and abs(cell) < EXACT_BELOW:
        return str(int(cell))
    return repr(cell)


def mask_id(number: str) -> str:
    """Mask an ID number: first 3 and last 4 stay (domain.md §7), fewer of a short one."""
    size = len(number)
    head, tail = (3, 4) if size >= _LONG_FORM else (2, 2) if size >= _SHORT_FORM else (1, 0)
    hidden = max(0, size - head - tail)
    return number[:head] + MASK * hidden + number[head + hidden :] if hidden else MASK * size


def mask_name(name: str) -> str:
    """Mask a name: the first character stays (张*)."""
    return name[:1] + MASK * max(1, len(name) - 1)


def shown(text: str, familiar: str) -> str:
    """Give a faulty value for a finding, masked unless it looks like what the column holds.

    ``familiar`` lists characters that belong in the column. A name in the date column (columns
    shifted by one) has none of them and is masked; so are ID-like runs of characters.
    """
    text = tidy(text)
    if not any(char in familiar for char in text):
        return mask_name(text[:_SHOWN_AT_MOST])
    if sum(char.isalnum() and char.isascii() for char in text) >= _LONG_FORM:
        return mask_id(text[:_SHOWN_AT_MOST])
    return text[:_SHOWN_AT_MOST]
