"""Which state a file is in, from what was checked: tampered, not ours, not the original, and so on.

The word on the page must not be kinder than the report's verdict: each state here takes the place
of *invalid* or *cannot say*, or of a certificate's state that the file itself cannot vouch for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signing.report import Answer, Reason, StepCode, Verdict
from verify_web.checking import FileKind
from verify_web.wording_files import FILE_STATES

if TYPE_CHECKING:
    from signing.report import Report
    from verify_web.checking import Checked
    from verify_web.wording_files import FileState

_CHANGED: Final = frozenset(
    {
        Reason.RECORD_MALFORMED,
        Reason.SIGNATURE_FALSE,
        Reason.INCLUSION_COMMITMENT_DIFFERS,
        Reason.INCLUSION_OTHER_CERTIFICATE,
        Reason.INCLUSION_OTHER_ENTRY,
        Reason.CHECKPOINT_MALFORMED,
        Reason.STATUS_FALSE,
        Reason.STATUS_OTHER_CERTIFICATE,
        Reason.SEAL_BROKEN,
        Reason.COPY_MALFORMED,
        Reason.COPY_OTHER_CERTIFICATE,
    }
)
"""What somebody has changed since it was signed, or put together from different files."""

_STRANGERS: Final = frozenset({Reason.SEAL_UNTRUSTED, Reason.CHECKPOINT_UNTRUSTED})
_UNKNOWN: Final = frozenset({Reason.SIGNATURE_UNKNOWN_ISSUER, Reason.SIGNATURE_NO_RECORD})
_ALTERED: Final = frozenset(
    {Reason.SEAL_PARTIAL, Reason.SEAL_MISSING, Reason.SEAL_REWRITTEN, Reason.SEAL_UNKNOWN_AUTHORITY}
)
"""A seal that a program has taken away, put out of place, or added something to."""


def file_state(checked: Checked) -> FileState | None:
    """Give the file's own state; None where the certificate's says it all."""
    report = checked.report
    if report.verdict in (Verdict.COPY_EXPIRED, Verdict.COPY_FOR_ANOTHER):
        return FILE_STATES[report.verdict.value]
    match checked.kind:
        case FileKind.PICTURE:
            return None
        case FileKind.SCAN:
            # Its certificate may be good; the page that shows it is anybody's.
            return None if report.verdict is Verdict.INVALID else FILE_STATES["not-original"]
        case FileKind.PDF | FileKind.EVIDENCE:
            return _state_of(report)


def _state_of(report: Report) -> FileState | None:
    reasons = {step.reason for step in report.steps if step.answer is not Answer.VALID}
    if reasons & _CHANGED:
        return FILE_STATES["tampered"]
    if _is_strangers(report, reasons):
        return FILE_STATES["not-ours"]
    false = {step.reason for step in report.steps if step.answer is Answer.INVALID}
    if false - _ALTERED - _STATES_OF_CERTIFICATES:
        return None
    return FILE_STATES["not-original"] if reasons & _ALTERED else None


_STATES_OF_CERTIFICATES: Final = frozenset(
    {Reason.STATUS_REVOKED, Reason.STATUS_SUSPENDED, Reason.STATUS_SUPERSEDED}
)


def _is_strangers(report: Report, reasons: set[Reason]) -> bool:
    """Whether the file is signed by somebody else throughout, and claims no issuer of ours."""
    claims_ours = report.step(StepCode.SIGNATURE).reason not in _UNKNOWN
    return not claims_ours and bool(reasons & _STRANGERS)
