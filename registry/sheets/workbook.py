"""An xlsx workbook's one sheet of data: which it is, its rows, merged cells and formulas.

Runs in the worker only.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from registry.rules.findings import FindingCode
from registry.sheets.columns import HELP_SHEET_NAME, WHOLE_FILE_SHEET_NAME, Layout
from registry.sheets.errors import sheet_error
from registry.sheets.package import (
    WORKBOOK_PART,
    Oversize,
    check_bounds,
    formula_cells,
    sheet_part,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from python_calamine import CalamineSheet

    from registry.sheets.frames import RawCell

_NOT_RESULTS: Final = frozenset({HELP_SHEET_NAME, WHOLE_FILE_SHEET_NAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The chosen sheet. ``left``: columns (from 0) that are empty before the first used one."""

    name: str
    left: int
    rows: Iterator[list[RawCell]]
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    package: zipfile.ZipFile

    def formulas(self) -> Iterator[tuple[int, int]]:
        """Give (row, column), from 0, of each cell with a formula."""
        return formula_cells(self.package, sheet_part(self.package, self.name))


def open_sheet(data: bytes, unpacked_bytes: int, layout: Layout) -> Sheet:
    """Open the layout's sheet of a workbook; hidden rows are read like any others.

    Raises:
        SheetRefused: another kind of zip, or no way to tell which sheet is meant.
        SheetTooLarge: the package unpacks beyond the bound.

    """
    package = zipfile.ZipFile(io.BytesIO(data))
    if WORKBOOK_PART not in package.namelist():
        raise sheet_error(FindingCode.FILE_NOT_A_TABLE)
    try:
        check_bounds(package, unpacked_bytes)
    except Oversize:
        raise sheet_error(FindingCode.FILE_EXPANDS) from None
    sheet = _choose(CalamineWorkbook.from_filelike(io.BytesIO(data)), layout.sheet)
    return Sheet(
        name=sheet.name,
        left=sheet.start[1] if sheet.start else 0,
        rows=sheet.iter_rows(),
        merged=tuple(sheet.merged_cell_ranges or ()),
        package=package,
    )


def _choose(workbook: CalamineWorkbook, expected: str) -> CalamineSheet:
    """Take the sheet with the template's name, else the only visible one that is not empty."""
    visible = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]
    if expected in visible:
        return workbook.get_sheet_by_name(expected)
    used = []
    for name in visible:
        sheet = workbook.get_sheet_by_name(name)
        if name not in _NOT_RESULTS and sheet.start is not None:
            used.append(sheet)
    if len(used) != 1:
        facts = {"count": str(len(used)), "expected": expected}
        raise sheet_error(FindingCode.SHEET_CHOICE if used else FindingCode.HEADER_NOT_FOUND, facts)
    return used[0]
