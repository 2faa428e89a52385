"""`rows.jsonl`: what an upload reports, one canonical JSON object a line, in the log's order.

A row holds all that proves it but the tree: the signed record with the opening of its commitment,
and the leaf. Its SHA-256 over the whole file is the snapshot's digest (快照摘要): nothing of it
changes once the upload is frozen. A withdrawal's leaf names a status index and no certificate, so
such a row carries the issue leaf of the edition withdrawn beside it (`issued`).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, BinaryIO, Final

import msgspec
from msgspec import UNSET, UnsetType

from signing.canonical import MAX_INTEGER, Canonical, decode, decoder_for, encode
from signing.envelope import EnvelopeJson
from signing.errors import MalformedJson
from signing.record import OPENING_BYTES
from signing.upload.errors import MalformedUploadRow

MAX_ROWS: Final = 20_000
"""Rows of one upload: what a provincial clerk can still look through, and a package can hold."""

MAX_ROW_BYTES: Final = 24 * 1024
"""Longest line with its line end; one takes 1.5 KB, and a record can have 8 KiB at most."""

Index = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
ReasonCode = Annotated[str, msgspec.Meta(pattern=r"\A(?:|[a-z][a-z0-9-]{0,63})\Z")]
Number = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][0-9]{14}[0-9A-Z][0-9]{6}\Z")]
Edition = Annotated[int, msgspec.Meta(ge=1, le=9999)]
RowNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)]
LeafBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=1024)]


class RowKind(StrEnum):
    """What a row is to the provincial centre (数据类型)."""

    NEW = "新增"
    CORRECTION = "更正"
    SUPPLEMENT = "补录"
    WITHDRAWAL = "撤销"


class IssuedLeaf(Canonical, frozen=True, kw_only=True):
    """The issue leaf of a withdrawn edition: the leaf's bytes and its index in the log."""

    entry: LeafBytes
    index: Index


class Row(Canonical, frozen=True, kw_only=True):
    """One reported event; fields in the order of the canonical bytes.

    `entry` and `index` are the issue leaf; of a withdrawal (撤销) the leaf of the revocation, and
    `issued` is there, and only there. `code` holds the centre's codes that the mapping gave for
    this row, by the names of the mapping's sources. `reason` is a stable code, "" if none.
    """

    code: dict[Code, Code] | UnsetType = UNSET
    edition: Edition
    entry: LeafBytes
    index: Index
    issued: IssuedLeaf | UnsetType = UNSET
    kind: RowKind
    number: Number
    opening: Annotated[bytes, msgspec.Meta(min_length=OPENING_BYTES, max_length=OPENING_BYTES)]
    reason: ReasonCode
    record: EnvelopeJson
    row: RowNumber

    @property
    def certificate_leaf(self) -> IssuedLeaf:
        """The issue leaf of the edition that the row is about, whatever the row's kind."""
        if self.issued is UNSET:
            return IssuedLeaf(entry=self.entry, index=self.index)
        return self.issued

    @property
    def leaves(self) -> tuple[tuple[int, bytes], ...]:
        """The leaves that the row is proven by: (index, bytes), one or two."""
        own = (self.index, self.entry)
        return (own,) if self.issued is UNSET else (own, (self.issued.index, self.issued.entry))


_DECODER = decoder_for(Row)


def encode_row(row: Row) -> bytes:
    """Bytes of the line, with its line end. Raises MalformedUploadRow if no reader takes them."""
    line = encode(row) + b"\n"
    if len(line) > MAX_ROW_BYTES:
        raise MalformedUploadRow(f"row {row.row} is longer than {MAX_ROW_BYTES} bytes")
    _check(row)
    return line


def parse_row(line: bytes) -> Row:
    """Read a line with its line end, strictly. Raises MalformedUploadRow; verifies nothing."""
    if not line.endswith(b"\n"):
        raise MalformedUploadRow("the line of a row is cut off or too long")
    try:
        row = decode(line[:-1], _DECODER, limit=MAX_ROW_BYTES)
    except MalformedJson as error:
        raise MalformedUploadRow(f"the line of a row is damaged: {error}") from None
    _check(row)
    return row


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """Read `rows.jsonl` line by line: rows counted from 1, leaves in the log's order.

    Raises MalformedUploadRow naming the line. Nothing but the one row is held.
    """
    before = -1
    for number, line in enumerate(iter(lambda: file.readline(MAX_ROW_BYTES + 1), b""), 1):
        if number > MAX_ROWS:
            raise MalformedUploadRow(f"there are more than {MAX_ROWS} rows")
        try:
            row = parse_row(line)
        except MalformedUploadRow as error:
            raise MalformedUploadRow(f"line {number}: {error}") from None
        if row.row != number:
            raise MalformedUploadRow(f"line {number}: the row has another number")
        if row.index <= before:
            raise MalformedUploadRow(f"line {number}: the row is not in the log's order")
        before = row.index
        yield row


def _check(row: Row) -> None:
    if (row.issued is not UNSET) != (row.kind is RowKind.WITHDRAWAL):
        raise MalformedUploadRow("a withdrawal, and no other row, names an issue leaf beside")
    if row.issued is not UNSET and row.issued.index >= row.index:
        raise MalformedUploadRow("a withdrawal stands in the log before the issue")
    if row.code is not UNSET:
        names = list(row.code)
        # A dict keeps the order it was read in, so the canonical check does not see it.
        if names != sorted(names) or not all(map(str.isascii, names)):
            raise MalformedUploadRow("the codes of a row are not in order")
