"""Making an upload's files in a scratch folder: rows, tables, summary sheet, manifest, package.

All of it follows from the rows, the mapping, one moment and one checkpoint, and takes no other
"now": the same four give the same bytes, on any day. Before the manifest is signed, each range is
checked against the checkpoint the way the centre will: what a fault of memory or a stale tile
would spoil is found here, and not by them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace
from sqlalchemy.orm import Session

from registry.store.outbox import UploadKind
from registry.upload.errors import UploadError
from registry.upload.gather import Member, rows_of
from registry.upload.kit import Kit
from registry.upload.summary import Summary, summary_lines
from registry.upload.tables import Coder, records_of, table_rows
from registry.upload.workbook import write_workbook
from signing.errors import SigningError
from signing.tlog.merkle import leaf_hash, root_of, verify_consistency
from signing.tlog.note import parse_note
from signing.tlog.paths import consistency_path
from signing.tlog.ranges import prove_range, verify_range
from signing.tlog.tiles import TileReader
from signing.tlog.treehead import Checkpoint, parse_checkpoint
from signing.upload.manifest import FILE_NAMES, Counts, FileFacts, Files, History, Range
from signing.upload.package import MANIFEST_NAME, NAMES, write_package
from signing.upload.rows import encode_row

ROWS, PDF, CSV, XLSX = FILE_NAMES
Item = TypeVar("Item")
_BY_ROWS: Final = (ROWS, XLSX, CSV)
"""The files that are written row by row, in the order of their making."""

_TOLD_EVERY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an upload's files say besides its rows.

    ``created`` is whole seconds in UTC, ``filed`` the organisation's name as filed at that time.
    """

    upload_id: str
    prefix: str
    batch: str
    created: datetime
    filed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRows:
    """What was written to `rows.jsonl`: its digest, the counts, and the leaves' hashes by index."""

    snapshot: str
    counts: Counts
    leaves: Mapping[int, bytes]


def write_rows(session: Session, members: Sequence[Member], kit: Kit, scratch: Path) -> WrittenRows:
    """Write `rows.jsonl`. Raises ``UploadRefused`` where the mapping lacks a code."""
    digest, leaves = hashlib.sha256(), dict[int, bytes]()
    kinds: Counter[UploadKind] = Counter()
    coder = Coder(kit.mapping)
    with (scratch / ROWS).open("xb") as out:
        found = rows_of(session, members, kit.open)
        for row, opened in _telling(found, ROWS, len(members), kit):
            kind = UploadKind(row.kind.value)
            codes = coder.codes(row.row, kind, opened.record)
            line = encode_row(replace(row, code=codes))
            out.write(line)
            digest.update(line)
            kinds[kind] += 1
            leaves |= {index: leaf_hash(entry) for index, entry in row.leaves}
    coder.finish()
    counts = Counts(
        withdrawal=kinds[UploadKind.WITHDRAWAL],
        new=kinds[UploadKind.NEW],
        correction=kinds[UploadKind.CORRECTION],
        supplement=kinds[UploadKind.SUPPLEMENT],
    )
    return WrittenRows(snapshot=digest.hexdigest(), counts=counts, leaves=leaves)


def write_tables(facts: Facts, written: WrittenRows, kit: Kit, scratch: Path) -> Files:
    """Write both tables and the summary sheet from `rows.jsonl`; return what all files are.

    Raises ``UploadRefused`` where a value does not fit the table.
    """
    for name in (XLSX, CSV):
        # Read anew for each: all persons of an upload at once would be 20 MB.
        records = _telling(records_of(scratch / ROWS), name, written.counts.total, kit)
        rows = table_rows(records, kit.mapping)
        write_workbook(kit.mapping, rows, scratch / name, created=facts.created, filed=facts.filed)
    lines = summary_lines(records_of(scratch / ROWS))
    # What is issued now has one name. An older certificate has that of its time, and of an imported
    # one the name is the table's free text: it is no name to be stamped.
    issued = (
        record.issuer for kind, record in records_of(scratch / ROWS) if kind is UploadKind.NEW
    )
    summary = Summary(
        office=kit.office,
        body=next(issued, facts.filed),
        prefix=facts.prefix,
        upload_id=facts.upload_id,
        batch=facts.batch,
        frozen_at=facts.created,
        template=f"{kit.mapping.title}（{kit.mapping.label}）",
        snapshot=written.snapshot,
        lines=lines,
    )
    (scratch / PDF).write_bytes(kit.draw(summary))
    known = {name: _facts(scratch / name) for name in FILE_NAMES}
    return Files(rows=known[ROWS], summary=known[PDF], csv=known[CSV], xlsx=known[XLSX])


def prove(leaves: Mapping[int, bytes], note: bytes, kit: Kit) -> tuple[Range, ...]:
    """Return the ranges of these leaves with their proofs under the checkpoint ``note``.

    Raises ``UploadError`` where the log's files give another root than the checkpoint's.
    """
    tree = checkpoint_of(note)
    reader = TileReader(kit.read_tile).at(tree.size)
    ranges = []
    for first, end in runs(leaves):
        hashes = [leaves[index] for index in range(first, end)]
        proof = prove_range(first, end, tree.size, reader)
        try:
            verify_range(hashes, first, tree.size, proof, tree.root)
        except SigningError:
            msg = (
                "公开日志的文件与检查点不符，没有定稿：请先运行 `certreg log fsck` 核查 "
                "(the log's files lead to another root than its checkpoint's)"
            )
            raise UploadError(msg) from None
        root = root_of(hashes).hex()
        texts = tuple(item.hex() for item in proof)
        ranges.append(Range(end=end, first=first, proof=texts, root=root))
    return tuple(ranges)


def prove_history(before: str, note: bytes, kit: Kit) -> History:
    """Return the proof that the checkpoint ``note`` goes on from ``before``, a smaller or the same.

    Raises ``UploadError`` where the log's files do not say so.
    """
    old, new = checkpoint_of(before.encode()), checkpoint_of(note)
    proof = consistency_path(old.size, new.size, TileReader(kit.read_tile).at(new.size))
    try:
        verify_consistency(old.size, new.size, old.root, new.root, proof)
    except SigningError:
        msg = (
            "公开日志与以前上报的检查点不是同一历史，没有定稿：请先运行 `certreg log fsck` 核查 "
            "(the log does not go on from the checkpoint that was reported before)"
        )
        raise UploadError(msg) from None
    return History(proof=tuple(item.hex() for item in proof), root=old.root.hex(), size=old.size)


def runs(indices: Iterable[int]) -> list[tuple[int, int]]:
    """Return the maximal runs [first, end) of these indices, in order."""
    found: list[tuple[int, int]] = []
    for index in sorted(indices):
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def checkpoint_of(note: bytes) -> Checkpoint:
    """Read the tree head of a checkpoint note of our own."""
    return parse_checkpoint(parse_note(note).text)


def pack(manifest: bytes, scratch: Path) -> tuple[Path, str]:
    """Write the manifest and the package of the scratch folder; return it with its SHA-256."""
    (scratch / MANIFEST_NAME).write_bytes(manifest)
    file = scratch / "package.zip"
    with file.open("xb") as out:
        write_package(out, {name: scratch / name for name in NAMES})
    return file, _facts(file).sha256


def _telling(rows: Iterable[Item], name: str, count: int, kit: Kit) -> Iterator[Item]:
    """Pass the ``count`` rows of a file on, and tell how many of all files have gone by."""
    before, total = _BY_ROWS.index(name) * count, len(_BY_ROWS) * count
    for number, row in enumerate(rows):
        if number % _TOLD_EVERY == 0:
            kit.tell(before + number, total)
        yield row
    kit.tell(before + count, total)


def _facts(file: Path) -> FileFacts:
    with file.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return FileFacts(sha256=digest, size=file.stat().st_size)
