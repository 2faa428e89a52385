"""What the page lays beside the register: the paper's QR code and the national upload (三方对照).

The paper's column is empty here: what a QR code says stays in the visitor's browser, which fills
it in. How far the reporting has come is the office's own statement, so it is never shown as
checked; where nothing is known, *cannot say*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from signing.wording import Words, level_words
from verify_web.times import date_words, printed_date
from verify_web.wording_page import (
    CHAIN,
    CHAIN_ENDED,
    CHAIN_KNOWN,
    CHAIN_UNKNOWN,
    EDITION,
    ENDED,
    FIELDS,
)

if TYPE_CHECKING:
    from signing.mirror import Chain
    from signing.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One printed field as registered: `value` as signed, `shown` as printed."""

    code: str
    label: Words
    value: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One step of the reporting; `day` is None where nothing is known of it."""

    code: str
    label: Words
    word: Words
    day: Words | None


def compared(record: Record | None) -> tuple[Compared, ...]:
    """List the fields that a QR code carries; none where the record cannot be shown."""
    if record is None:
        return ()
    level = level_words(record.level).zh
    rows = (
        ("name", record.name, record.name),
        ("occupation", record.occupation, record.occupation),
        ("direction", record.direction, record.direction or "--"),
        ("level", record.level, level),
        ("number", record.number, record.number),
        ("issuer", record.issuer, record.issuer),
        ("issued", record.issued, printed_date(record.issued)),
        ("edition", str(record.edition), EDITION.format(record.edition)),
    )
    return tuple(
        Compared(code=code, label=FIELDS[code], value=value, shown=shown)
        for code, value, shown in rows
    )


def reach_of(chain: Chain) -> tuple[Reached, ...]:
    """Say of each step of the reporting whether and when it was taken, by the office's word.

    Where the office reports it no more, that stands last, with its day.
    """
    days = {code: getattr(chain, code) for code, _ in CHAIN}
    steps = tuple(
        Reached(
            code=code,
            label=label,
            word=CHAIN_KNOWN if days[code] else CHAIN_UNKNOWN,
            day=date_words(days[code]) if days[code] else None,
        )
        for code, label in CHAIN
    )
    if not chain.ended:
        return steps
    label, word = CHAIN_ENDED
    return (*steps, Reached(code=ENDED, label=label, word=word, day=date_words(chain.ended)))
