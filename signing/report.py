"""What a verification says: numbered steps, each with its own answer, and one verdict.

Three-valued throughout: a check that got no answer is *cannot say* (暂无法确认), never valid.
Codes are stable; `signing.wording` has the words for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from signing.record import Record


class Answer(StrEnum):
    """The answer of one step."""

    VALID = "valid"
    INVALID = "invalid"
    CANNOT_SAY = "cannot-say"


class Verdict(StrEnum):
    """The answer to "is this certificate good?"."""

    VALID = "valid"
    """有效"""
    CORRECTED = "corrected"
    """已更正: genuine, but a newer edition has replaced it."""
    REVOKED = "revoked"
    """已撤销"""
    SUSPENDED = "suspended"
    """已暂停"""
    COPY_EXPIRED = "copy-expired"
    """副本已过有效期: of an annotated copy; of its certificate it says nothing."""
    COPY_FOR_ANOTHER = "copy-for-another"
    """副本非供本单位使用: made for another recipient than the one who asks."""
    INVALID = "invalid"
    """无效: something was forged, changed or put together from different certificates."""
    CANNOT_SAY = "cannot-say"
    """暂无法确认"""


class StepCode(StrEnum):
    """The steps in their order."""

    RECORD = "record"
    SIGNATURE = "signature"
    INCLUSION = "inclusion"
    CHECKPOINT = "checkpoint"
    STATUS = "status"
    SEAL = "seal"
    """Of PDF files only."""
    COPY = "copy"
    """Original or annotated copy; of PDF files only."""


STEP_NUMBERS: Final[Mapping[StepCode, int]] = {
    code: number for number, code in enumerate(StepCode, 1)
}

REQUIRED_STEPS: Final = frozenset(StepCode) - {StepCode.SEAL, StepCode.COPY}
"""No certificate is valid unless each of these was answered so."""


class Reason(StrEnum):
    """Why a step answered as it did. Those of one step begin with its code."""

    RECORD_GOOD = "record-good"
    RECORD_MISSING = "record-missing"
    RECORD_OTHER_TYPE = "record-other-type"
    RECORD_MALFORMED = "record-malformed"
    RECORD_DISAGREES = "record-disagrees"
    RECORD_IN_FUTURE = "record-in-future"
    RECORD_FOREIGN_HOST = "record-foreign-host"

    SIGNATURE_GOOD = "signature-good"
    SIGNATURE_IMPORTED = "signature-imported"
    """Valid: by the issuer's key of the day of registration, of what was taken in (补录)."""
    SIGNATURE_NO_RECORD = "signature-no-record"
    SIGNATURE_UNKNOWN_ISSUER = "signature-unknown-issuer"
    SIGNATURE_UNKNOWN_KEY = "signature-unknown-key"
    SIGNATURE_OTHER_ISSUER = "signature-other-issuer"
    SIGNATURE_OTHER_PURPOSE = "signature-other-purpose"
    SIGNATURE_FALSE = "signature-false"
    SIGNATURE_KEY_NOT_IN_FORCE = "signature-key-not-in-force"
    SIGNATURE_KEY_REVOKED = "signature-key-revoked"
    SIGNATURE_KEY_NOT_ANNOUNCED = "signature-key-not-announced"
    SIGNATURE_KEY_ENDED = "signature-key-ended"
    SIGNATURE_BEFORE_REVOCATION = "signature-before-revocation"
    """Valid: by its place in the log, before the key was revoked."""
    SIGNATURE_NO_PLACE = "signature-no-place"

    INCLUSION_GOOD = "inclusion-good"
    INCLUSION_IMPORTED = "inclusion-imported"
    """Valid: taken in after its issue (补录); the log shows nothing of the time before."""
    INCLUSION_MISSING = "inclusion-missing"
    INCLUSION_NO_OPENING = "inclusion-no-opening"
    INCLUSION_NO_TREE = "inclusion-no-tree"
    INCLUSION_OTHER_ENTRY = "inclusion-other-entry"
    INCLUSION_OTHER_CERTIFICATE = "inclusion-other-certificate"
    INCLUSION_COMMITMENT_DIFFERS = "inclusion-commitment-differs"
    INCLUSION_PATH_FALSE = "inclusion-path-false"

    CHECKPOINT_GOOD = "checkpoint-good"
    CHECKPOINT_ED25519_ONLY = "checkpoint-ed25519-only"
    """Valid: the log's ML-DSA-44 signature was not checked, the Ed25519 one was."""
    CHECKPOINT_MISSING = "checkpoint-missing"
    CHECKPOINT_MALFORMED = "checkpoint-malformed"
    CHECKPOINT_UNTRUSTED = "checkpoint-untrusted"
    CHECKPOINT_FROZEN_LOG = "checkpoint-frozen-log"
    """Of a log that was frozen and followed by another: get a proof from that one."""
    CHECKPOINT_NO_QUORUM = "checkpoint-no-quorum"
    CHECKPOINT_UNCHECKABLE = "checkpoint-uncheckable"

    STATUS_IN_FORCE = "status-in-force"
    STATUS_REVOKED = "status-revoked"
    STATUS_SUSPENDED = "status-suspended"
    STATUS_SUPERSEDED = "status-superseded"
    STATUS_MISSING = "status-missing"
    STATUS_NO_TREE = "status-no-tree"
    STATUS_OTHER_CERTIFICATE = "status-other-certificate"
    STATUS_FALSE = "status-false"
    STATUS_NOT_COVERING = "status-not-covering"
    STATUS_TOO_OLD = "status-too-old"
    STATUS_IN_FUTURE = "status-in-future"
    STATUS_FILE_OTHER_PAGE = "status-file-other-page"
    STATUS_FILE_OTHER_LOG = "status-file-other-log"
    STATUS_FILE_UNTRUSTED = "status-file-untrusted"
    STATUS_FILE_CONTRADICTS = "status-file-contradicts"
    STATUS_FILE_FALSE = "status-file-false"

    SEAL_GOOD = "seal-good"
    SEAL_MISSING = "seal-missing"
    SEAL_BROKEN = "seal-broken"
    SEAL_RELEASED = "seal-released"
    """Valid: the issuer has stated that it let out this very file, by its SHA-256."""
    SEAL_REWRITTEN = "seal-rewritten"
    """Cannot say: a program has written the file anew, so the seal no longer fits it."""
    SEAL_UNCHECKED = "seal-unchecked"
    """Cannot say: the check itself did not come to an end."""
    SEAL_PARTIAL = "seal-partial"
    SEAL_UNTRUSTED = "seal-untrusted"
    SEAL_OTHER_ISSUER = "seal-other-issuer"
    SEAL_IN_FUTURE = "seal-in-future"
    SEAL_REVOKED = "seal-revoked"
    SEAL_BEFORE_REVOCATION = "seal-before-revocation"
    """Valid: by a trusted timestamp, before the key was revoked."""
    SEAL_UNKNOWN_AUTHORITY = "seal-unknown-authority"
    SEAL_UNKNOWN_ISSUER = "seal-unknown-issuer"
    SEAL_NO_ROOT = "seal-no-root"

    COPY_ORIGINAL = "copy-original"
    COPY_ANNOTATED = "copy-annotated"
    """Valid: nobody said who asks, so whoever reads must compare the recipient."""
    COPY_NAMED = "copy-named"
    """Valid: made for the one who asks."""
    COPY_OTHER_RECIPIENT = "copy-other-recipient"
    COPY_EXPIRED = "copy-expired"
    COPY_IN_FUTURE = "copy-in-future"
    COPY_OTHER_CERTIFICATE = "copy-other-certificate"
    COPY_MALFORMED = "copy-malformed"
    COPY_NOT_SEALED = "copy-not-sealed"

    ONLY_OFFLINE = "only-offline"
    """A QR code carries no proof of inclusion or status."""


STATE_VERDICTS: Final[Mapping[Reason, Verdict]] = {
    Reason.STATUS_REVOKED: Verdict.REVOKED,
    Reason.STATUS_SUSPENDED: Verdict.SUSPENDED,
    Reason.STATUS_SUPERSEDED: Verdict.CORRECTED,
}

COPY_VERDICTS: Final[Mapping[Reason, Verdict]] = {
    Reason.COPY_EXPIRED: Verdict.COPY_EXPIRED,
    Reason.COPY_OTHER_RECIPIENT: Verdict.COPY_FOR_ANOTHER,
}
"""A copy that is genuine and does not serve; its certificate may be in force all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One numbered check. `facts` are printable texts by stable key; `as_of` aware UTC."""

    code: StepCode
    answer: Answer
    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None

    @property
    def number(self) -> int:
        """1 to 7, as in the comment of `signing.verify`."""
        return STEP_NUMBERS[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Verdict and steps; `record` when one could be read; `as_of` of the proven status."""

    verdict: Verdict
    steps: tuple[Step, ...]
    record: Record | None = None
    as_of: datetime | None = None

    @property
    def see_edition(self) -> int | None:
        """The edition to see instead of a corrected one; a later one may have replaced that too."""
        if self.verdict is Verdict.CORRECTED and self.record is not None:
            return self.record.edition + 1
        return None

    def step(self, code: StepCode) -> Step:
        """Find one step; KeyError when this kind of evidence does not have it."""
        for step in self.steps:
            if step.code is code:
                return step
        raise KeyError(code)


def report_of(steps: tuple[Step, ...], record: Record | None) -> Report:
    """Draw the verdict from the steps.

    A false step makes the whole invalid, since forged evidence proves nothing, not even a
    revocation. A state other than in force needs the leaf to be this record's: else anyone
    could show somebody's certificate as revoked by another's status. A copy that does not serve
    needs the seal, which alone says that it is one; the state of the certificate comes before it.
    Valid only when every required step was answered valid: a step left out counts as not answered.
    """
    answers = {step.code: step for step in steps}
    state = next((STATE_VERDICTS[s.reason] for s in steps if s.reason in STATE_VERDICTS), None)
    unfit = next((COPY_VERDICTS[s.reason] for s in steps if s.reason in COPY_VERDICTS), None)
    valid = {step.code for step in steps if step.answer is Answer.VALID}
    mild = STATE_VERDICTS.keys() | COPY_VERDICTS.keys()
    if any(s.answer is Answer.INVALID and s.reason not in mild for s in steps):
        verdict = Verdict.INVALID
    elif state is not None:
        verdict = state if StepCode.INCLUSION in valid else Verdict.CANNOT_SAY
    elif unfit is not None:
        verdict = unfit if StepCode.SEAL in valid else Verdict.CANNOT_SAY
    elif valid >= REQUIRED_STEPS and len(valid) == len(steps):
        verdict = Verdict.VALID
    else:
        verdict = Verdict.CANNOT_SAY
    status = answers.get(StepCode.STATUS)
    return Report(
        verdict=verdict, steps=steps, record=record, as_of=status.as_of if status else None
    )
