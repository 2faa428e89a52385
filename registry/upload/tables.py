"""From an upload's rows to the rows and codes of the centre's table (省中心上报表).

The table knows three kinds (新增, 更正, 补录). A withdrawal (撤销) goes into it only where the
mapping has a code for it; else it stands in the signed rows and on the summary sheet alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from registry.store.outbox import UploadKind
from registry.upload.errors import FAULTS_SHOWN, Fault, FaultCode, UploadRefused
from registry.upload.mapping import Mapping
from registry.upload.workbook import DataKind, UploadRow, nameable
from signing.envelope import from_object
from signing.record import Record, parse_record
from signing.upload.rows import RowKind, read_rows

_KINDS: Final = {
    UploadKind.NEW: DataKind.NEW,
    UploadKind.CORRECTION: DataKind.CORRECTION,
    UploadKind.SUPPLEMENT: DataKind.SUPPLEMENT,
    UploadKind.WITHDRAWAL: DataKind.WITHDRAWAL,
}


class Coder:
    """Gives each row the centre's codes by a mapping, and collects what has none.

    ``codes`` may be called for every row; ``finish`` raises ``UploadRefused`` naming row and
    column of each value that the mapping's tables lack.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._columns = [(c.source, c.header, c.codes) for c in mapping.columns if c.codes]
        self._withdraws = tabled(mapping, UploadKind.WITHDRAWAL)
        self._faults: list[Fault] = []

    def codes(self, number: int, kind: UploadKind, record: Record) -> dict[str, str]:
        """Return the codes of row ``number`` by the names of the mapping's sources, in order."""
        row = table_row(kind, record)
        found = {}
        for source, header, codes in self._columns:
            value = getattr(row, source)
            if value in codes:
                found[source] = codes[value]
            elif value and (self._withdraws or kind is not UploadKind.WITHDRAWAL):
                fact = nameable(value)
                fault = Fault(row=number, header=header, code=FaultCode.UNKNOWN_CODE, fact=fact)
                self._faults.append(fault)
        if len(self._faults) >= FAULTS_SHOWN:
            self.finish()
        return dict(sorted(found.items()))

    def finish(self) -> None:
        """Raise ``UploadRefused`` if a row had a value without a code."""
        if self._faults:
            raise UploadRefused(tuple(self._faults))


def tabled(mapping: Mapping, kind: UploadKind) -> bool:
    """Say whether rows of this kind stand in the mapping's table."""
    codes = next((c.codes for c in mapping.columns if c.source == "kind"), None)
    return kind is not UploadKind.WITHDRAWAL or _KINDS[kind].value in (codes or {})


def table_row(kind: UploadKind, record: Record) -> UploadRow:
    """Return the table's row of one record."""
    return UploadRow(
        name=record.name,
        id_type=record.id_type.value,
        id_number=record.id_number,
        employer="",
        occupation=record.occupation,
        direction=record.direction,
        level=record.level,
        number=record.number,
        issued=date.fromisoformat(record.issued),
        assessor=record.issuer,
        issuer_body=record.issuer,
        kind=_KINDS[kind],
    )


def records_of(file: Path) -> Iterator[tuple[UploadKind, Record]]:
    """Read kind and record of each row of a `rows.jsonl` that this program wrote."""
    with file.open("rb") as rows:
        for row in read_rows(rows):
            yield _kind(row.kind), parse_record(from_object(row.record).payload)


def table_rows(
    records: Iterable[tuple[UploadKind, Record]], mapping: Mapping
) -> Iterator[UploadRow]:
    """Yield the rows that stand in the table, in order."""
    return (table_row(kind, record) for kind, record in records if tabled(mapping, kind))


def _kind(kind: RowKind) -> UploadKind:
    return UploadKind(kind.value)
