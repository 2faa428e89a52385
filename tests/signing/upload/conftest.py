"""A small package of a small city: three new certificates and one withdrawal, all of it honest."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from keys.model import Purpose
from keys.trust import Trust
from signing.envelope import to_json, to_object
from signing.report import Answer
from signing.tlog.entry import State
from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.ranges import prove_range
from signing.upload.check import PackageCheck, PackageStep, check_package
from signing.upload.manifest import Counts, FileFacts, Files, Manifest, Range, sign_manifest
from signing.upload.package import MANIFEST_NAME, NAMES, write_package
from signing.upload.rowcheck import RowCheck
from signing.upload.rows import IssuedLeaf, Row, RowKind, encode_row

CREATED = "2026-11-24T01:30:00Z"


@dataclass(kw_only=True)
class City:
    """What a city sends; mutable, so that a test can spoil any part of it."""

    log: Any
    trust: Trust
    signer: Any
    keys: tuple[Any, ...]
    now: datetime
    folder: Path
    rows: list[Row] = field(default_factory=list)
    lines: list[bytes] | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = [self.new(at, row) for row, at in enumerate((0, 1, 3), 1)]
        self.rows.append(self.withdrawal(1, 4))
        self.files = {"summary.pdf": b"%PDF-1.7 summary", "table.csv": b"csv", "table.xlsx": b"PK"}

    def new(self, at: int, row: int, **change: Any) -> Row:
        usual = Row(
            code={"id_type": "201", "kind": "新增", "level": "3"},
            edition=1,
            entry=self.log.leaves[1 + at],
            index=1 + at,
            kind=RowKind.NEW,
            number=self.log.records[at].number,
            opening=self.log.opening(at),
            reason="",
            record=to_object(self.log.envelope(at)),
            row=row,
        )
        return replace(usual, **change)

    def withdrawal(self, at: int, row: int, **change: Any) -> Row:
        issued = IssuedLeaf(entry=self.log.leaves[1 + at], index=1 + at)
        index = len(self.log.leaves) - 2
        usual = {
            "kind": RowKind.WITHDRAWAL,
            "issued": issued,
            "entry": self.log.leaves[index],
            "index": index,
            "reason": "test",
            "code": {},
        }
        return self.new(at, row, **usual | change)

    def ranges(self) -> tuple[Range, ...]:
        indices = sorted({index for row in self.rows for index, _ in row.leaves})
        known = {index: leaf_hash(entry) for row in self.rows for index, entry in row.leaves}
        tree = self.log.tree()
        found = []
        while indices:
            first = end = indices[0]
            while end in indices:
                end += 1
            indices = [index for index in indices if index >= end]
            hashes = [known[index] for index in range(first, end)]
            proof = tuple(item.hex() for item in prove_range(first, end, tree.size, tree))
            found.append(Range(end=end, first=first, proof=proof, root=root_of(hashes).hex()))
        return tuple(found)

    def all_files(self) -> dict[str, bytes]:
        lines = self.lines
        if lines is None:
            lines = [encode_row(row) for row in self.rows]
        return {"rows.jsonl": b"".join(lines), **self.files}

    def manifest(self, **change: Any) -> Manifest:
        files = self.all_files()
        facts = {
            name: FileFacts(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
            for name, data in files.items()
        }
        kinds = [row.kind for row in self.rows]
        usual: dict[str, Any] = {
            "batch": "GD-2026-0001",
            "checkpoint": self.log.note.decode(),
            "city": self.trust.log_origin,
            "counts": Counts(
                withdrawal=kinds.count(RowKind.WITHDRAWAL),
                new=kinds.count(RowKind.NEW),
                correction=kinds.count(RowKind.CORRECTION),
                supplement=kinds.count(RowKind.SUPPLEMENT),
            ),
            "created": CREATED,
            "files": Files(
                rows=facts["rows.jsonl"],
                summary=facts["summary.pdf"],
                csv=facts["table.csv"],
                xlsx=facts["table.xlsx"],
            ),
            "key": self.signer.info.key_id,
            "organisation": "Y000044999001",
            "previous": "",
            "ranges": self.ranges(),
            "rows": len(self.rows),
            "sequence": 1,
            "snapshot": facts["rows.jsonl"].sha256,
            "upload": "U00000001",
        }
        return Manifest(**usual | change)

    def package(self, envelope: Any = None, **change: Any) -> bytes:
        """Give the package; `change` goes into the manifest before it is signed."""
        signed = envelope or sign_manifest(self.manifest(**change), self.signer)
        return self.packed({MANIFEST_NAME: to_json(signed), **self.all_files()})

    def packed(self, files: Mapping[str, bytes]) -> bytes:
        paths = {}
        for name, data in files.items():
            paths[name] = self.folder / name
            paths[name].write_bytes(data)
        out = io.BytesIO()
        write_package(out, paths)
        return out.getvalue()

    def check(self, package: bytes | None = None, **change: Any) -> tuple[PackageCheck, list[Any]]:
        rows: list[RowCheck] = []
        given = {"trust": self.trust, "upload_keys": self.keys, "now": self.now, **change}
        trust, keys, now = given["trust"], given["upload_keys"], given["now"]
        data = self.package() if package is None else package
        return check_package(data, trust, keys, now=now, on_row=rows.append), rows


@pytest.fixture
def sender(make_signer: Any, trusted_key: Any) -> tuple[Any, Any]:
    """Give the upload key: its signer, and what the trust folder says of it."""
    signer = make_signer(9, Purpose.UPLOAD, "office")
    return signer, trusted_key(signer)


@pytest.fixture
def later(log: Any, make_later: Any) -> Any:
    """Give the log with a revocation of its second certificate."""
    return make_later(log, {1: State.REVOKED}, "2026-11-24T01:10:00Z")


@pytest.fixture
def city(later: Any, trust: Trust, sender: Any, now: datetime, tmp_path: Path) -> City:
    signer, key = sender
    return City(log=later, trust=trust, signer=signer, keys=(key,), now=now, folder=tmp_path)


@pytest.fixture
def said() -> Callable[[PackageCheck, PackageStep], tuple[Answer, str]]:
    """Give the function that looks up a step's answer and reason."""

    def look(check: PackageCheck, step: PackageStep) -> tuple[Answer, str]:
        finding = check.finding(step)
        assert finding is not None, check
        return finding.answer, finding.reason

    return look


def rezipped(data: bytes, change: Callable[[zipfile.ZipInfo], object]) -> bytes:
    """Write the same files by the library's usual way, with each entry's facts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in NAMES:
            info = old.getinfo(name)
            content = old.read(name)
            change(info)
            new.writestr(info, content)
    return out.getvalue()


@pytest.fixture
def rezip() -> Callable[..., bytes]:
    return rezipped
