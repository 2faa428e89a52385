"""The machine's answer to `GET /v/<token>` with `Accept: application/json`.

The same report as the page, in the shape of `certverify --json`: stable codes, the ID number
masked. A record that failed its checks is left out, as on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from signing.record import mask_id
from signing.report import Verdict
from verify_web.views import trusted_record
from verify_web.wording import reason_words

if TYPE_CHECKING:
    from signing.record import Record
    from signing.report import Report, Step

_SHOWN: Final = (
    "name",
    "id_type",
    "occupation",
    "occupation_code",
    "direction",
    "level",
    "number",
    "issuer",
    "issued",
    "edition",
)
"""The printed fields; not the admission number, which is one of the lookup's factors."""


def report_json(report: Report, *, superseded_by: str) -> bytes:
    """Write the report; `superseded_by` is the new edition's token, given when corrected."""
    record = trusted_record(report)
    onward = superseded_by if report.verdict is Verdict.CORRECTED else ""
    return msgspec.json.encode(
        {
            "verdict": report.verdict,
            "as_of": report.as_of,
            "see_edition": report.see_edition,
            "record": None if record is None else _record(record),
            "steps": [_step(step) for step in report.steps],
            "superseded_by": onward or None,
        }
    )


def _record(record: Record) -> dict[str, object]:
    facts: dict[str, object] = {name: getattr(record, name) for name in _SHOWN}
    return {**facts, "id_number": mask_id(record.id_number)}


def _step(step: Step) -> dict[str, object]:
    reason = reason_words(step.reason)
    return {
        "number": step.number,
        "code": step.code,
        "answer": step.answer,
        "reason": step.reason,
        "text": {"zh": reason.zh, "en": reason.en},
        "as_of": step.as_of,
    }
