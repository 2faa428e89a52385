"""The verification of a receipt (查验凭证核验): numbered steps, each with its own answer.

 1. receipt     One letter and one digest for each row, counts that add up, a time that has come.
 2. signature   A key of the site that the trust folder announces signed it, while it was valid.
 3. checkpoint  The log of the trust policy signed the checkpoint in it, and the quorum of
                witnesses co-signed: the state of the log that all answers rest on.
 4. table       The spreadsheet laid beside has the very rows and answers, each once, and says
                of who checked, what for and when what it said when it was issued.

Three-valued; valid only when every step is. What the receipt says of the certificates was true as
of its time: a later revocation is not in it. The time itself is the site's word, but for this,
that it cannot lie before the checkpoint.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from keys.dsse import pae
from keys.model import Algorithm, KeyState, verify_signature
from signing.checkpointstep import judge_checkpoint
from signing.receipt import RECEIPT_TYPE, ROW_WORDS, notes_digest, row_digest
from signing.report import Answer, Reason, Verdict
from signing.steps import CLOCK_SKEW
from signing.tlog.entry import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from keys.trust import Trust
    from keys.trust_site import SiteKey
    from signing.receipt import CheckedRow, Receipt, SignedReceipt


class ReceiptStepCode(StrEnum):
    """The steps in their order."""

    RECEIPT = "receipt"
    SIGNATURE = "signature"
    CHECKPOINT = "checkpoint"
    TABLE = "table"


class ReceiptReason(StrEnum):
    """Why a step answered as it did; the checkpoint's own reasons are `signing.report.Reason`."""

    RECEIPT_GOOD = "receipt-good"
    RECEIPT_IN_FUTURE = "receipt-in-future"

    SIGNATURE_GOOD = "receipt-signature-good"
    SIGNATURE_FALSE = "receipt-signature-false"
    SIGNATURE_UNKNOWN_KEY = "receipt-signature-unknown-key"
    SIGNATURE_KEY_REVOKED = "receipt-signature-key-revoked"
    SIGNATURE_KEY_NOT_IN_FORCE = "receipt-signature-key-not-in-force"

    CHECKPOINT_DIFFERS = "receipt-checkpoint-differs"

    TABLE_SAME = "table-same"
    TABLE_NOT_GIVEN = "table-not-given"
    TABLE_NO_SALT = "table-no-salt"
    TABLE_CHANGED = "table-changed"
    TABLE_INCOMPLETE = "table-incomplete"
    TABLE_NOTES_CHANGED = "table-notes-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptStep:
    """One numbered check; `facts` are printable texts by stable key."""

    code: ReceiptStepCode
    answer: Answer
    reason: ReceiptReason | Reason
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """1 to 4, as in the module's docstring."""
        return list(ReceiptStepCode).index(self.code) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptTable:
    """A spreadsheet as read: its salt (32 bytes; None where none is found), notes and rows."""

    salt: bytes | None
    notes: tuple[tuple[str, str], ...]
    """Label and text of each line of the notes, without the salt's."""
    rows: tuple[tuple[int, CheckedRow], ...]
    """Row number in the sheet (from 1), and the row's cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReport:
    """Verdict (valid, invalid or cannot say), steps, and what the receipt says."""

    verdict: Verdict
    steps: tuple[ReceiptStep, ...]
    receipt: Receipt
    table: ReceiptTable | None
    """What was read of the spreadsheet, if one was given."""


_MOST_NAMED: Final = 20
_WORD_LETTERS: Final = {word: result.value for result, word in ROW_WORDS.items()}


def verify_receipt(
    signed: SignedReceipt,
    trust: Trust,
    keys: Sequence[SiteKey],
    *,
    now: datetime,
    table: ReceiptTable | None,
) -> ReceiptReport:
    """Run the steps. Never raises on bad evidence.

    `keys` are those of the trust folder's site-keys.json; `table` is None if none was given.
    """
    receipt = signed.receipt
    steps = (
        # 1. receipt
        _receipt_step(receipt, now),
        # 2. signature
        _signature_step(signed, keys),
        # 3. checkpoint
        _checkpoint_step(receipt, trust),
        # 4. table
        _table_step(receipt, table),
    )
    answers = {step.answer for step in steps}
    if Answer.INVALID in answers:
        verdict = Verdict.INVALID
    else:
        verdict = Verdict.VALID if answers == {Answer.VALID} else Verdict.CANNOT_SAY
    return ReceiptReport(verdict=verdict, steps=steps, receipt=receipt, table=table)


def _receipt_step(receipt: Receipt, now: datetime) -> ReceiptStep:
    # Form, digests and counts were checked when it was parsed.
    facts = {"checked": receipt.checked, "rows": str(len(receipt.results))}
    if parse_time(receipt.checked) > now + CLOCK_SKEW:
        return _step(
            ReceiptStepCode.RECEIPT, Answer.CANNOT_SAY, ReceiptReason.RECEIPT_IN_FUTURE, facts
        )
    return _step(ReceiptStepCode.RECEIPT, Answer.VALID, ReceiptReason.RECEIPT_GOOD, facts)


def _signature_step(signed: SignedReceipt, keys: Sequence[SiteKey]) -> ReceiptStep:
    def say(verdict: Answer, reason: ReceiptReason) -> ReceiptStep:
        return _step(ReceiptStepCode.SIGNATURE, verdict, reason, {"key_id": str(signed.key_id)})

    key = next((key for key in keys if key.key_id == signed.key_id), None)
    if key is None:
        return say(Answer.CANNOT_SAY, ReceiptReason.SIGNATURE_UNKNOWN_KEY)
    message = pae(RECEIPT_TYPE, signed.payload)
    if not verify_signature(Algorithm.ED25519, key.public_key, message, signed.signature):
        return say(Answer.INVALID, ReceiptReason.SIGNATURE_FALSE)
    if not key.not_before <= parse_time(signed.receipt.checked) < key.not_after:
        return say(Answer.INVALID, ReceiptReason.SIGNATURE_KEY_NOT_IN_FORCE)
    if key.state is KeyState.REVOKED:
        # A thief can write any time: the receipt's own clears nothing.
        return say(Answer.CANNOT_SAY, ReceiptReason.SIGNATURE_KEY_REVOKED)
    return say(Answer.VALID, ReceiptReason.SIGNATURE_GOOD)


def _checkpoint_step(receipt: Receipt, trust: Trust) -> ReceiptStep:
    code = ReceiptStepCode.CHECKPOINT
    note = receipt.checkpoint.encode()
    found = judge_checkpoint(note, trust.policy, frozen=trust.predecessors)
    if found.tree is not None:
        tree = found.tree
        if (tree.origin, tree.size, tree.root) != (receipt.origin, receipt.size, receipt.root):
            return _step(code, Answer.INVALID, ReceiptReason.CHECKPOINT_DIFFERS, found.facts)
    return _step(code, found.answer, found.reason, found.facts)


def _table_step(receipt: Receipt, table: ReceiptTable | None) -> ReceiptStep:
    code = ReceiptStepCode.TABLE
    if table is None:
        return _step(code, Answer.CANNOT_SAY, ReceiptReason.TABLE_NOT_GIVEN)
    if table.salt is None:
        return _step(code, Answer.CANNOT_SAY, ReceiptReason.TABLE_NO_SALT)
    # A sorted table is the same table; a row that stands twice must stand twice here too.
    left = Counter(zip(receipt.row_digests(), receipt.results, strict=True))
    changed = []
    for number, row in table.rows:
        one = row_digest(table.salt, row), _WORD_LETTERS.get(row.word, "")
        if left[one] > 0:
            left[one] -= 1
        else:
            changed.append(number)
    facts = {"rows": str(len(table.rows))}
    if changed:
        facts["changed"] = ", ".join(map(str, changed[:_MOST_NAMED]))
        facts["changed_count"] = str(len(changed))
        return _step(code, Answer.INVALID, ReceiptReason.TABLE_CHANGED, facts)
    if missing := left.total():
        facts["missing_count"] = str(missing)
        return _step(code, Answer.INVALID, ReceiptReason.TABLE_INCOMPLETE, facts)
    # Last: under a salt of another receipt no row fits either, and that is what is to be said.
    if not hmac.compare_digest(receipt.notes, notes_digest(table.salt, table.notes)):
        return _step(code, Answer.INVALID, ReceiptReason.TABLE_NOTES_CHANGED, facts)
    return _step(code, Answer.VALID, ReceiptReason.TABLE_SAME, facts)


def _step(
    code: ReceiptStepCode,
    verdict: Answer,
    reason: ReceiptReason | Reason,
    facts: Mapping[str, str] | None = None,
) -> ReceiptStep:
    return ReceiptStep(code=code, answer=verdict, reason=reason, facts=facts or {})
