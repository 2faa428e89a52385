"""Taking a package in (接收): one transaction writes the rows, the signed receipt, the audit line.

The package is checked before the transaction, which then only compares and stores. What was
judged for good is found by the manifest's digest, so the same package again, and one that was
zipped anew, give the very same receipt. A crash anywhere leaves nothing, or all of it.

    place in the chain   the next sequence, naming the manifest before it; a gap waits ("later"),
                         another manifest at a place that is taken is refused
    history              the log's tree goes on from the one shown before (`history`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from keys.errors import KeysError
from keys.signer import Signer
from registry.centre.cities import get_city, trust_of
from registry.centre.errors import PackageNotTaken
from registry.centre.examine import Proven, Table, Unjudged, examine
from registry.centre.history import History, hold_to, lacks_proof
from registry.centre.holding import held_of, keep, list_clashes
from registry.centre.home import CentreHome
from registry.centre.judging import Judge, RowVerdict
from registry.centre.store import (
    City,
    Judged,
    Prefix,
    StoredReceipt,
    Submission,
    note,
    read_unit,
    write_unit,
)
from registry.centre.waiting import Place
from signing.envelope import to_json
from signing.tlog.entry import format_time
from signing.tlog.treehead import Checkpoint
from signing.upload.manifest import Manifest, SignedManifest
from signing.upload.receipt import Receipt, ReceiptRow, sign_receipt


class State(StrEnum):
    """What became of a submission."""

    SUBMITTED = "submitted"
    """Handed in, not judged yet."""
    RECEIPT = "receipt"
    """Judged; the receipt answers each row."""
    REFUSED = "refused"
    """Refused as a whole, with a code."""
    LATER = "later"
    """Not judged; the same package may be handed in again."""


CITY_ENDED: Final = "city-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the intake works with."""

    home: CentreHome
    engine: Engine
    name: str
    """The centre's name, in every receipt."""
    signer: Callable[[Session], Signer]
    """Gives the signer of receipts, as of a transaction."""
    table: Table


def submit(session: Session, city: str, package: str, *, now: datetime) -> Submission:
    """Put down that a package was handed in; one that is judged for good is left as it is."""
    found = session.get(Submission, (city, package))
    if found is None:
        found = Submission(city=city, package=package)
        session.add(found)
    elif found.state == State.RECEIPT:
        return found
    found.state, found.code = State.SUBMITTED.value, ""
    found.submitted_at, found.judged_at = format_time(now), None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    """One package within its transaction."""

    session: Session
    desk: Desk
    city: City
    package: str
    now: datetime


def take(desk: Desk, city_name: str, data: bytes, *, who: str, now: datetime) -> StoredReceipt:
    """Judge a whole package and return its receipt, new or known.

    Raises PackageNotTaken where there is none; that is put down too.
    """
    package = hashlib.sha256(data).hexdigest()
    with read_unit(desk.engine) as session:
        city = get_city(session, city_name)
        known = session.get(Submission, (city_name, package))
        if known is not None and known.place is not None:
            # Whatever became of the city's keys since.
            return receipt_at(session, city_name, known.place)
    found = _examined(desk, city, data, now)
    with write_unit(desk.engine) as session:
        city = get_city(session, city_name)
        taking = _Taking(session=session, desk=desk, city=city, package=package, now=now)
        settled = _settle(taking, found)
        _put_down(taking, found, settled, who)
    if isinstance(settled, Unjudged):
        raise PackageNotTaken(settled.code, later=settled.later)
    return settled


def receipt_at(session: Session, city: str, place: int) -> StoredReceipt:
    """Return a receipt that is there."""
    query = select(StoredReceipt).where(StoredReceipt.city == city, StoredReceipt.place == place)
    return session.scalars(query).one()


def _examined(desk: Desk, city: City, data: bytes, now: datetime) -> Proven | Unjudged:
    if city.ended_at is not None:
        return Unjudged(code=CITY_ENDED, later=False)
    try:
        trust = trust_of(desk.home.cities, city)
    except KeysError:
        return Unjudged(code="trust-broken", later=True)
    return examine(data, trust, desk.table, now=now)


def _settle(taking: _Taking, found: Proven | Unjudged) -> StoredReceipt | Unjudged:
    if found.signed is None:
        return found
    signed = found.signed
    session, city = taking.session, taking.city
    known = session.get(Judged, (city.name, signed.digest))
    if known is not None:
        if known.place is None:
            return Unjudged(code=known.code, later=False)
        return receipt_at(session, city.name, known.place)
    place = _misplaced(city, signed.manifest)
    if place is not None:
        return Unjudged(code=place, later=place is Place.GAP)
    found = _parted(taking, signed, found.tree) or found
    if isinstance(found, Proven):
        return _receive(taking, found)
    if not found.later:
        # For good: the fault is in what the city signed, and its next upload must not wait for it.
        _advance(taking, signed, code=found.code)
    return found


def _parted(taking: _Taking, signed: SignedManifest, tree: Checkpoint | None) -> Unjudged | None:
    """Return why a package does not go on from the history that its city showed before."""
    if tree is None:
        return None
    code = hold_to(taking.session, taking.city, tree, signed.manifest, now=taking.now)
    return Unjudged(code=code, later=code == History.UNPROVEN) if code else None


def _lacks_proof(taking: _Taking, found: Proven | Unjudged) -> bool:
    if found.signed is None or found.tree is None:
        return False
    return lacks_proof(taking.session, taking.city, found.tree, found.signed.manifest)


def _misplaced(city: City, manifest: Manifest) -> Place | None:
    if manifest.sequence <= city.sequence:
        return Place.TAKEN
    if city.pass_over:
        return None
    if manifest.sequence > city.sequence + 1:
        return Place.GAP
    return None if manifest.previous == city.manifest else Place.OTHER_PREVIOUS


def _advance(
    taking: _Taking, signed: SignedManifest, *, code: str = "", place: int | None = None
) -> None:
    city, sequence = taking.city, signed.manifest.sequence
    city.sequence, city.manifest = sequence, signed.digest
    city.pass_over = city.pass_history = False
    taking.session.add(
        Judged(city=city.name, manifest=signed.digest, sequence=sequence, place=place, code=code)
    )


def _receive(taking: _Taking, found: Proven) -> StoredReceipt:
    session, city, manifest = taking.session, taking.city, found.signed.manifest
    owner = session.get(Prefix, manifest.organisation)
    judge = Judge(
        city=city.name,
        held=held_of(session, [row.number for row in found.rows]).get,
        foreign=owner is not None and owner.city != city.name,
    )
    receipt = _receipt(taking, found.signed, judge.judge(found.rows))
    envelope = sign_receipt(receipt, taking.desk.signer(session))
    stored = StoredReceipt(
        city=city.name,
        place=city.receipts + 1,
        digest=hashlib.sha256(envelope.payload).hexdigest(),
        upload=manifest.upload,
        package=taking.package,
        received=receipt.received,
        accepted=receipt.accepted,
        refused=receipt.refused,
        envelope=to_json(envelope),
    )
    session.add(stored)
    session.flush()
    keep(session, judge.changed, stored)
    list_clashes(session, judge.clashes, city.name, stored)
    city.receipts, city.receipt = stored.place, stored.digest
    _advance(taking, found.signed, place=stored.place)
    return stored


def _receipt(taking: _Taking, signed: SignedManifest, verdicts: list[RowVerdict]) -> Receipt:
    accepted = sum(one.accepted for one in verdicts)
    manifest = signed.manifest
    return Receipt(
        accepted=accepted,
        batch=manifest.batch,
        centre=taking.desk.name,
        city=manifest.city,
        manifest=signed.digest,
        previous=taking.city.receipt,
        received=format_time(taking.now),
        refused=len(verdicts) - accepted,
        rows=tuple(map(_receipt_row, verdicts)),
        snapshot=manifest.snapshot,
        upload=manifest.upload,
    )


def _receipt_row(verdict: RowVerdict) -> ReceiptRow:
    row = verdict.row
    return ReceiptRow(
        accepted=verdict.accepted,
        edition=row.edition,
        kind=row.kind,
        number=row.number,
        reason=str(verdict.reason),
        row=row.row,
    )


def _put_down(
    taking: _Taking, found: Proven | Unjudged, settled: StoredReceipt | Unjudged, who: str
) -> None:
    session, city, at = taking.session, taking.city, format_time(taking.now)
    sent = session.get(Submission, (city.name, taking.package))
    if sent is None:
        sent = submit(session, city.name, taking.package, now=taking.now)
    sent.judged_at = at
    sent.sequence = found.signed.manifest.sequence if found.signed is not None else None
    sent.wants_place = sent.wants_history = False
    match settled:
        case StoredReceipt():
            sent.state, sent.place, sent.code = State.RECEIPT.value, settled.place, ""
            outcome = f"receipt {settled.place}: {settled.accepted}+{settled.refused}"
        case Unjudged():
            state = State.LATER if settled.later else State.REFUSED
            sent.state, sent.code = state.value, settled.code
            outcome = settled.code
            sent.wants_place = settled.code in {Place.GAP, Place.OTHER_PREVIOUS}
            sent.wants_history = settled.code == History.UNPROVEN or (
                sent.wants_place and _lacks_proof(taking, found)
            )
    subject = f"{city.name} {taking.package[:16]}"
    note(session, at=at, who=who, what="package-take", subject=subject, outcome=outcome)
