"""Step 7 of a PDF: original or annotated copy (原件或加注副本), and whether the copy serves here.

Only a good seal says anything about it: whoever can add or drop an attachment could otherwise
turn a copy into an original, or an original into a copy that has run out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from signing.annotation import is_of, parse_annotation, same_recipient
from signing.errors import SigningError
from signing.record import parse_record
from signing.report import Answer, Reason, Step, StepCode
from signing.steps import CHINA, CLOCK_SKEW, answer

if TYPE_CHECKING:
    from datetime import datetime

    from signing.annotation import Annotation


def copy_step(
    annotation: bytes | None, payload: bytes, seal: Step, *, now: datetime, recipient: str = ""
) -> Step:
    """Judge the attached `annotation` (None: there is none) of the record with bytes `payload`.

    `seal` is step 6 of the same file; `recipient` the one who asks, "" when nobody said. Facts of
    a copy: purpose, recipient, made, until.
    """
    if seal.answer is not Answer.VALID:
        return answer(StepCode.COPY, Answer.CANNOT_SAY, Reason.COPY_NOT_SEALED)
    if annotation is None:
        return answer(StepCode.COPY, Answer.VALID, Reason.COPY_ORIGINAL)
    try:
        found, record = parse_annotation(annotation), parse_record(payload)
    except SigningError:
        return answer(StepCode.COPY, Answer.INVALID, Reason.COPY_MALFORMED)
    if not is_of(found, record, payload):
        return answer(StepCode.COPY, Answer.INVALID, Reason.COPY_OTHER_CERTIFICATE)
    facts = {
        "purpose": found.purpose,
        "recipient": found.recipient,
        "made": found.made,
        "until": found.until,
    }
    return answer(StepCode.COPY, *_fitness(found, now, recipient), facts)


def _fitness(annotation: Annotation, now: datetime, recipient: str) -> tuple[Answer, Reason]:
    if recipient and not same_recipient(recipient, annotation.recipient):
        return Answer.INVALID, Reason.COPY_OTHER_RECIPIENT
    if now.astimezone(CHINA).date().isoformat() > annotation.until:
        return Answer.INVALID, Reason.COPY_EXPIRED
    if (now + CLOCK_SKEW).astimezone(CHINA).date().isoformat() < annotation.made:
        return Answer.CANNOT_SAY, Reason.COPY_IN_FUTURE
    return Answer.VALID, Reason.COPY_NAMED if recipient else Reason.COPY_ANNOTATED
