"""Reading the sides of a reconciliation: the database, the sealed packages, the receipt files.

A package is opened in memory and never lies in clear on the disk. Receipts count only when their
signature holds; a file that is none, or that nobody we know has signed, is told and left out.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Engine, exists, select
from sqlalchemy.orm import Session, defer

from registry.errors import RegistryError
from registry.store.base import read_unit
from registry.store.certificates import Certificate, CertificateState
from registry.store.log import EventGroup, EventPage
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.uploads import Upload, UploadReceipt, UploadState
from registry.upload.freezing import write_frozen
from registry.upload.kit import Kit
from registry.upload.making import ROWS
from registry.upload.reconcile_sides import (
    Answered,
    Difference,
    HeldRow,
    HeldUpload,
    Key,
    OneUpload,
    ReceiptCopy,
    Rest,
    SentRow,
    SentUpload,
)
from registry.upload.reconcile_words import Code
from signing.canonical import encode
from signing.envelope import Envelope, EnvelopeJson, to_object
from signing.errors import SigningError
from signing.report import Answer
from signing.tlog.entry import StatusChange, parse_entry
from signing.tlog.tiles import decode_bundle
from signing.upload.manifest import open_manifest
from signing.upload.package import MANIFEST_NAME, open_package
from signing.upload.receipt import MAX_RECEIPT_BYTES, SignedReceipt, open_receipt
from signing.upload.rows import Row, read_rows

_PAGE: Final = 1_000
_NEW: Final = (UploadKind.NEW.value, UploadKind.SUPPLEMENT.value, UploadKind.CORRECTION.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What the reading is handed: the outbox's surroundings, and rules that this room has not.

    ``signer`` judges who signed a receipt; ``report_by`` gives the last day for reporting an event
    of a moment, ``answer_by`` the last day for the receipt of what was sent at one; None where no
    rule gives a day.
    """

    kit: Kit
    today: date
    signer: Callable[[SignedReceipt], Answer]
    report_by: Callable[[datetime], date | None]
    answer_by: Callable[[datetime], date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Everything to compare; ``uploads`` are read one at a time, as they are asked for."""

    uploads: Iterator[OneUpload]
    rest: Rest


def receipt_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files of these paths: a folder stands for its ``.json`` files, in order."""
    files = []
    for path in paths:
        files += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return list(dict.fromkeys(files))


def read_sides(engine: Engine, files: Iterable[Path], judging: Judging) -> Sides:
    """Read what there is to compare. Raises OSError where a named file cannot be read."""
    faults: list[Difference] = []
    receipts = _Receipts(judging, faults)
    for file in files:
        with file.open("rb") as data:
            receipts.add(data.read(MAX_RECEIPT_BYTES + 1), source=file.name)
    with read_unit(engine) as session:
        for kept in session.scalars(select(UploadReceipt)):
            receipts.add(kept.envelope, imported=kept.imported_at is not None)
        query = select(Upload).options(defer(Upload.manifest)).order_by(Upload.upload_id)
        uploads = [one for one in session.scalars(query) if one.state != UploadState.DISSOLVED]
        manifests = {one.upload_id: one for one in _manifests(session)}
        cities = {one.city for one in manifests.values()} | {judging.kit.city}
        rest = Rest(
            cities=frozenset(cities),
            today=judging.today,
            loose=tuple(_loose(session, judging)),
            unowed=tuple(_unowed(session)),
            strays=receipts.strays({one.upload_id for one in uploads}),
            faults=tuple(faults),
            manifests=tuple(
                (one.upload_id, one.digest, one.previous) for one in manifests.values()
            ),
        )

    def read(upload: Upload) -> OneUpload:
        manifest = manifests.get(upload.upload_id)
        city = manifest.city if manifest else ""
        return _one(engine, upload, city, receipts.of(upload.upload_id), judging)

    each = map(read, uploads)
    return Sides(uploads=each, rest=rest)


def fingerprint(record: EnvelopeJson, opening: bytes) -> str:
    """Return the SHA-256 in hex over a signed record as it is sent, and its opening (32 bytes)."""
    return hashlib.sha256(opening + encode(record)).hexdigest()


def _one(
    engine: Engine,
    upload: Upload,
    city: str,
    receipts: tuple[ReceiptCopy, ...],
    judging: Judging,
) -> OneUpload:
    held = HeldUpload(
        upload=upload.upload_id,
        state=UploadState(upload.state),
        city=city,
        batch=upload.authority_batch or "",
        snapshot=upload.snapshot or "",
        manifest=upload.manifest_digest or "",
        answer_due=judging.answer_by(upload.sent_at) if upload.sent_at else None,
    )
    sent = None if upload.package is None else _sent(engine, upload.upload_id, judging.kit)
    keys = {row.key for row in sent.rows} if sent else set[Key]()
    with read_unit(engine) as session:
        own = UploadRow.upload_id == upload.upload_id
        rows = {row.key: row for row in _held_rows(session, judging, own, opened=True)}
        # What the package has and the registry does not keep under it: refused and owed again,
        # in a later upload, or not there at all.
        away = sorted({key.number for key in keys if key not in rows})
        for start in range(0, len(away), _PAGE):
            page = Certificate.number.in_(away[start : start + _PAGE])
            found = _held_rows(session, judging, page, opened=True)
            rows |= {row.key: row for row in found if row.key in keys}
    return OneUpload(held=held, rows=tuple(rows.values()), sent=sent, receipts=receipts)


def _loose(session: Session, judging: Judging) -> Iterator[HeldRow]:
    """Yield the rows in no upload of which something is to be said: what is owed in time is not."""
    for row in _held_rows(session, judging, UploadRow.upload_id.is_(None)):
        in_time = row.due is None or row.due >= judging.today
        if row.state is not RowState.OWED or not in_time:
            yield row


def _held_rows(
    session: Session, judging: Judging, where: ColumnElement[bool], *, opened: bool = False
) -> Iterator[HeldRow]:
    query = (
        select(UploadRow, Certificate, EventGroup.at)
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .join(EventGroup, EventGroup.group_id == Certificate.group_id)
        .where(where)
        .order_by(UploadRow.status_index, UploadRow.kind)
        .execution_options(yield_per=_PAGE)
    )
    for row, certificate, at in session.execute(query):
        withdrawn = row.kind == UploadKind.WITHDRAWAL.value
        since = _revoked_at(session, certificate) if withdrawn else at
        yield HeldRow(
            key=Key(number=certificate.number, edition=certificate.edition, kind=row.kind),
            record=_record(certificate, judging.kit) if opened else "",
            state=RowState(row.state),
            upload=row.upload_id or "",
            row=row.row,
            reason=row.reason,
            due=judging.report_by(since) if since else None,
        )


def _record(certificate: Certificate, kit: Kit) -> str:
    try:
        held = kit.open(certificate)
    except (RegistryError, SigningError):
        return ""
    return fingerprint(to_object(held.envelope), held.opening)


def _revoked_at(session: Session, certificate: Certificate) -> datetime | None:
    """Return when an edition was revoked: the moment of the group that says so in the log."""
    query = (
        select(EventGroup.at, EventPage.entries, EventPage.width)
        .join(EventPage, EventPage.group_id == EventGroup.group_id)
        .where(EventGroup.kind == "revoke", EventGroup.batch_id == certificate.batch_id)
    )
    for at, entries, width in session.execute(query):
        change = parse_entry(decode_bundle(entries, width)[0])
        if isinstance(change, StatusChange) and change.index == certificate.status_index:
            moment: datetime = at
            return moment
    return None


def _sent(engine: Engine, upload_id: str, kit: Kit) -> SentUpload | None:
    """Read a package as it went out, checked against its digest; None where that cannot be had."""
    out = io.BytesIO()
    try:
        write_frozen(engine, upload_id, kit, out)
        with open_package(out.getvalue()) as package:
            signed = open_manifest(package.read(MANIFEST_NAME))
            snapshot = hashlib.sha256(package.read(ROWS)).hexdigest()
            with package.open(ROWS) as file:
                rows = tuple(map(_sent_row, read_rows(file)))
    except (RegistryError, SigningError):
        return None
    return SentUpload(
        batch=signed.manifest.batch, snapshot=snapshot, manifest=signed.digest, rows=rows
    )


def _sent_row(row: Row) -> SentRow:
    key = Key(number=row.number, edition=row.edition, kind=row.kind.value)
    return SentRow(row=row.row, key=key, record=fingerprint(row.record, row.opening))


def _unowed(session: Session) -> Iterator[Key]:
    """Yield the editions that left no row for their issue, or for their revocation."""
    for states, kinds in (
        (tuple(CertificateState), _NEW),
        ((CertificateState.REVOKED,), (UploadKind.WITHDRAWAL.value,)),
    ):
        owed = exists(
            select(1).where(
                UploadRow.status_index == Certificate.status_index, UploadRow.kind.in_(kinds)
            )
        )
        query = (
            select(Certificate.number, Certificate.edition, EventGroup.kind)
            .join(EventGroup, EventGroup.group_id == Certificate.group_id)
            .where(Certificate.state.in_(states), ~owed)
        )
        for number, edition, group in session.execute(query):
            kind = kinds[0] if len(kinds) == 1 else _kind_of_issue(edition, group)
            yield Key(number=number, edition=edition, kind=kind)


def _kind_of_issue(edition: int, group: str) -> str:
    """Return the kind of row that an edition should have left, by the group it was made in."""
    if edition > 1:
        return UploadKind.CORRECTION.value
    return (UploadKind.SUPPLEMENT if group == "import" else UploadKind.NEW).value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the registry's own copy of a manifest says of its place."""

    upload_id: str
    digest: str
    city: str
    previous: str


def _manifests(session: Session) -> Iterator[_Kept]:
    """Yield the manifests in the order of their sequence; one at a time, they may be megabytes."""
    query = (
        select(Upload.upload_id, Upload.manifest_digest, Upload.manifest)
        .where(Upload.sequence.is_not(None))
        .order_by(Upload.sequence)
        .execution_options(yield_per=1)
    )
    for upload_id, digest, data in session.execute(query):
        city, previous = "", "unreadable"
        try:
            manifest = open_manifest(data or b"").manifest
            city, previous = manifest.city, manifest.previous
        except SigningError:
            pass
        yield _Kept(upload_id=upload_id, digest=digest or "", city=city, previous=previous)


class _Receipts:
    """Receipts by digest, from files and from the database; what is none goes to the faults."""

    def __init__(self, judging: Judging, faults: list[Difference]) -> None:
        self._judging = judging
        self._faults = faults
        self._known: dict[str, ReceiptCopy] = {}
        self._envelopes: dict[str, Envelope] = {}

    def add(self, data: bytes, *, source: str = "", imported: bool = False) -> None:
        """Take a receipt that was read from a file, or from the database (``source`` "")."""
        try:
            signed = open_receipt(data)
        except SigningError as fault:
            self._fault(Code.FILE_UNREADABLE, source, fault.code)
            return
        upload = signed.receipt.upload
        match self._judging.signer(signed):
            case Answer.INVALID:
                self._fault(Code.RECEIPT_SIGNATURE, source, signed.digest, upload)
                return
            case Answer.CANNOT_SAY:
                self._fault(Code.RECEIPT_SIGNER_UNKNOWN, source, signed.digest, upload)
                return
            case Answer.VALID:
                pass
        known = self._known.get(signed.digest)
        if known is None:
            self._known[signed.digest] = _copy(signed, source, imported=imported)
            self._envelopes[signed.digest] = signed.envelope
            return
        before = self._envelopes[signed.digest]
        # The centre signs anew what a revoked key had signed: another key, the same payload.
        if before.key_id == signed.envelope.key_id and before != signed.envelope:
            self._fault(Code.RECEIPT_BYTES, source or known.source, signed.digest, upload)
        self._known[signed.digest] = replace(
            known, source=known.source or source, imported=known.imported or imported
        )

    def of(self, upload_id: str) -> tuple[ReceiptCopy, ...]:
        """Return the receipts that name an upload."""
        return tuple(one for one in self._known.values() if one.upload == upload_id)

    def strays(self, uploads: set[str]) -> tuple[ReceiptCopy, ...]:
        """Return the receipts that name none of these uploads."""
        return tuple(one for one in self._known.values() if one.upload not in uploads)

    def _fault(self, code: Code, source: str, got: str, upload: str = "") -> None:
        self._faults.append(Difference(code=code, source=source, got=got, upload=upload))


def _copy(signed: SignedReceipt, source: str, *, imported: bool) -> ReceiptCopy:
    receipt = signed.receipt
    return ReceiptCopy(
        digest=signed.digest,
        previous=receipt.previous,
        source=source,
        imported=imported,
        city=receipt.city,
        upload=receipt.upload,
        batch=receipt.batch,
        manifest=receipt.manifest,
        snapshot=receipt.snapshot,
        rows=tuple(
            Answered(
                row=row.row,
                key=Key(number=row.number, edition=row.edition, kind=row.kind.value),
                accepted=row.accepted,
                reason=row.reason,
            )
            for row in receipt.rows
        ),
    )
