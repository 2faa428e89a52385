"""Tables sent to the machine API (表格): read by the limited worker, kept wholly or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy.orm import Session

from registry.office.cases import CaseRow, get_case
from registry.office.fault_reports import drop_report
from registry.rules.findings import Findings
from registry.sheets.columns import Layout
from registry.sheets.errors import SheetError
from registry.sheets.limits import Limits
from registry.sheets.reader import open_table
from registry.sheets.table import Table
from registry.web.api.cases import Case, after
from registry.web.api.endpoint import Call, Given
from registry.web.api.problems import SheetFinding, SheetRefused, findings_of
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


class Checked(Protocol):
    """What a use case says of a table."""

    @property
    def findings(self) -> Findings:
        """What is wrong; errors: nothing was kept."""

    @property
    def people(self) -> Sequence[object]:
        """The persons read."""


class Kept(Given, frozen=True, kw_only=True):
    """A table was kept: how many persons, and what is worth a look though it is no error."""

    case: Case
    people: int
    warnings: tuple[SheetFinding, ...]


def keep_table(
    call: Call, limits: Limits, layout: Layout, put: Callable[[Session, CaseRow, Table], Checked]
) -> Kept:
    """Read the body as a table and keep it in the case of the address. Raises ``SheetRefused``."""
    with sent_table(call, limits, layout) as table, call.desk.write() as session:
        case = get_case(session, call.case_id, call.by)
        checked = put(session, case, table)
        demand_sound(checked.findings)
        kept = Kept(
            case=after(session, case),
            people=len(checked.people),
            warnings=findings_of(checked.findings.listed),
        )
    # A report of an earlier, rejected file holds persons and serves nobody any more.
    drop_report(call.desk.documents, call.case_id)
    return kept


def demand_sound(findings: Findings) -> None:
    """Raise ``SheetRefused`` if there is an error among the findings."""
    if findings.errors:
        raise SheetRefused(findings.listed, findings.errors)
