"""Changes of the office's accounts that a second administrator confirms (两人管理账号).

A new account, a new password, factors taken away, a staff number: whoever could do one of these
alone could sign in as anybody. It waits, without effect, until another administrator confirms it,
or the operator at the machine does. Companies' accounts are changed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.identity import Identity
from registry.office.persons import check_staff_number
from registry.office.sessions import end_sessions
from registry.store.accounts import Account, AccountChange, Passkey
from registry.store.among import among
from registry.store.prepared import Prepared

WAITING: Final = "waiting"
CONFIRMED: Final = "confirmed"
DROPPED: Final = "dropped"
REPLACED: Final = "replaced"


class Kind(StrEnum):
    """What may wait."""

    ADD = "add"
    PASSWORD = "password"  # noqa: S105 - the kind of a change
    FACTORS = "factors"
    NUMBER = "number"


KIND_WORDS: Final = {
    Kind.ADD: "新建账号",
    Kind.PASSWORD: "重置密码",
    Kind.FACTORS: "清除第二步验证",
    Kind.NUMBER: "登记工号",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A change that waits: ``by`` is a login, "" for the operator; ``own`` is the reader's."""

    change_id: int
    kind: Kind
    word: str
    by: str
    at: datetime
    own: bool
    number: str
    """The staff number it would give, "" for other changes."""


def propose(
    session: Session,
    account: Account,
    kind: Kind,
    *,
    value: str = "",
    by: Identity | None,
    context: Context,
) -> None:
    """Let a change wait, in the place of an earlier one of its kind."""
    now = context.clock.now()
    session.execute(
        update(AccountChange)
        .where(
            AccountChange.account_id == account.account_id,
            AccountChange.kind == kind.value,
            AccountChange.state == WAITING,
        )
        .values(state=REPLACED, value="", decided_at=now)
    )
    session.add(
        AccountChange(
            account_id=account.account_id,
            kind=kind.value,
            value=value,
            state=WAITING,
            proposed_by=by.account_id if by else None,
            proposed_at=now,
        )
    )


def apply(session: Session, account: Account, kind: Kind, value: str, context: Context) -> None:
    """Let a change take effect; it ends the account's sessions. Raises ``Refused``."""
    match kind:
        case Kind.ADD:
            account.password_at = context.clock.now()
        case Kind.PASSWORD:
            account.password, account.password_at = value, context.clock.now()
            account.failures, account.locked_until = 0, None
        case Kind.FACTORS:
            account.totp = b""
            session.execute(delete(Passkey).where(Passkey.account_id == account.account_id))
        case Kind.NUMBER:
            if not account.disabled:
                check_staff_number(session, value, besides=account.account_id)
            account.staff_number = value
        case _:
            assert_never(kind)
    end_sessions(session, account.account_id)


def is_unconfirmed(session: Session, account_id: int) -> bool:
    """Say whether an account itself was never confirmed: nobody signs in with it."""
    query = select(AccountChange.change_id).where(
        AccountChange.account_id == account_id,
        AccountChange.kind == Kind.ADD.value,
        AccountChange.state != CONFIRMED,
    )
    return session.scalars(query).first() is not None


_WAITING: Final = Prepared(
    select(
        AccountChange.change_id,
        AccountChange.account_id,
        AccountChange.kind,
        AccountChange.value,
        AccountChange.proposed_by,
        AccountChange.proposed_at,
        Account.login,
    )
    .outerjoin(Account, Account.account_id == AccountChange.proposed_by)
    .where(among(AccountChange.account_id, "accounts"), AccountChange.state == WAITING)
    .order_by(AccountChange.change_id)
)


def waiting_for(
    session: Session, account_ids: list[int], by: Identity | None
) -> dict[int, tuple[Waiting, ...]]:
    """Return what waits, by account, the oldest first."""
    found: dict[int, tuple[Waiting, ...]] = {}
    for row in _WAITING.named(session, accounts=account_ids):
        kind = Kind(row.kind)
        one = Waiting(
            change_id=row.change_id,
            kind=kind,
            word=KIND_WORDS[kind],
            by=row.login or "",
            at=row.proposed_at,
            own=by is not None and row.proposed_by == by.account_id,
            number=row.value if kind is Kind.NUMBER else "",
        )
        found[row.account_id] = (*found.get(row.account_id, ()), one)
    return found
