"""Holding the mapping against the centre's own empty template (上报模板): column by column.

Where a column was moved, renamed, added or dropped, the mapping is out of date, and a table written
by it would put names under the wrong headings. The check names each cell that differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from registry.upload.errors import TemplateDiffers
from registry.upload.mapping import Mapping

HEADER_WITHIN: Final = 20
"""The heading is looked for in so many rows: titles and notes may stand above it."""

_SHOWN: Final = 40


def check_headers(mapping: Mapping, rows: Sequence[Sequence[str]]) -> int:
    """Return the row number (from 1) of the heading, if it is the mapping's to the letter.

    `rows` are the template's first rows. Raises ``TemplateDiffers`` naming each cell.
    """
    wanted = [column.header for column in mapping.columns]
    at, found = _heading(rows, wanted)
    faults = []
    for column in range(max(len(wanted), len(found))):
        ours = wanted[column] if column < len(wanted) else ""
        theirs = found[column] if column < len(found) else ""
        if ours != theirs:
            faults.append(f"{_cell(column, at)}：{_difference(ours, theirs, wanted)}")
    if faults:
        raise TemplateDiffers(
            f"模板与映射 {mapping.label} 不一致，共 {len(faults)} 处：{'；'.join(faults)}。"
            "请按新模板修改映射文件并提高版本号 (the template's columns differ)"
        )
    return at + 1


def _heading(rows: Sequence[Sequence[str]], wanted: list[str]) -> tuple[int, list[str]]:
    best: tuple[int, int, list[str]] = (0, 0, [])
    for at, row in enumerate(rows[:HEADER_WITHIN]):
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        alike = len(set(cells) & set(wanted))
        if alike > best[0]:
            best = (alike, at, cells)
    if best[0] * 2 < len(wanted):
        raise TemplateDiffers(
            f"前 {HEADER_WITHIN} 行中没有找到上报表的表头，请确认是省中心的上报模板 "
            "(no heading of the upload table in this file)"
        )
    return best[1], best[2]


def _difference(ours: str, theirs: str, wanted: list[str]) -> str:
    shown = theirs[:_SHOWN]
    if not theirs:
        return f"缺少“{ours}”列"
    if not ours:
        return f"多出“{shown}”列"
    moved = "（该列移动了位置）" if theirs in wanted else ""
    return f"应为“{ours}”，模板为“{shown}”{moved}"


def _cell(column: int, row: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row + 1}"
