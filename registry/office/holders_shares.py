"""Share links (授权查看链接): one certificate for one named recipient, for at most thirty days.

The link's secret is 128 random bits, found by its SHA-256 and kept sealed so that its holder can
copy it again. Who opens it is put down by time and network (/24 or /48) alone, which names nobody
and still shows a holder that a link has gone round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.holders_certificates import certificate_of_number, own_certificate
from registry.office.holders_lines import holder_line
from registry.office.holders_sessions import holder_of
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.holders import ShareLink, ShareView
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.holder_messages import (
    LONGEST_LINE,
    LONGEST_SHARE_DAYS,
    Done,
    OpenShare,
    Share,
    Shared,
    SharedLink,
    Unshare,
    Viewed,
)
from signing.tlog.entry import format_time

SEALED: Final = "share_links.sealed"
SECRET_BYTES: Final = 16
MOST_OPEN: Final = 20
"""Links of one holder that are good at the same time."""

MOST_VIEWS: Final = 20
"""Shown of one link, the latest and the first of each network; all are kept and counted."""


class ShareRefused(Refused):
    """The link's facts are not in form, or there are too many links."""

    code = "share-refused"


class ShareOver(NotFound):
    """The link has ended, or there never was one: both say the same."""

    code = "share-over"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("链接无效或者已到期，请向持证人索取新的链接")


class _Held(Canonical, frozen=True, kw_only=True):
    recipient: str
    token: str


_DECODER: Final = decoder_for(_Held)
_LARGEST: Final = 1024


def share(session: Session, ask: Share, *, context: Context) -> Shared:
    """Make a link. Raises ``SessionOver``, ``NotFound``, ``ShareRefused``."""
    tag = holder_of(session, ask.session, context)
    row = own_certificate(session, tag, ask.number)
    now = context.clock.now()
    if not 0 < len(ask.recipient) <= LONGEST_LINE or not ask.recipient.isprintable():
        raise ShareRefused("the recipient takes 1 to 60 printable characters")
    if not 1 <= ask.days <= LONGEST_SHARE_DAYS:
        raise ShareRefused(f"a link is good for 1 to {LONGEST_SHARE_DAYS} days")
    good = select(func.count()).where(
        ShareLink.id_tag == tag, ShareLink.until > now, ShareLink.ended_at.is_(None)
    )
    if (session.scalar(good) or 0) >= MOST_OPEN:
        raise ShareRefused("too many links are good at the same time: end one first")
    token = context.random(SECRET_BYTES).hex()
    link = ShareLink(
        token_hash=_digest(token),
        id_tag=tag,
        number=row.number,
        sealed=b"",
        made_at=now,
        until=now + timedelta(days=ask.days),
    )
    session.add(link)
    session.flush()
    held = _Held(recipient=ask.recipient, token=token)
    link.sealed = FieldCipher(context.field_key, SEALED).seal(
        link.share_id, context.random(NONCE_LENGTH), encode(held)
    )
    session.add(holder_line("holder-share", row.number, context, detail=f"{ask.days} days"))
    return Shared(token=token, recipient=ask.recipient, until=format_time(link.until))


def unshare(session: Session, ask: Unshare, *, context: Context) -> Done:
    """End a link now. Raises ``SessionOver``, ``NotFound`` for another's link."""
    tag = holder_of(session, ask.session, context)
    link = session.get(ShareLink, ask.share)
    if link is None or link.id_tag != tag:
        raise NotFound("no such link of this holder")
    link.ended_at = link.ended_at or context.clock.now()
    session.add(holder_line("holder-unshare", link.number, context))
    return Done()


def open_share(session: Session, ask: OpenShare, *, context: Context) -> Shared:
    """Put a view down, and say which edition the link leads to now. Raises ``ShareOver``."""
    now = context.clock.now()
    query = select(ShareLink).where(ShareLink.token_hash == _digest(ask.token))
    link = session.scalars(query).one_or_none()
    if link is None or _is_over(link, now):
        raise ShareOver
    rows = certificate_of_number(session, link.number)
    # A correction of the ID number makes it another person's: the link does not follow.
    if not rows or rows[0].id_tag != link.id_tag:
        raise ShareOver
    session.add(ShareView(share_id=link.share_id, at=now, network=ask.network[:48]))
    session.add(holder_line("share-view", link.number, context, source=ask.network))
    held = _open(link, context)
    return Shared(token=rows[0].token, recipient=held.recipient, until=format_time(link.until))


def is_link(session: Session, token: str) -> bool:
    """Say whether there is such a link, over or not; for a snapshot without the write lock."""
    query = select(ShareLink.share_id).where(ShareLink.token_hash == _digest(token))
    return session.scalar(query) is not None


def shares_of(session: Session, id_tag: bytes, context: Context) -> tuple[SharedLink, ...]:
    """Return a holder's links with who opened them, the newest first."""
    now = context.clock.now()
    links = session.scalars(
        select(ShareLink).where(ShareLink.id_tag == id_tag).order_by(ShareLink.share_id.desc())
    )
    return tuple(_shown(session, link, over=_is_over(link, now), context=context) for link in links)


def _is_over(link: ShareLink, now: datetime) -> bool:
    return link.ended_at is not None or link.until <= now


def _shown(session: Session, link: ShareLink, *, over: bool, context: Context) -> SharedLink:
    held = _open(link, context)
    views = session.scalars(
        select(ShareView)
        .where(ShareView.share_id == link.share_id)
        .order_by(ShareView.view_id.desc())
        .limit(MOST_VIEWS)
    )
    total = select(func.count(ShareView.view_id)).where(ShareView.share_id == link.share_id)
    first = func.min(ShareView.view_id)
    of_network = (
        select(first).where(ShareView.share_id == link.share_id).group_by(ShareView.network)
    )
    firsts = session.scalars(
        select(ShareView)
        .where(ShareView.view_id.in_(of_network))
        .order_by(ShareView.view_id)
        .limit(MOST_VIEWS)
    )
    return SharedLink(
        share=link.share_id,
        number=link.number,
        recipient=held.recipient,
        token="" if over else held.token,
        until=format_time(link.ended_at or link.until),
        over=over,
        viewed=session.scalar(total) or 0,
        firsts=_viewed(firsts),
        views=_viewed(views),
    )


def _viewed(rows: Iterable[ShareView]) -> tuple[Viewed, ...]:
    return tuple(Viewed(at=format_time(one.at), network=one.network) for one in rows)


def _open(link: ShareLink, context: Context) -> _Held:
    plain = FieldCipher(context.field_key, SEALED).open(link.share_id, link.sealed)
    return decode(plain, _DECODER, limit=_LARGEST)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
