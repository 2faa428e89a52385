"""What was typed into the holder's forms, as an ask to the registry or as faults by field.

The registry checks everything again: here a person is told which field to mend.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from signing.holder_messages import (
    DOCUMENT_MAGIC,
    LONGEST_COPY_DAYS,
    LONGEST_LINE,
    LONGEST_REASON,
    LONGEST_SHARE_DAYS,
    MOST_DOCUMENT,
    Draw,
    Request,
    Share,
)
from signing.mirror import Factor, normalise
from verify_web.forms import Fault
from verify_web.holder import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_VALIDITY: Final = timedelta(days=LONGEST_COPY_DAYS)
FACTORS: Final = {
    "number": Factor.NUMBER,
    "id-number": Factor.ID_NUMBER,
    "name": Factor.NAME,
}
LONGEST_FACT: Final = 60


def read_facts(form: Mapping[str, str]) -> dict[Factor, str] | Fault:
    """Read the facts of somebody who wants a code."""
    typed = {
        factor: normalise(factor, form.get(name, "")[: LONGEST_FACT + 1])
        for name, factor in FACTORS.items()
    }
    facts = {factor: value for factor, value in typed.items() if value}
    fits = all(len(value) <= LONGEST_FACT and value.isprintable() for value in facts.values())
    if not fits or len(facts) < 2 or facts.keys() == {Factor.NAME}:  # noqa: PLR2004 -- any two
        return Fault(field="number", text=wording.TWO_FACTS)
    return facts


def read_copy(
    form: Mapping[str, str], *, session: str, number: str, today: date
) -> Draw | list[Fault]:
    """Read the form of an annotated copy."""
    purpose, recipient = form.get("purpose", "").strip(), form.get("recipient", "").strip()
    until = form.get("until", "").strip()
    faults = []
    if not _is_line(purpose):
        faults.append(Fault(field="purpose", text=wording.NO_PURPOSE))
    if not _is_line(recipient):
        faults.append(Fault(field="recipient", text=wording.NO_RECIPIENT))
    if not _is_day(until, today):
        faults.append(Fault(field="until", text=wording.BAD_DAY))
    return faults or Draw(
        session=session, number=number, purpose=purpose, recipient=recipient, valid_until=until
    )


def read_share(form: Mapping[str, str], *, session: str, number: str) -> Share | list[Fault]:
    """Read the form of a share link."""
    recipient, days = form.get("share-recipient", "").strip(), form.get("days", "").strip()
    faults = []
    if not _is_line(recipient):
        faults.append(Fault(field="share-recipient", text=wording.NO_RECIPIENT))
    whole = int(days) if days.isascii() and days.isdigit() and len(days) <= 3 else 0  # noqa: PLR2004
    if not 1 <= whole <= LONGEST_SHARE_DAYS:
        faults.append(Fault(field="days", text=wording.BAD_DAYS))
    return faults or Share(session=session, number=number, recipient=recipient, days=whole)


def read_request(
    form: Mapping[str, str], document: bytes, *, session: str, number: str
) -> Request | list[Fault]:
    """Read the form of a correction or reissue."""
    kind, field = form.get("kind", ""), form.get("field", "")
    wanted, reason = form.get("wanted", "").strip(), form.get("reason", "").strip()
    faults = []
    if kind not in ("correction", "reissue"):
        faults.append(Fault(field="kind", text=wording.NO_KIND))
    if kind == "reissue":
        # The form cannot hide what does not apply without a script.
        field = wanted = ""
    elif kind == "correction":
        if field not in wording.REQUEST_FIELDS:
            faults.append(Fault(field="field", text=wording.NO_FIELD))
        if not _is_line(wanted):
            faults.append(Fault(field="wanted", text=wording.NO_WANTED))
    plain = reason.replace("\r", "").replace("\n", "")
    if not 0 < len(reason) <= LONGEST_REASON or not plain.isprintable():
        faults.append(Fault(field="reason", text=wording.NO_REASON))
    if document and (len(document) > MOST_DOCUMENT or not document.startswith(DOCUMENT_MAGIC)):
        faults.append(Fault(field="document", text=wording.BAD_DOCUMENT))
    return faults or Request(
        session=session,
        number=number,
        kind=kind,
        field=field,
        wanted=wanted,
        reason=reason,
        document=document,
    )


def _is_day(text: str, today: date) -> bool:
    try:
        return today <= date.fromisoformat(text) <= today + LONGEST_VALIDITY
    except ValueError:
        return False


def _is_line(text: str) -> bool:
    return 0 < len(text) <= LONGEST_LINE and text.isprintable()
