"""A filled table sent in (上传并核对): read by the limited worker, checked by the use case.

The file is read before the database's write lock is taken, and stands on disk only in a private
folder that goes with the work. What is wrong with it is kept as a fault report; of a large table
the page tells how the check goes on, and of its faults how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol, TypeAlias

from flask import redirect
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from registry.errors import Refused
from registry.office.fault_reports import drop_report, keep_report
from registry.office.identity import Identity
from registry.office.unit import Desk
from registry.rules.findings import Findings
from registry.rules.text import Cell
from registry.sheets.columns import Layout
from registry.sheets.errors import SheetError
from registry.sheets.limits import MEBIBYTE, Limits
from registry.sheets.reader import open_table
from registry.sheets.report import write_report
from registry.sheets.table import Table
from registry.web.long_work import LARGE_FILE, Tell, Words, follow
from registry.wording import message

FOUND: Final = "found"
"""Where an address says how many faults a large table has."""

SHOWN: Final = 30
"""Faults a page lists; the report has all that are listed at all."""

LIMITS: Final = Limits(
    file_bytes=8 * MEBIBYTE,
    unpacked_bytes=64 * MEBIBYTE,
    rows=5000,
    cpu_seconds=20,
    wall_seconds=40.0,
    table_bytes=8 * MEBIBYTE,
)
"""A table names the people of one company's one assessment, not a year's results."""

Rows: TypeAlias = Iterable[tuple[int, Mapping[str, Cell]]]


class Checked(Protocol):
    """What a use case says of a table; one that is not acceptable was not kept."""

    @property
    def findings(self) -> Findings:
        """What is wrong."""

    @property
    def acceptable(self) -> bool:
        """Whether it was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One upload: the case, by whom, which table, the use case, and where to go on or back.

    ``check(session, rows, form)`` is the use case; ``form`` are the findings on the file itself;
    ``show(faults, total)`` is the page again, with the first of its ``total`` faults.
    """

    case_id: int
    by: Identity
    layout: Layout
    check: Callable[[Session, Rows, Findings], Checked]
    onward: str
    back: str
    words: Words
    show: Callable[[tuple[str, ...], int], str]


class Held:
    """A file on disk in a private folder of its own; its own name is never used for anything."""

    def __init__(self, file: FileStorage, most: int = LIMITS.file_bytes) -> None:
        self._most = most
        self._folder = TemporaryDirectory(prefix="upload-")
        self.path = Path(self._folder.name, "upload")
        file.save(self.path)

    def is_large(self) -> bool:
        """Say whether the check may take seconds; a file over the limit is refused at once."""
        return LARGE_FILE <= self.path.stat().st_size <= self._most

    def drop(self) -> None:
        """Remove the file."""
        self._folder.cleanup()


def receive(desk: Desk, file: FileStorage, upload: Upload) -> Response | tuple[str, int]:
    """Check the file that was sent: go on if it was kept, else show the page with its faults."""
    held = Held(file)
    if held.is_large():
        return check_with_progress(desk, held, upload)
    try:
        found = check_now(desk, held, upload)
    except SheetError as error:
        return upload.show((message(error.finding),), 1), 422
    total = found.errors + found.warnings
    if not total:
        return redirect(upload.onward, 303)
    return upload.show(tuple(message(one) for one in found.listed[:SHOWN]), total), 422


def check_now(desk: Desk, held: Held, upload: Upload) -> Findings:
    """Check a table; return what keeps it from being kept, empty if it was.

    Raises ``SheetError`` for a file that is no such table, and what the use case raises.
    """
    try:
        table = open_table(held.path, LIMITS, upload.layout)
        with desk.write() as session:
            rows = desk.telling(table, len(table))
            checked = upload.check(session, rows, table.findings)
        if checked.acceptable:
            drop_report(desk.documents, upload.case_id)
            return Findings()
        report = report_of(held, table, checked.findings)
        keep_report(desk.documents, upload.case_id, report, desk.context(upload.by))
        return checked.findings
    finally:
        held.drop()


def check_with_progress(desk: Desk, held: Held, upload: Upload) -> Response:
    """Check a large table, and tell how it goes."""

    def run(tell: Tell) -> str:
        try:
            found = check_now(replace(desk, tell=tell), held, upload)
        except SheetError as error:
            raise Refused(message(error.finding)) from None
        count = found.errors + found.warnings
        return f"{upload.back}?{FOUND}={count}" if count else upload.onward

    return follow(run, upload.words, upload.back)


def found_text(count: int) -> str:
    """Say of a large table that it was not kept."""
    return f"上次上传的表格有 {count} 处问题，没有保存。请下载问题表，逐行改正后重新上传。"


def report_of(held: Held, table: Table, findings: Findings) -> bytes:
    """Write the fault report of a table, beside the file that was sent."""
    path = held.path.with_name("report.xlsx")
    # The file's own findings are among those of the check already.
    bare = replace(table, findings=Findings())
    write_report(bare, findings, path, message=message)
    return path.read_bytes()
