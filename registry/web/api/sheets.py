"""Tables sent to the machine API (表格): read by the limited worker, kept wholly or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from registry.rules.findings import Findings
from registry.sheets.columns import Layout
from registry.sheets.errors import SheetError
from registry.sheets.limits import Limits
from registry.sheets.reader import open_table
from registry.sheets.table import Table
from registry.web.api.endpoint import Call
from registry.web.api.problems import SheetRefused
from registry.web.spreadsheets import saved_upload


@contextmanager
def sent_table(call: Call, limits: Limits, layout: Layout) -> Iterator[Table]:
    """Read the body as a table of a layout. Raises ``SheetRefused`` for what is none."""
    with saved_upload(call.file) as path:
        try:
            table = open_table(path, limits, layout)
        except SheetError as error:
            raise SheetRefused((error.finding,), 1) from None
        yield table


def demand_sound(findings: Findings) -> None:
    """Raise ``SheetRefused`` if there is an error among the findings."""
    if findings.errors:
        raise SheetRefused(findings.listed, findings.errors)
