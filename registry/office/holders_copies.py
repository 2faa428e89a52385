"""A holder downloads (下载证书): an annotated copy for a purpose and recipient, or the original.

The PDF is made between two transactions, since drawing and checking it takes longer than anybody
should hold the write lock: first whether the holder may have it, then that they got it. Whoever
was signed out meanwhile gets nothing.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.holders_certificates import own_certificate
from registry.office.holders_lines import holder_line
from registry.office.holders_sessions import holder_of
from registry.store.certificates import CertificateState
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.holders import HolderCopy
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.holder_messages import LONGEST_COPY_DAYS, LONGEST_LINE, Copied, Draw, File
from signing.tlog.entry import format_time

SEALED: Final = "holder_copies.sealed"
LONGEST_VALIDITY: Final = timedelta(days=LONGEST_COPY_DAYS)
MOST_SHOWN: Final = 50
MOST_AN_HOUR: Final = 20
"""Downloads of one holder in an hour: each costs a drawing and the print gate."""

HOUR: Final = timedelta(hours=1)


class CopyRefused(Refused):
    """The copy's facts are not in form, or the certificate is not valid now."""

    code = "copy-refused"


class TooManyCopies(Refused):
    """The holder has downloaded too often within an hour."""

    code = "too-many-copies"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("一小时内下载次数已达上限，请稍后再试")


class _Held(Canonical, frozen=True, kw_only=True):
    purpose: str
    recipient: str
    valid_until: str


_DECODER: Final = decoder_for(_Held)
_LARGEST: Final = 4096


def may_draw(session: Session, ask: Draw, *, context: Context) -> date | None:
    """Return the last day of an annotated copy's validity, or None for the original.

    Raises ``SessionOver``, ``NotFound`` for another's certificate, ``CopyRefused``,
    ``TooManyCopies``.
    """
    tag = holder_of(session, ask.session, context)
    row = own_certificate(session, tag, ask.number)
    made = select(func.count(HolderCopy.copy_id)).where(
        HolderCopy.id_tag == tag, HolderCopy.made_at > context.clock.now() - HOUR
    )
    if (session.scalar(made) or 0) >= MOST_AN_HOUR:
        raise TooManyCopies
    if row.state != CertificateState.VALID:
        raise CopyRefused("the certificate is not valid now: no PDF is made of it")
    if not ask.purpose:
        return None
    if not all(
        0 < len(text) <= LONGEST_LINE and text.isprintable()
        for text in (ask.purpose, ask.recipient)
    ):
        raise CopyRefused("purpose and recipient take 1 to 60 printable characters")
    today = china_day(context.clock.now())
    try:
        until = date.fromisoformat(ask.valid_until)
    except ValueError:
        raise CopyRefused("the last day of validity is no day") from None
    if not today <= until <= today + LONGEST_VALIDITY:
        raise CopyRefused("a copy is valid from today for at most a year")
    return until


def record_copy(session: Session, ask: Draw, pdf: bytes, *, context: Context) -> File:
    """Put down what a holder gets. Raises as ``may_draw``."""
    may_draw(session, ask, context=context)
    tag = holder_of(session, ask.session, context)
    row = HolderCopy(
        id_tag=tag,
        number=ask.number,
        digest=hashlib.sha256(pdf).digest(),
        sealed=b"",
        made_at=context.clock.now(),
    )
    session.add(row)
    session.flush()
    held = _Held(purpose=ask.purpose, recipient=ask.recipient, valid_until=ask.valid_until)
    row.sealed = FieldCipher(context.field_key, SEALED).seal(
        row.copy_id, context.random(NONCE_LENGTH), encode(held)
    )
    kind = "annotated" if ask.purpose else "original"
    session.add(holder_line("holder-copy", ask.number, context, detail=kind))
    return File(data=pdf)


def copies_of(session: Session, id_tag: bytes, context: Context) -> tuple[Copied, ...]:
    """Return a holder's downloads, the newest first."""
    cipher = FieldCipher(context.field_key, SEALED)
    rows = session.scalars(
        select(HolderCopy)
        .where(HolderCopy.id_tag == id_tag)
        .order_by(HolderCopy.copy_id.desc())
        .limit(MOST_SHOWN)
    )
    found = []
    for row in rows:
        held = decode(cipher.open(row.copy_id, row.sealed), _DECODER, limit=_LARGEST)
        found.append(
            Copied(
                number=row.number,
                at=format_time(row.made_at),
                purpose=held.purpose,
                recipient=held.recipient,
                valid_until=held.valid_until,
            )
        )
    return tuple(found)
