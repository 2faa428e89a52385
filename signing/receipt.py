"""The receipt of a bulk check (批量查验凭证): who reads it later can tell what was answered when.

A DSSE envelope by the site's own key over canonical JSON: the checkpoint that all answers rest
on, and for each row of the spreadsheet one letter and one salted digest. The salt stands in the
spreadsheet alone, so the receipt without it gives nobody's number or name away, not even to
whoever tries all of them; with it, every printed cell of a row is bound to the answer, and the
notes beside, which say who checked and what for, are bound to the receipt.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from keys.dsse import pae
from keys.model import KeyId
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedJson, MalformedReceipt, SigningError
from signing.tlog.entry import parse_time
from signing.tlog.note import MAX_NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keys.signer import Signer

RECEIPT_TYPE: Final = "application/vnd.certreg.check-receipt.v1+json"
RECEIPT_SUFFIX: Final = ".receipt.json"
MAX_RECEIPT_ROWS: Final = 20_000
DIGEST_BYTES: Final = 32
SALT_BYTES: Final = 32
MAX_RECEIPT_BYTES: Final = MAX_RECEIPT_ROWS * (DIGEST_BYTES * 4 // 3 + 2) * 4 // 3 + 2 * MAX_NOTE
"""Longest receipt read: 1.3 MB of it for 20,000 rows, the rest is room for the note."""

_ROW_DOMAIN: Final = b"certreg/check-row/v1\n"
_NOTES_DOMAIN: Final = b"certreg/check-notes/v1\n"
_BEGINNING: Final = b'{"payload":"'


class RowResult(StrEnum):
    """What is answered about one row; the letters stand in receipts and must not change."""

    VALID = "V"
    CORRECTED = "C"
    REVOKED = "R"
    SUSPENDED = "S"
    NOT_FOUND = "N"
    """未找到或不符: which of the two facts was wrong is not told."""
    UNCONFIRMED = "U"


ROW_WORDS: Final[Mapping[RowResult, str]] = {
    RowResult.VALID: "有效",
    RowResult.CORRECTED: "已更正",
    RowResult.REVOKED: "已撤销",
    RowResult.SUSPENDED: "已暂停",
    RowResult.NOT_FOUND: "未找到或不符",
    RowResult.UNCONFIRMED: "暂无法确认",
}
"""The words in the spreadsheet: part of what a row's digest covers."""


RESULT_SHEET: Final = "查验结果"
NOTES_SHEET: Final = "查验说明"
SALT_LABEL: Final = "凭证校验码"

COLUMNS: Final = {
    "number": "证书编号",
    "name": "姓名",
    "last_six": "证件号码后六位",
    "word": "查验结果",
    "edition": "版次",
    "occupation": "职业名称",
    "level": "职业技能等级",
    "as_of": "状态截至（北京时间）",
}
"""Headers of the result sheet by the field of `CheckedRow`, in their order."""


class CheckedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the spreadsheet, each cell as it is printed; "" for an empty cell."""

    number: str
    name: str
    last_six: str
    word: str
    edition: str
    occupation: str
    level: str
    as_of: str


class Receipt(Canonical, frozen=True, kw_only=True):
    """What was answered; the fields are in the order of the canonical bytes."""

    as_of: str
    """`time` of the status entry that all answers rest on; "" if there was none."""
    checked: str
    """When, by the site's clock: `2026-11-23T01:02:03Z`."""
    checkpoint: Annotated[str, msgspec.Meta(max_length=MAX_NOTE)]
    """The checkpoint's note, verbatim, with all its signatures."""
    counts: dict[str, Annotated[int, msgspec.Meta(ge=1, le=MAX_RECEIPT_ROWS)]]
    """How many rows have each letter; letters that no row has are left out."""
    digests: Annotated[bytes, msgspec.Meta(max_length=MAX_RECEIPT_ROWS * DIGEST_BYTES)]
    """The rows' digests, 32 bytes each, in the order of the spreadsheet."""
    job: Annotated[str, msgspec.Meta(pattern=r"\A[a-z2-7]{16}\Z")]
    notes: Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
    """`notes_digest` of the sheet 查验说明: who checked, what for, when."""
    origin: Annotated[str, msgspec.Meta(max_length=300)]
    policy: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    """Hex SHA-256 of the log.policy under which the site checked."""
    results: Annotated[str, msgspec.Meta(max_length=MAX_RECEIPT_ROWS)]
    """One letter of `RowResult` a row."""
    root: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    size: Annotated[int, msgspec.Meta(ge=1)]
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1

    def row_digests(self) -> tuple[bytes, ...]:
        """Give the rows' digests one by one."""
        at = range(0, len(self.digests), DIGEST_BYTES)
        return tuple(self.digests[start : start + DIGEST_BYTES] for start in at)


class SignedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt with its exact bytes, the id of the key that is said to have signed, signature."""

    payload: bytes
    receipt: Receipt
    key_id: KeyId
    signature: bytes


class _Signature(Canonical, frozen=True, kw_only=True):
    keyid: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    sig: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


class _Json(Canonical, frozen=True, kw_only=True, rename="camel"):
    payload: bytes
    payload_type: str
    signatures: tuple[_Signature]


_RECEIPTS = decoder_for(Receipt)
_ENVELOPES = decoder_for(_Json)


def row_digest(salt: bytes, row: CheckedRow) -> bytes:
    """HMAC-SHA256 (32 bytes) of a row under the receipt's salt (32 random bytes).

    The message is a JSON array of the eight cells, so that no two rows have one message.
    """
    return hmac.digest(salt, _ROW_DOMAIN + encode(msgspec.structs.astuple(row)), "sha256")


def notes_digest(salt: bytes, lines: Sequence[tuple[str, str]]) -> bytes:
    """HMAC-SHA256 (32 bytes) of the notes under the receipt's salt: label and text of each line.

    All lines of the sheet in their order, without the salt's own.
    """
    return hmac.digest(salt, _NOTES_DOMAIN + encode(lines), "sha256")


def count_results(results: str) -> dict[str, int]:
    """Count the letters, in alphabetical order."""
    return {letter: results.count(letter) for letter in sorted(set(results))}


def sign_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """Write the receipt file, signed by the site's key. Raises MalformedReceipt if inconsistent."""
    payload = encode(receipt)
    _parse_payload(payload)
    return encode(
        _Json(
            payload=payload,
            payload_type=RECEIPT_TYPE,
            signatures=(
                _Signature(keyid=signer.info.key_id, sig=signer.sign(pae(RECEIPT_TYPE, payload))),
            ),
        )
    )


def is_receipt_file(data: bytes) -> bool:
    """Whether these bytes claim to be a receipt; says nothing about their truth."""
    return data.startswith(_BEGINNING) and RECEIPT_TYPE.encode() in data[-512:]


def parse_receipt(data: bytes) -> SignedReceipt:
    """Read a receipt file strictly. Raises MalformedReceipt. Verifies nothing."""
    try:
        envelope = decode(data, _ENVELOPES, limit=MAX_RECEIPT_BYTES)
    except MalformedJson as error:
        raise MalformedReceipt(f"the receipt (查验凭证) is damaged: {error}") from None
    if envelope.payload_type != RECEIPT_TYPE:
        raise MalformedReceipt("this is a signed file of another kind, no receipt (查验凭证)")
    (signature,) = envelope.signatures
    return SignedReceipt(
        payload=envelope.payload,
        receipt=_parse_payload(envelope.payload),
        key_id=KeyId(signature.keyid),
        signature=signature.sig,
    )


def _parse_payload(payload: bytes) -> Receipt:
    try:
        receipt = decode(payload, _RECEIPTS, limit=MAX_RECEIPT_BYTES)
        parse_time(receipt.checked)
        if receipt.as_of:
            parse_time(receipt.as_of)
    except SigningError:
        raise MalformedReceipt("the receipt (查验凭证) is damaged") from None
    letters: Sequence[str] = [result.value for result in RowResult]
    if len(receipt.digests) != len(receipt.results) * DIGEST_BYTES:
        raise MalformedReceipt("the receipt does not have one digest for each row")
    if set(receipt.results) - set(letters):
        raise MalformedReceipt("the receipt has an answer of no known kind: update this program")
    if list(receipt.counts.items()) != list(count_results(receipt.results).items()):
        raise MalformedReceipt("the receipt's counts are not those of its rows")
    return receipt
