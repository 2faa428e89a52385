"""Freezing (定稿) an upload: its bytes are made, signed and kept once, and never change again.

Order of writes, and what a crash leaves:

    scratch folder    files in clear, 0700; the next freezing of any upload removes it
    sealed package    a file the database does not name; the next freezing replaces or removes it
    commit            state, digests, manifest, row numbers, event and audit line: now it is frozen

Until the commit the upload is only prepared, and freezing it again makes other bytes (a later
checkpoint). From the commit on the package is the sealed file; where that is lost or damaged it is
made again from the database and the manifest, and let out only if it is the same to the byte.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from msgspec import UNSET
from sqlalchemy import Engine, bindparam, func, select, update
from sqlalchemy.orm import Session

from registry.store.base import read_unit, write_unit
from registry.store.outbox import UploadRow
from registry.store.uploads import Upload, UploadState
from registry.upload.errors import NotInLog, PackageLost, UploadStateRefused
from registry.upload.gather import Member, members_of
from registry.upload.kit import Kit
from registry.upload.making import (
    Facts,
    WrittenRows,
    checkpoint_of,
    pack,
    prove,
    prove_history,
    write_rows,
    write_tables,
)
from registry.upload.naming import filed_name
from registry.upload.outbox import Doing, check_batch_number, get_upload, note, require_state
from registry.upload.vault import copy_package, is_whole, seal_package, sealed_file
from signing.envelope import to_json
from signing.tlog.entry import format_time, parse_time
from signing.upload.manifest import Files, Manifest, open_manifest

_LOCK = ".lock"
_ROWS = UploadRow.metadata.tables["upload_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an upload comes to stand among the city's manifests."""

    sequence: int
    previous: str
    checkpoint: str
    """The checkpoint of the manifest before, if it is of the same log; else ""."""
    proved: bool
    """Whether that manifest proved the log's history: who has done so once must go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What the scratch folder gave: the signed manifest's bytes and digests, and the members."""

    place: _Place
    members: list[Member]
    manifest: bytes
    digest: str
    snapshot: str
    package: str


def freeze(engine: Engine, upload_id: str, kit: Kit, doing: Doing, *, batch: str = "") -> Upload:
    """Freeze an upload and return it; one that is frozen already is returned as it is.

    ``batch`` sets the authority's batch number, which cannot change later. Raises ``NotFound``,
    ``UploadStateRefused``, ``NotInLog``, ``UploadRefused`` (with row and column), ``Overtaken``.
    """
    check_batch_number(batch)
    with _alone(kit.folder):
        with read_unit(engine) as session:
            upload = get_upload(session, upload_id)
            if upload.manifest is not None:
                return _as_frozen(upload, batch)
            require_state(upload, UploadState.PREPARED)
            place = _next_place(session, kit.city)
            created = parse_time(format_time(doing.now))
            facts = Facts(
                upload_id=upload_id,
                prefix=upload.prefix,
                batch=batch or upload.authority_batch or "",
                created=created,
                filed=filed_name(session, upload.prefix, created),
            )
        made = _make(engine, facts, place, kit)
        with write_unit(engine) as session:
            return _commit(session, facts, made, kit, doing)


def write_frozen(engine: Engine, upload_id: str, kit: Kit, out: BinaryIO) -> Upload:
    """Write a frozen upload's package to ``out``, checked to the last byte.

    Made again from the database if the sealed file is lost or damaged. Raises ``NotFound``,
    ``UploadStateRefused``, ``PackageLost``: what was written before an error is to be thrown away.
    """
    with read_unit(engine) as session:
        upload = get_upload(session, upload_id)
    if upload.package is None:
        require_state(upload, UploadState.FROZEN)
    digest = str(upload.package)
    file = sealed_file(kit.folder, upload_id, digest)
    if not is_whole(file, digest, key=kit.field_key):
        with _alone(kit.folder):
            _make_again(engine, upload, file, kit)
    copy_package(file, digest, out, key=kit.field_key)
    return upload


def hand_out(engine: Engine, upload_id: str, kit: Kit, doing: Doing, out: BinaryIO) -> Upload:
    """Give a frozen upload's package to a person, as `write_frozen` does, with an audit line.

    The line stands before the first byte goes out: the package holds ID numbers.
    """
    with write_unit(engine) as session:
        upload = get_upload(session, upload_id)
        if upload.package is None:
            require_state(upload, UploadState.FROZEN)
        note(session, upload, "package", doing, f"package {upload.package}")
    return write_frozen(engine, upload_id, kit, out)


def _as_frozen(upload: Upload, batch: str) -> Upload:
    if batch and batch != (upload.authority_batch or ""):
        msg = (
            f"上报批 {upload.upload_id} 已定稿，批次号不能再改：批次号以清单为准 "
            "(the upload is frozen; its batch number cannot change)"
        )
        raise UploadStateRefused(msg)
    return upload


def _next_place(session: Session, city: str) -> _Place:
    last = session.scalars(
        select(Upload).where(Upload.sequence.is_not(None)).order_by(Upload.sequence.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return _Place(sequence=1, previous="", checkpoint="", proved=False)
    before = open_manifest(last.manifest or b"").manifest
    return _Place(
        sequence=(last.sequence or 0) + 1,
        previous=last.manifest_digest or "",
        checkpoint=before.checkpoint if before.city == city else "",
        proved=before.consistency is not UNSET,
    )


def _make(engine: Engine, facts: Facts, place: _Place, kit: Kit) -> _Made:
    with _scratch(kit.folder, facts.upload_id) as scratch:
        with read_unit(engine) as session:
            members = members_of(session, facts.upload_id)
            written = write_rows(session, members, kit, scratch)
        files = write_tables(facts, written, kit, scratch)
        manifest = _manifest(facts, place, written, files, kit)
        envelope = kit.sign(manifest)
        data = to_json(envelope)
        file, package = pack(data, scratch)
        target = sealed_file(kit.folder, facts.upload_id, package)
        for old in kit.folder.glob(f"{facts.upload_id}-*"):
            # Of a freezing that came to no commit; nobody has had its bytes.
            old.unlink()
        seal_package(file, target, package, key=kit.field_key, random=kit.random)
    return _Made(
        place=place,
        members=members,
        manifest=data,
        digest=hashlib.sha256(envelope.payload).hexdigest(),
        snapshot=written.snapshot,
        package=package,
    )


def _manifest(
    facts: Facts, place: _Place, written: WrittenRows, files: Files, kit: Kit
) -> Manifest:
    if kit.key_leaf is None:
        msg = (
            "没有已写入公开日志且在用的上报密钥，不能定稿：请用 `certreg upload key list` 核对，"
            "必要时 `certreg upload key add`，再运行 `certreg anchor` "
            "(no upload key is in force and in the log)"
        )
        raise NotInLog(msg)
    last = max(kit.key_leaf, *written.leaves)
    if place.checkpoint:
        # Never a smaller tree than was reported before: each goes on from the last one.
        last = max(last, checkpoint_of(place.checkpoint.encode()).size - 1)
    checkpoint = kit.note(last)
    if not checkpoint or checkpoint_of(checkpoint).size <= last:
        raise NotInLog("请先运行 `certreg anchor` (the checkpoint does not have these rows yet)")
    reads = place.proved if kit.proves is None else kit.proves
    proves = bool(place.checkpoint) and reads
    return Manifest(
        batch=facts.batch,
        checkpoint=checkpoint.decode(),
        city=kit.city,
        consistency=prove_history(place.checkpoint, checkpoint, kit) if proves else UNSET,
        counts=written.counts,
        created=format_time(facts.created),
        files=files,
        key=kit.key_id,
        organisation=facts.prefix,
        previous=place.previous,
        ranges=prove(written.leaves, checkpoint, kit),
        rows=written.counts.total,
        sequence=place.sequence,
        snapshot=written.snapshot,
        upload=facts.upload_id,
    )


def _commit(session: Session, facts: Facts, made: _Made, kit: Kit, doing: Doing) -> Upload:
    upload = get_upload(session, facts.upload_id, lock=True)
    require_state(upload, UploadState.PREPARED)
    newest, place = session.scalar(select(func.max(Upload.sequence))) or 0, made.place
    count = session.scalar(
        select(func.count()).select_from(UploadRow).where(UploadRow.upload_id == upload.upload_id)
    )
    if newest != place.sequence - 1 or count != len(made.members):
        # Another machine froze one meanwhile: the chain of manifests has one next place.
        msg = "同时有另一批定稿，本次没有保存，请再办理一次 (another upload was frozen first)"
        raise UploadStateRefused(msg)
    upload.sequence, upload.state = place.sequence, UploadState.FROZEN.value
    upload.frozen_at, upload.authority_batch = facts.created, facts.batch or None
    upload.snapshot, upload.package = made.snapshot, made.package
    upload.manifest, upload.manifest_digest = made.manifest, made.digest
    upload.mapping = kit.mapping.label
    session.connection().execute(
        update(_ROWS)
        .where(_ROWS.c.status_index == bindparam("at"), _ROWS.c.kind == bindparam("of"))
        .values(row=bindparam("number")),
        [
            {"at": member.status_index, "of": member.kind.value, "number": number}
            for number, member in enumerate(made.members, 1)
        ],
    )
    note(session, upload, "freeze", doing, f"{len(made.members)} rows; snapshot {made.snapshot}")
    return upload


def _make_again(engine: Engine, upload: Upload, target: Path, kit: Kit) -> None:
    if upload.mapping != kit.mapping.label or upload.manifest is None:
        raise _lost(upload, f"mapping {upload.mapping}")
    manifest = open_manifest(upload.manifest).manifest
    created = parse_time(manifest.created)
    with _scratch(kit.folder, upload.upload_id) as scratch:
        with read_unit(engine) as session:
            facts = Facts(
                upload_id=upload.upload_id,
                prefix=upload.prefix,
                batch=manifest.batch,
                created=created,
                filed=filed_name(session, upload.prefix, created),
            )
            written = write_rows(session, members_of(session, upload.upload_id), kit, scratch)
        if written.snapshot != upload.snapshot:
            raise _lost(upload, "rows.jsonl")
        files = write_tables(facts, written, kit, scratch).by_name()
        for name, known in manifest.files.by_name().items():
            if files[name] != known:
                raise _lost(upload, name)
        file, package = pack(upload.manifest, scratch)
        if package != upload.package:
            raise _lost(upload, "package")
        seal_package(file, target, package, key=kit.field_key, random=kit.random)


def _lost(upload: Upload, what: str) -> PackageLost:
    return PackageLost(
        f"上报批 {upload.upload_id} 的上报包丢失，且 {what} 不能照原样重新生成："
        "请从备份恢复 uploads 文件夹 (the package cannot be made again as it was)"
    )


@contextmanager
def _scratch(folder: Path, upload_id: str) -> Iterator[Path]:
    scratch = folder / f".{upload_id}"
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes of this home from the folder; the lock dies with its holder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in folder.glob(".U*"):
            # What a crash left, of whichever upload: persons' data in clear.
            shutil.rmtree(left)
        yield
    finally:
        os.close(descriptor)
