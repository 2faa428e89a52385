"""Has an employer's table read by the confined worker, and refuses what cannot be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify_web.bulk.rows import MOST_FAULTS, MOST_ROWS, Faulty, TableFault, row_faults
from verify_web.findings import Task
from verify_web.sandbox import SANDBOX

if TYPE_CHECKING:
    from verify_web.bulk.rows import AskedRow
    from verify_web.clients import Client
    from verify_web.site import Site


class TableRefused(Exception):
    """The table cannot be read (`table`), or rows of it cannot be checked (`listed` of `count`)."""

    def __init__(self, table: TableFault | None, faults: list[Faulty] | None = None) -> None:
        super().__init__(table)
        self.table = table
        self.listed = (faults or [])[:MOST_FAULTS]
        self.count = len(faults or [])


def read_rows(site: Site, client: Client, data: bytes) -> list[AskedRow]:
    """Read a table's rows. Raises TableRefused, TooManyFiles, Busy or ServiceTrouble."""
    site.allowance.upload(client)
    trust = str(site.config.public_dir / "trust")
    now = site.config.clock.now()
    finding = SANDBOX.inspect(Task(kind="table", data=data, trust=trust, now=now))
    if finding.outcome != "read":
        raise TableRefused(finding.fault or TableFault.NOT_A_TABLE)
    # Whoever took the worker over could send more than it may.
    if len(finding.rows) > MOST_ROWS:
        raise TableRefused(TableFault.TOO_MANY_ROWS)
    rows = list(finding.rows)
    if not rows:
        raise TableRefused(TableFault.EMPTY)
    faults = row_faults(rows)
    if faults:
        raise TableRefused(None, faults)
    return rows
