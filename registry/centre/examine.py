"""What a package proves by itself, under one city's trust: pure, and without the database.

`signing.upload.check` answers package and rows; here its rows become the few facts that the
centre decides by, so that nothing of a person is held: the record's digest, not the record. Each
row is also held to the numbering rule, to the centre's province and to its table's codes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import UNSET

from registry.centre.cities import CityTrust
from registry.rules.errors import NumberError
from registry.rules.numbers import parse_number
from registry.upload.mapping import Mapping
from signing.envelope import from_object
from signing.record import Record
from signing.report import Answer
from signing.tlog.treehead import Checkpoint
from signing.upload.check import PackageCheck, PackageStep, check_package
from signing.upload.manifest import SignedManifest
from signing.upload.rowcheck import RowCheck
from signing.upload.rows import RowKind

LATER: Final = "later-"
"""What the reason of a row begins with that cannot be judged now: it may be sent again."""


class RowReason(StrEnum):
    """Reasons of this room, beside those of `signing.upload.rowcheck`."""

    NUMBER_MALFORMED = "number-malformed"
    OTHER_PROVINCE = "number-other-province"
    CODE_UNKNOWN = "code-unknown"
    CODE_DIFFERS = "code-differs"
    PREFIX_UNKNOWN = "later-prefix-unknown"
    """Not among the city's issuers as the centre has them; they may be newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What this centre takes: the province of its numbers, and the table whose codes it knows."""

    province: str
    mapping: Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRow:
    """A row's facts for the decision; `reason` is "" if all that it says is proven."""

    row: int
    kind: RowKind
    number: str
    edition: int
    record: str
    """SHA-256 of the canonical record, in hex."""
    previous: str
    """The same of the edition before, as the record names it."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A package that can be judged row by row."""

    signed: SignedManifest
    rows: tuple[ProvenRow, ...]
    tree: Checkpoint | None
    """The tree that the city's log signed; None if that is not sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A package that cannot be: `code` says why, `later` whether another time will do.

    `signed` is there if the fault is in what the city signed, and no bytes can mend it.
    """

    code: str
    later: bool
    signed: SignedManifest | None = None
    tree: Checkpoint | None = None


_KINDS: Final = {
    RowKind.NEW: "new",
    RowKind.CORRECTION: "correction",
    RowKind.SUPPLEMENT: "supplement",
    RowKind.WITHDRAWAL: "withdrawal",
}
"""The kinds by the names that a mapping has for them."""


def examine(package: bytes, city: CityTrust, table: Table, *, now: datetime) -> Proven | Unjudged:
    """Check a package's bytes as one that came from this city. Never raises on bad evidence."""
    rows: list[ProvenRow] = []
    prefixes = city.trust.issuers.keys()

    def on_row(check: RowCheck) -> None:
        rows.append(_proven(check, table, prefixes))

    check = check_package(package, city.trust, city.upload_keys, now=now, on_row=on_row)
    fault = _package_fault(check)
    if fault is not None:
        return fault
    if check.manifest is None:
        raise AssertionError
    return Proven(signed=check.manifest, rows=tuple(rows), tree=check.tree)


def _package_fault(check: PackageCheck) -> Unjudged | None:
    """Return why no receipt can be written. Checkpoint and ranges speak through the rows."""
    for step in (PackageStep.CONTAINER, PackageStep.MANIFEST, PackageStep.FILES, PackageStep.ROWS):
        found = check.finding(step)
        if found is None or found.answer is Answer.VALID:
            continue
        # A file that is not the manifest's may have been spoilt on the way. Rows that are the
        # manifest's and do not read will never read.
        signed = check.manifest if step is PackageStep.ROWS else None
        later = found.answer is Answer.CANNOT_SAY
        return Unjudged(code=str(found.reason), later=later, signed=signed, tree=check.tree)
    return None


def _proven(check: RowCheck, table: Table, prefixes: Collection[str]) -> ProvenRow:
    row = check.row
    payload = from_object(row.record).payload
    return ProvenRow(
        row=row.row,
        kind=row.kind,
        number=row.number,
        edition=row.edition,
        record=hashlib.sha256(payload).hexdigest(),
        previous=check.record.previous if check.record is not None else "",
        reason=_reason(check, table, prefixes),
    )


def _reason(check: RowCheck, table: Table, prefixes: Collection[str]) -> str:
    if check.answer is Answer.INVALID:
        return str(check.reason)
    number = _number_fault(check.row.number, table.province, prefixes)
    if number:
        return number
    if check.answer is Answer.CANNOT_SAY:
        return LATER + str(check.reason)
    return _code_fault(check, table.mapping) if check.record is not None else ""


def _number_fault(text: str, province: str, prefixes: Collection[str]) -> str:
    try:
        number = parse_number(text)
    except NumberError:
        return RowReason.NUMBER_MALFORMED
    if number.province != province:
        return RowReason.OTHER_PROVINCE
    return "" if number.prefix in prefixes else RowReason.PREFIX_UNKNOWN


def _code_fault(check: RowCheck, mapping: Mapping) -> str:
    record, row = check.record, check.row
    if record is None:
        return ""
    values = _coded(record, row.kind)
    given = {} if row.code is UNSET else row.code
    tables = {column.source: column.codes for column in mapping.columns if column.codes}
    for source, codes in tables.items():
        expected = codes.get(values[source]) if source in values else None
        if expected is None and source in values and row.kind is not RowKind.WITHDRAWAL:
            return RowReason.CODE_UNKNOWN
        if source in given and given[source] != expected:
            return RowReason.CODE_DIFFERS
    return "" if given.keys() <= tables.keys() else RowReason.CODE_UNKNOWN


def _coded(record: Record, kind: RowKind) -> dict[str, str]:
    return {"id_type": record.id_type.value, "level": record.level, "kind": _KINDS[kind]}
