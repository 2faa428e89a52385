"""Checking one row of an upload: record, signature, entry, and what the package says of its leaf.

The numbering rule (统一编码规则, 人社鉴发〔2019〕2号) is the record's own check: prefix, year and
level stand in the number as the record has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keys.dsse import pae
from keys.trust import Trust
from signing.envelope import RECORD_TYPE, Envelope, from_object
from signing.errors import MalformedRecord
from signing.record import Record, check_agreement, commitment, parse_record
from signing.report import Answer, Reason
from signing.steps import issued_in_future, read_entry, signature_step
from signing.tlog.entry import Entry, Import, Issue, State, StatusChange
from signing.upload.rows import Row, RowKind

Said = tuple[Answer, str]
"""An answer with its stable reason."""


class RowStep(StrEnum):
    """The steps of a row, in their order."""

    RECORD = "record"
    SIGNATURE = "signature"
    ENTRY = "entry"
    INCLUSION = "inclusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A row with its answers. `record` is None where the record cannot be read.

    `status` is the certificate's status index by its issue leaf, None where that is none.
    """

    row: Row
    record: Record | None
    status: int | None
    steps: Mapping[RowStep, Said]

    @property
    def answer(self) -> Answer:
        """Invalid if any step is; valid if all are."""
        return self.worst[0]

    @property
    def reason(self) -> str:
        """The stable reason of the first step that is not valid; "" if all are."""
        answer, reason = self.worst
        return "" if answer is Answer.VALID else reason

    @property
    def worst(self) -> Said:
        """The first invalid step's answer, else the first that cannot say, else valid."""
        for wanted in (Answer.INVALID, Answer.CANNOT_SAY):
            for step in RowStep:
                if self.steps[step][0] is wanted:
                    return self.steps[step]
        return self.steps[RowStep.INCLUSION]


def check_row(
    row: Row, trust: Trust, organisation: str, *, inclusion: Said, now: datetime
) -> RowCheck:
    """Check one row; `inclusion` is what the package says of all leaves. Never raises."""
    envelope = from_object(row.record)
    issue = read_entry(row.certificate_leaf.entry)
    record, first = _record_step(row, envelope, organisation, now, issue)
    status = issue.status if isinstance(issue, Issue) else None
    third = _entry_step(row, envelope, record)
    proven = inclusion[0] is Answer.VALID and third[0] is Answer.VALID
    place = row.certificate_leaf.index if proven else None
    second: Said = (Answer.CANNOT_SAY, Reason.SIGNATURE_NO_RECORD)
    if record is not None:
        step = signature_step(
            trust,
            number=record.number,
            issued=record.issued,
            edition=record.edition,
            key_id=envelope.key_id,
            message=pae(envelope.payload_type, envelope.payload),
            signature=envelope.signature,
            place=place,
            imported=isinstance(issue, Import),
        )
        second = (step.answer, step.reason)
    steps = {
        RowStep.RECORD: first,
        RowStep.SIGNATURE: second,
        RowStep.ENTRY: third,
        RowStep.INCLUSION: inclusion,
    }
    return RowCheck(row=row, record=record, status=status, steps=steps)


def _record_step(
    row: Row, envelope: Envelope, organisation: str, now: datetime, issue: Entry | None
) -> tuple[Record | None, Said]:
    if envelope.payload_type != RECORD_TYPE:
        return None, (Answer.INVALID, Reason.RECORD_OTHER_TYPE)
    try:
        record = parse_record(envelope.payload)
    except MalformedRecord:
        return None, (Answer.INVALID, Reason.RECORD_MALFORMED)
    fault = _record_fault(row, record, organisation, issue)
    if fault:
        return record, (Answer.INVALID, fault)
    if issued_in_future(record.issued, now):
        return record, (Answer.CANNOT_SAY, Reason.RECORD_IN_FUTURE)
    return record, (Answer.VALID, Reason.RECORD_GOOD)


def _record_fault(row: Row, record: Record, organisation: str, issue: Entry | None) -> str:
    try:
        check_agreement(record)
    except MalformedRecord:
        return Reason.RECORD_DISAGREES
    if (record.number, record.edition) != (row.number, row.edition):
        return "record-other-certificate"
    if record.prefix != organisation:
        return "record-other-organisation"
    return "" if _kind_fits(row, issue) else "record-other-kind"


def _kind_fits(row: Row, issue: Entry | None) -> bool:
    # A first edition corrects nothing, and a later one is no new certificate; nor is one that was
    # issued before it was in the log.
    match row.kind:
        case RowKind.NEW:
            return row.edition == 1 and not isinstance(issue, Import)
        case RowKind.CORRECTION:
            return row.edition > 1
        case RowKind.SUPPLEMENT | RowKind.WITHDRAWAL:
            return True


def _entry_step(row: Row, envelope: Envelope, record: Record | None) -> Said:
    issue = read_entry(row.certificate_leaf.entry)
    if not isinstance(issue, Issue):
        return Answer.INVALID, Reason.INCLUSION_OTHER_ENTRY
    if record is None:
        return Answer.CANNOT_SAY, Reason.SIGNATURE_NO_RECORD
    named = (issue.number, issue.edition, issue.prefix)
    if named != (record.number, record.edition, record.prefix):
        return Answer.INVALID, Reason.INCLUSION_OTHER_CERTIFICATE
    if commitment(row.opening, envelope.payload).hex() != issue.commit:
        return Answer.INVALID, Reason.INCLUSION_COMMITMENT_DIFFERS
    fault = _withdrawal_fault(row, issue) if row.kind is RowKind.WITHDRAWAL else None
    return (Answer.VALID, "entry-good") if fault is None else (Answer.INVALID, fault)


def _withdrawal_fault(row: Row, issue: Issue) -> Reason | None:
    change = read_entry(row.entry)
    if not isinstance(change, StatusChange) or change.state != State.REVOKED:
        return Reason.INCLUSION_OTHER_ENTRY
    fits = (change.index, change.reason) == (issue.status, row.reason)
    return None if fits else Reason.INCLUSION_OTHER_CERTIFICATE
