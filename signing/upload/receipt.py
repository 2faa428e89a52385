"""`receipt.json` (回执): the centre's signed answer to one upload, row by row.

A DSSE envelope by the centre's key over canonical JSON. It names the manifest and the snapshot it
answers, so it fits no other upload, and the receipt before it for this city, so that a receipt
that was lost or came out of order is seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from keys.signer import Signer
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.envelope import Envelope, from_json, sign_payload
from signing.errors import MalformedEntry, MalformedEnvelope, MalformedJson
from signing.tlog.entry import Hex32, Time, parse_time
from signing.upload.errors import MalformedReceipt
from signing.upload.manifest import BatchNumber, Digest, Origin, RowCount, UploadId
from signing.upload.rows import MAX_ROWS, Edition, Number, ReasonCode, RowKind, RowNumber

RECEIPT_TYPE: Final = "application/vnd.certreg.upload-receipt.v1+json"

MAX_RECEIPT_BYTES: Final = 8 * 1024 * 1024
"""Longest receipt file, in bytes: 20,000 refused rows with the longest reasons take 6 MB."""


class ReceiptRow(Canonical, frozen=True, kw_only=True):
    """The centre's answer to one row; `reason` is a stable code, "" exactly if accepted."""

    accepted: bool
    edition: Edition
    kind: RowKind
    number: Number
    reason: ReasonCode
    row: RowNumber


class Receipt(Canonical, frozen=True, kw_only=True):
    """What the centre answers; fields in the order of the canonical bytes."""

    accepted: RowCount
    batch: BatchNumber
    """The authority's batch number; it may be given here for the first time."""
    centre: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    city: Origin
    manifest: Hex32
    """SHA-256 of the manifest's payload."""
    previous: Digest
    """SHA-256 of the receipt payload made before for this city, "" of the first."""
    received: Time
    refused: RowCount
    rows: Annotated[tuple[ReceiptRow, ...], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]
    snapshot: Hex32
    upload: UploadId
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReceipt:
    """A receipt as read, nothing verified. `digest` is the SHA-256 of its payload, in hex."""

    receipt: Receipt
    envelope: Envelope
    digest: str


_DECODER = decoder_for(Receipt)


def sign_receipt(receipt: Receipt, signer: Signer) -> Envelope:
    """Sign with the centre's receipt key. Raises MalformedReceipt if no reader would take it."""
    payload = encode(receipt)
    if parse_receipt(payload) != receipt:
        raise MalformedReceipt("the receipt does not read back the same")
    return sign_payload(RECEIPT_TYPE, payload, signer)


def parse_receipt(payload: bytes) -> Receipt:
    """Read the payload strictly. Raises MalformedReceipt."""
    try:
        receipt = decode(payload, _DECODER, limit=MAX_RECEIPT_BYTES)
    except MalformedJson as error:
        raise MalformedReceipt(f"the receipt is damaged: {error}") from None
    _check(receipt)
    return receipt


def open_receipt(data: bytes) -> SignedReceipt:
    """Read a receipt file strictly; verifies no signature. Raises MalformedReceipt."""
    try:
        envelope = from_json(data, limit=MAX_RECEIPT_BYTES)
    except MalformedEnvelope:
        raise MalformedReceipt("the receipt is no signed file in canonical form") from None
    if envelope.payload_type != RECEIPT_TYPE:
        raise MalformedReceipt("the signed file is no receipt")
    digest = hashlib.sha256(envelope.payload).hexdigest()
    return SignedReceipt(receipt=parse_receipt(envelope.payload), envelope=envelope, digest=digest)


def _check(receipt: Receipt) -> None:
    try:
        parse_time(receipt.received)
    except MalformedEntry:
        raise MalformedReceipt("the receipt's time is none") from None
    if not receipt.centre.isprintable() or receipt.centre != receipt.centre.strip():
        raise MalformedReceipt("the centre's name holds what cannot be printed")
    if [row.row for row in receipt.rows] != list(range(1, len(receipt.rows) + 1)):
        raise MalformedReceipt("the receipt does not answer each row once, in order")
    accepted = sum(row.accepted for row in receipt.rows)
    if (receipt.accepted, receipt.refused) != (accepted, len(receipt.rows) - accepted):
        raise MalformedReceipt("the receipt's sums are not those of its rows")
    if any(row.accepted == bool(row.reason) for row in receipt.rows):
        raise MalformedReceipt("a refused row, and no other, has a reason")
