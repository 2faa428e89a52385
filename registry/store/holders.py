"""Holders (持证人): contacts, codes, sessions, copies, refused papers, share links, requests.

A holder is known by ``id_tag``, the blind index of their ID number, as in the certificates.
Secrets stand as SHA-256 or HMAC alone; what a person typed or how they are reached is sealed.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class HolderContact(Base):
    """Where one-time codes go; ``sealed`` is an e-mail address or a mobile number.

    ``former`` is the one that was replaced, sealed too, until it was told.
    """

    __tablename__ = "holder_contacts"

    contact_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    former: Mapped[bytes | None] = mapped_column(LargeBinary)


class HolderCode(Base):
    """A code that was asked for: sent to ``id_tag``, or to nobody (then the tag is random)."""

    __tablename__ = "holder_codes"
    __table_args__ = (
        Index("holder_codes_tag", "id_tag", "made_at"),
        Index("holder_codes_network", "network_tag", "made_at"),
    )

    handle_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    network_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    used: Mapped[bool] = mapped_column(Boolean, default=False)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HolderSession(Base):
    """A holder who is signed in; the row goes when the session ends."""

    __tablename__ = "holder_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HolderAsk(Base):
    """An ask that was carried out, with its sealed answer, in the transaction of what was done.

    Its primary key is why no ask is carried out twice, whatever dies and however many work.
    """

    __tablename__ = "holder_asks"

    ask_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class HolderCopy(Base):
    """A PDF that a holder downloaded; ``sealed`` holds purpose, recipient and validity."""

    __tablename__ = "holder_copies"
    __table_args__ = (Index("holder_copies_tag", "id_tag"),)

    copy_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    number: Mapped[str] = mapped_column(String(22))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HolderPaper(Base):
    """A paper of a holder that was looked into in vain: counted for 24 hours, then deleted."""

    __tablename__ = "holder_papers"
    __table_args__ = (Index("holder_papers_tag", "id_tag", "looked_at"),)

    paper_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ShareLink(Base):
    """A link to one certificate for one recipient; ``sealed`` holds recipient and secret."""

    __tablename__ = "share_links"
    __table_args__ = (Index("share_links_tag", "id_tag"),)

    share_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    number: Mapped[str] = mapped_column(String(22))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ShareView(Base):
    """A link was opened, from a network that is many people's (/24 or /48)."""

    __tablename__ = "share_views"
    __table_args__ = (Index("share_views_share", "share_id"),)

    view_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    share_id: Mapped[int] = mapped_column(ForeignKey("share_links.share_id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    network: Mapped[str] = mapped_column(String(48))


class ChangeRequest(Base):
    """A request to change a certificate, with its term and decision.

    ``sealed`` holds what should be changed, how and why, and the office's answer; ``plan`` what
    the office will do, on which ``edition``; ``edition_made`` is the one that was current when it
    was done. ``document`` is sealed too and is not read with the row. The term runs from
    ``due_from``; of two who act on one ``version``, one wins.
    """

    __tablename__ = "change_requests"
    __table_args__ = (
        Index("change_requests_tag", "id_tag"),
        Index("change_requests_state", "state", "due_on"),
        Index("change_requests_number", "number"),
    )

    request_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    origin: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(12))
    number: Mapped[str] = mapped_column(String(22))
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    document: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    document_kind: Mapped[str] = mapped_column(String(4))
    state: Mapped[str] = mapped_column(String(12))
    received_on: Mapped[date]
    due_on: Mapped[date]
    due_provisional: Mapped[bool] = mapped_column(Boolean)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    plan: Mapped[bytes | None] = mapped_column(LargeBinary)
    edition: Mapped[int | None] = mapped_column(SmallInteger)
    edition_made: Mapped[int | None] = mapped_column(SmallInteger)
    due_from: Mapped[date | None]
