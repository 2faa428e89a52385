"""From a checked table to certificates in the registry (补录入库): all rows or none.

What an issue writes is written here too (certificate, signature, ledger events, upload row, in one
transaction), with three differences: the number is the row's own, the leaf is an `import` entry,
and the upload row says 补录. The organisation signs with its key of today: it says that these are
certificates of its own, and the leaf says that they are older than the log's word. The audit line
is the caller's, who knows the step; what it says of the batch is `written_words`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from keys.dsse import pae
from keys.model import verify_signature
from keys.signer import Signer
from registry.errors import AlreadyHeld, NotFound, Refused
from registry.office.batch_rows import open_batch, owe_uploads
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.events import PAGE_COLUMNS, page_rows
from registry.office.importing_checks import highest_serials, require_unheld
from registry.office.importing_keys import require_days
from registry.office.issuer_keys import require_active
from registry.office.issuing import STATUS_SCOPE, IssuedBatch
from registry.office.sealing import (
    CERTIFICATE_COLUMNS,
    CHUNK,
    CertificateRow,
    Place,
    SigningFault,
    chunks,
)
from registry.rules.imported import ImportRow
from registry.store.audit import AuditLine
from registry.store.bulk import insert_rows
from registry.store.certificates import Batch, Certificate, CertificateState
from registry.store.counters import batch_scope, number_scope, raise_to, take_range
from registry.store.fields import NONCE_LENGTH, blind_index
from registry.store.log import EventPage
from registry.store.organisations import Issuer
from registry.store.outbox import UploadKind
from signing.canonical import encode
from signing.envelope import RECORD_TYPE
from signing.qr import new_token
from signing.record import OPENING_BYTES, PREFIX_LENGTH, IdType, Record, commitment
from signing.tlog.entry import Import

IMPORT_KIND = "import"
"""The kind of the event group that holds an import's certificates."""

_CERTIFICATES = Certificate.metadata.tables["certificates"]
_PAGES = EventPage.metadata.tables["event_pages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder:
    """What is to be imported: faultless rows under the import's ``reference`` (I-…), audited so."""

    prefix: str
    reference: str
    digest: str
    rows: Sequence[ImportRow]


def locked_issuer(session: Session, prefix: str) -> Issuer:
    """Return the issuer, locked until the commit. Raises ``NotFound``.

    Whoever issues, prepares or imports under a prefix waits here: numbers are looked at and taken
    by one at a time.
    """
    issuer = session.get(Issuer, prefix, with_for_update=True)
    if issuer is None:
        msg = f"no issuer with prefix {prefix}: add it with `certreg issuer add`"
        raise NotFound(msg)
    return issuer


def write_import(
    session: Session, order: ImportOrder, *, signer: Signer, context: Context
) -> IssuedBatch:
    """Put the rows into the registry, in the session's transaction; their issuer is locked by it.

    Raises ``NotFound``, ``KeyNotActive``, ``Refused`` for a number that is held, ``AlreadyHeld``
    for a person, ``SigningFault``.
    """
    issuer = locked_issuer(session, order.prefix)
    if not order.rows:
        raise Refused("the table holds no certificate: fill it in and send it again")
    require_active(session, order.prefix, signer.info.key_id)
    require_unheld(session, order.rows)
    require_days(signer.info, order.rows)
    now, count = context.clock.now(), len(order.rows)
    _raise_counters(session, order)
    first_status = take_range(session, STATUS_SCOPE, count, start=0)
    batch_id = _batch_id(session, order.prefix, now)
    batch = Batch(
        batch_id=batch_id,
        prefix=order.prefix,
        content_digest=order.digest,
        approval=order.reference,
        first_status=first_status,
        count=count,
        issued_at=now,
    )
    group = open_batch(session, batch, IMPORT_KIND)
    session.flush()
    place = Place(
        prefix=order.prefix,
        issuer=issuer.name,
        batch_id=batch_id,
        group_id=group.group_id,
        first_status=first_status,
    )
    _insert(session, order.rows, place, signer=signer, context=context)
    return IssuedBatch(
        batch_id=batch_id, count=count, ranges=number_ranges(order.rows), recognised=False
    )


def audit_line(
    order: ImportOrder, done: IssuedBatch, *, action: str, context: Context
) -> AuditLine:
    """Make the audit line of an import that the operator made at the machine."""
    return AuditLine(
        at=context.clock.now(),
        actor=context.actor,
        action=action,
        subject=order.reference,
        detail=written_words(done),
    )


def written_words(done: IssuedBatch) -> str:
    """Return what an audit line says of a batch that was imported."""
    return f"{done.count} certificates; batch {done.batch_id}"


def _batch_id(session: Session, prefix: str, now: datetime) -> str:
    # The day is public and provable: an import says since when it stands in the log.
    day = china_day(now)
    serial = take_range(session, batch_scope(prefix, day.year), 1, start=1)
    return f"{prefix}-{day:%Y%m%d}-{serial:04}"


def _raise_counters(session: Session, order: ImportOrder) -> None:
    """Let numbers go on above the highest imported one: none is minted from a gap below it.

    In the order in which an issue locks them, so that two of them never wait for each other.
    """
    for (year, level), serial in sorted(highest_serials(order.rows).items()):
        raise_to(session, number_scope(order.prefix, year, level), serial + 1)


def _insert(
    session: Session,
    rows: Sequence[ImportRow],
    place: Place,
    *,
    signer: Signer,
    context: Context,
) -> None:
    connection = session.connection()
    done = 0
    for chunk in chunks(iter(rows), CHUNK):
        sealed = list(_seal(chunk, place, done, signer=signer, context=context))
        try:
            certificates = [certificate for certificate, _leaf in sealed]
            insert_rows(connection, _CERTIFICATES, CERTIFICATE_COLUMNS, certificates)
        except IntegrityError:
            # The driver's message would carry the row's values: it is cut off here.
            msg = (
                "somebody in the table already holds a certificate of that occupation and level, "
                "nothing was imported: check the table again to see the rows"
            )
            raise AlreadyHeld(msg) from None
        leaves = [leaf for _certificate, leaf in sealed]
        insert_rows(connection, _PAGES, PAGE_COLUMNS, page_rows(place.group_id, done, leaves))
        done += len(chunk)
    # The close leaf is the group's last; its bytes need the range root, which the sequencer knows.
    insert_rows(connection, _PAGES, PAGE_COLUMNS, page_rows(place.group_id, done, [b""]))
    owe_uploads(session, place, done, UploadKind.SUPPLEMENT)


def _seal(
    rows: Sequence[ImportRow], place: Place, done: int, *, signer: Signer, context: Context
) -> Iterator[tuple[CertificateRow, bytes]]:
    seal = context.sealed_records().seal
    for status, row in enumerate(rows, place.first_status + done):
        person, payload = row.candidate, encode(_record(row, place.issuer))
        message = pae(RECORD_TYPE, payload)
        signature = signer.sign(message)
        _require_good(signer, message, signature)
        opening = context.random(OPENING_BYTES)
        leaf = Import(
            batch=place.batch_id,
            commit=commitment(opening, payload).hex(),
            edition=1,
            number=row.number,
            prefix=place.prefix,
            status=status,
        )
        held = opening + len(signature).to_bytes(2) + signature + payload
        certificate = (
            status,
            row.number,
            1,
            place.batch_id,
            place.group_id,
            person.level,
            person.occupation_code,
            person.issued.isoformat(),
            CertificateState.VALID.value,
            new_token(context.random),
            signer.info.key_id,
            blind_index(context.index_key, person.id_number),
            seal(status, context.random(NONCE_LENGTH), held),
        )
        yield certificate, encode(leaf)


def _record(row: ImportRow, issuer: str) -> Record:
    person = row.candidate
    return Record(
        admission=person.admission,
        direction=person.direction,
        edition=1,
        id_number=person.id_number,
        id_type=IdType(person.id_type),
        issued=person.issued.isoformat(),
        issuer=row.assessor or issuer,
        level=person.level,
        name=person.name,
        number=row.number,
        occupation=person.occupation,
        occupation_code=person.occupation_code,
        prefix=row.number[:PREFIX_LENGTH],
        previous="",
    )


def _require_good(signer: Signer, message: bytes, signature: bytes) -> None:
    # Few enough to verify each: a damaged key is found before a row is committed.
    info = signer.info
    if not verify_signature(info.algorithm, info.public_key, message, signature):
        msg = f"key {info.key_id} makes signatures that do not verify: stop, and check the host"
        raise SigningFault(msg)


def number_ranges(rows: Sequence[ImportRow]) -> tuple[tuple[str, str], ...]:
    """Return the lowest and highest number of each year and level."""
    numbers: dict[str, list[str]] = {}
    for row in rows:
        numbers.setdefault(row.number[:16], []).append(row.number)
    return tuple((min(some), max(some)) for _, some in sorted(numbers.items()))
