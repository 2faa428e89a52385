"""`certreg centre check`: whether what the centre has put down agrees with itself.

Every receipt opens under the centre's keys and follows the one before it; what the receipts
accepted gives exactly the numbers that are held; every package with a receipt is here whole. And
what waits for a person: numbers that two cities claim, logs whose history parted or is not proven,
packages that wait, what was let pass and has not come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.model import Purpose
from keys.trust import TrustedKey
from registry.centre.errors import PackageDamaged, PackageNotWhole
from registry.centre.history import open_matters
from registry.centre.packages import Packages
from registry.centre.store import Certificate, City, Conflict, StoredReceipt
from signing.errors import SigningError
from signing.report import Answer
from signing.tlog.entry import parse_time
from signing.upload.keycheck import judge_signer
from signing.upload.receipt import Receipt, open_receipt
from signing.upload.rows import RowKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found: `faults` in what is kept, and `open` matters for a person."""

    receipts: int
    numbers: int
    faults: tuple[str, ...]
    open: tuple[str, ...]


def check_centre(
    session: Session, packages: Packages, keys: Collection[TrustedKey], now: datetime
) -> Checked:
    """Check everything; reads each package once."""
    faults: list[str] = []
    held: dict[str, tuple[str, int, bool]] = {}
    count = 0
    for city in session.scalars(select(City).order_by(City.name)):
        previous = ""
        for stored in _receipts_of(session, city.name):
            count += 1
            where = f"{city.name} receipt {stored.place}"
            receipt = _opened(stored, keys, now)
            if receipt is None:
                faults.append(f"{where}: the signed receipt is damaged")
                continue
            if receipt.previous != previous:
                faults.append(f"{where}: it does not follow the receipt before it")
            previous = stored.digest
            _apply(held, city.name, receipt)
            try:
                packages.read(city.name, stored.package)
            except (PackageNotWhole, PackageDamaged, OSError):
                faults.append(f"{where}: its package is missing or damaged")
        if (previous or "") != city.receipt:
            faults.append(f"{city.name}: the last receipt is not the one on record")
    numbers = _held(session)
    faults += [f"number {n}: not as the receipts say" for n in sorted(_differing(held, numbers))]
    return Checked(
        receipts=count, numbers=len(numbers), faults=tuple(faults), open=tuple(_open(session))
    )


def _receipts_of(session: Session, city: str) -> Iterator[StoredReceipt]:
    query = select(StoredReceipt).where(StoredReceipt.city == city).order_by(StoredReceipt.place)
    yield from session.scalars(query.execution_options(yield_per=8))


def _opened(stored: StoredReceipt, keys: Collection[TrustedKey], now: datetime) -> Receipt | None:
    try:
        signed = open_receipt(stored.envelope)
    except SigningError:
        return None
    signed_at = parse_time(signed.receipt.received)
    answer, _ = judge_signer(
        signed.envelope, keys, purpose=Purpose.RECEIPT, signed_at=signed_at, now=now
    )
    good = answer is Answer.VALID and signed.digest == stored.digest
    return signed.receipt if good else None


def _apply(held: dict[str, tuple[str, int, bool]], city: str, receipt: Receipt) -> None:
    for row in receipt.rows:
        if row.accepted:
            held[row.number] = (city, row.edition, row.kind is RowKind.WITHDRAWAL)


def _held(session: Session) -> dict[str, tuple[str, int, bool]]:
    query = select(Certificate.number, Certificate.city, Certificate.edition, Certificate.withdrawn)
    return {number: (city, edition, gone) for number, city, edition, gone in session.execute(query)}


def _differing(
    said: dict[str, tuple[str, int, bool]], held: dict[str, tuple[str, int, bool]]
) -> set[str]:
    return {number for number, _ in said.items() ^ held.items()}


def _open(session: Session) -> Iterator[str]:
    for one in session.scalars(select(Conflict).order_by(Conflict.id)):
        yield (
            f"{one.number}：{one.first_city} 已接收，{one.second_city} 又报"
            f"（{one.upload} 第 {one.row} 行，{one.at[:10]}），请人工核对 (two cities)"
        )
    yield from open_matters(session)
    for city in session.scalars(select(City).order_by(City.name)):
        if city.pass_over:
            yield f"{city.name}：已允许下一份清单跳号，尚未收到 (a gap is allowed)"
        if city.pass_history:
            yield (
                f"{city.name}：已允许下一份清单不附一致性证明，尚未收到 "
                "(a missing proof of history is allowed)"
            )
