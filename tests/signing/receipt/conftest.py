"""A receipt over the small log, its table, and the site's key that signed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, software_signer
from keys.trust_site import SiteKey
from signing.receipt import (
    ROW_WORDS,
    CheckedRow,
    Receipt,
    count_results,
    notes_digest,
    parse_receipt,
    row_digest,
    sign_receipt,
)
from signing.receipt_verify import ReceiptReport, ReceiptTable, verify_receipt
from signing.tlog.checkpoint import Checkpoint

SALT = bytes(range(32))
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


def _signer(seed: int) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = private.public_key().public_bytes_raw()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECK,
        issuer="office",
        not_before=START,
        not_after=END,
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


def _row(serial: int, **change: str) -> CheckedRow:
    usual = {
        "number": f"Y00004499900126300000{serial}",
        "name": "张示例",
        "last_six": "",
        "word": "有效",
        "edition": "1",
        "occupation": "车工",
        "level": "三级/高级工",
        "as_of": "2026-11-24 08:00",
    }
    return CheckedRow(**usual | change)


ROWS = (
    _row(1),
    _row(2, word="已撤销", name="", last_six="01001X"),
    _row(3, word="未找到或不符", edition="", occupation="", level="", as_of=""),
    _row(1),
)

NOTES = (("查验单位", "示例用人单位有限公司"), ("查验用途", "招聘录用核验"), ("", "说明"))


@dataclass(frozen=True)
class Office:
    """What the receipt was made from, and how it is verified."""

    trust: Any
    note: bytes
    checkpoint: Any
    signer: PrivateKeySigner
    now: datetime

    def key(self, **change: Any) -> SiteKey:
        info = self.signer.info
        key = SiteKey(
            key_id=info.key_id,
            public_key=info.public_key,
            not_before=START,
            not_after=END,
            state=KeyState.ACTIVE,
        )
        return replace(key, **change)

    def receipt(self, rows: tuple[CheckedRow, ...] = ROWS, **change: Any) -> Receipt:
        letters = {word: letter.value for letter, word in ROW_WORDS.items()}
        results = "".join(letters[row.word] for row in rows)
        receipt = Receipt(
            as_of="2026-11-24T00:00:00Z",
            checked="2026-11-24T01:00:00Z",
            checkpoint=self.note.decode(),
            counts=count_results(results),
            digests=b"".join(row_digest(SALT, row) for row in rows),
            job="abcdefgh234567aa",
            notes=notes_digest(SALT, NOTES),
            origin=self.checkpoint.origin,
            policy="5e" * 32,
            results=results,
            root=self.checkpoint.root,
            size=self.checkpoint.size,
        )
        return msgspec.structs.replace(receipt, **change)

    def signed(self, **change: Any) -> bytes:
        return sign_receipt(self.receipt(**change), self.signer)

    def verify(self, data: bytes | None = None, **change: Any) -> ReceiptReport:
        table = ReceiptTable(salt=SALT, notes=NOTES, rows=tuple(enumerate(ROWS, 2)))
        usual = {"table": table, "now": self.now, "keys": [self.key()], "trust": self.trust}
        asked = usual | change
        keys, trust = asked.pop("keys"), asked.pop("trust")
        return verify_receipt(parse_receipt(data or self.signed()), trust, keys, **asked)


@pytest.fixture(scope="session")
def check_signer() -> Callable[[int], PrivateKeySigner]:
    return _signer


@pytest.fixture(scope="session")
def make_row() -> Callable[..., CheckedRow]:
    return _row


@pytest.fixture
def office(make_log: Any, trust: Any, now: datetime) -> Office:
    log = make_log()
    tree = log.tree()
    head = Checkpoint(origin=trust.log_origin, size=tree.size, root=tree.root())
    return Office(trust=trust, note=log.note, checkpoint=head, signer=_signer(7), now=now)
