"""A table as read: what its header told, and its rows, kept small and iterated at will."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.rules.findings import FindingCode
from registry.sheets.columns import RESULTS, Layout
from registry.sheets.errors import sheet_error
from registry.sheets.frames import decode_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.rules.findings import Findings
    from registry.rules.text import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a layout. ``columns``: the keys of those present, in the sheet's order.

    ``findings``: faults of the file, header and cells' form (merged cells, formulas); those of
    the values are the checkers' of registry.rules. Iterating gives (row number in the
    spreadsheet, cells by column key), again from the start each time; a kept row costs its
    text, about 130 bytes.
    """

    sheet: str
    columns: tuple[str, ...]
    findings: Findings
    rows: int
    chunks: tuple[bytes, ...] = field(repr=False)
    layout: Layout = RESULTS

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[tuple[int, dict[str, Cell]]]:
        """Give the rows in order.

        Raises:
            SheetDamaged: what the worker sent is not rows of this table.

        """
        keys, width = self.columns, len(self.columns)
        try:
            for chunk in self.chunks:
                for number, cells in decode_rows(chunk, width):
                    yield number, dict(zip(keys, cells, strict=False))
        except ValueError:
            raise sheet_error(FindingCode.FILE_DAMAGED) from None
