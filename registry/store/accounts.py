"""Accounts of the desks (账号), their second factors and their sessions.

A password stands here only as an argon2id hash, a TOTP secret only encrypted, a session only as
the SHA-256 of its token: who copies the database can sign in as nobody.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime

_OF_THE_OFFICE = text("company_id IS NULL AND NOT disabled AND staff_number <> ''")


class Account(Base):
    """One person's account; ``role`` and tenant decide what it may see and do.

    ``district`` is empty for the city office; ``company_id`` is set for a company's people.
    ``totp_step`` is the last time step whose code was taken: none is taken twice.
    ``staff_number`` (工号) says which person of the office it is, "" for a company's people: of
    the office's active accounts no two have the same.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index(
            "accounts_staff_number",
            "staff_number",
            unique=True,
            sqlite_where=_OF_THE_OFFICE,
            postgresql_where=_OF_THE_OFFICE,
        ),
    )

    account_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    display: Mapped[bytes] = mapped_column(LargeBinary)
    role: Mapped[str] = mapped_column(String(20))
    district: Mapped[str] = mapped_column(String(12), default="")
    staff_number: Mapped[str] = mapped_column(String(20), default="", server_default="")
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.company_id"))
    password: Mapped[str] = mapped_column(String(160))
    password_at: Mapped[datetime] = mapped_column(UtcDateTime)
    totp: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AccountChange(Base):
    """What one administrator did to an account of the office and another has to confirm.

    ``value`` is what it will be: a password's hash, a staff number; emptied once decided.
    ``state`` is waiting, confirmed, dropped or replaced; ``proposed_by`` is NULL for the operator
    at the machine. Decided rows are the history.
    """

    __tablename__ = "account_changes"
    __table_args__ = (Index("account_changes_account", "account_id", "state"),)

    change_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    kind: Mapped[str] = mapped_column(String(12))
    value: Mapped[str] = mapped_column(String(160), default="")
    state: Mapped[str] = mapped_column(String(12))
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Passkey(Base):
    """One passkey (WebAuthn credential) of an account."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("passkeys_account", "account_id"),)

    credential_id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str] = mapped_column(String(60))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WebSession(Base):
    """One sign-in; ``strong`` once the second factor was shown. Idle and absolute limits apply."""

    __tablename__ = "web_sessions"
    __table_args__ = (Index("web_sessions_account", "account_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    strong: Mapped[bool] = mapped_column(default=False)
    challenge: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
