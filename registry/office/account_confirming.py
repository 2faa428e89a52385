"""Confirming or dropping what another administrator did to an account of the office.

The operator at the machine (``by`` None) may confirm everything: who holds the database needs no
account, and somebody must be able to let the first second administrator in.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.account_changes import CONFIRMED, DROPPED, WAITING, Kind, apply
from registry.office.accounts import line_about, other_account
from registry.office.context import Context
from registry.office.identity import Identity, NotAllowed
from registry.office.persons import is_other_person
from registry.store.accounts import Account, AccountChange


def decide_change(
    session: Session, change_id: int, *, confirm: bool, by: Identity, context: Context
) -> int:
    """Confirm a waiting change, or drop it; return the account's number.

    Raises ``NotAllowed`` to confirm one's own or about one's own account, ``NotFound``, ``Refused``
    if it was decided already.
    """
    row = session.get(AccountChange, change_id)
    if row is None:
        raise NotFound("没有此账号变更，或者不归您管理")
    account = other_account(session, row.account_id, by)
    session.refresh(row)
    if row.state != WAITING:
        raise Refused("此账号变更已经办理，请刷新后再看")
    first = row.proposed_by
    if confirm and first is not None and not is_other_person(session, first, by):
        raise NotAllowed("不能确认自己提出的变更，请由另一位系统管理员确认")
    _decide(session, account, row, confirm=confirm, by=by, context=context)
    return account.account_id


def confirm_all(session: Session, account_id: int, *, context: Context) -> tuple[str, ...]:
    """Confirm at the machine whatever waits for an account; return the kinds.

    Raises ``Refused`` if nothing waits.
    """
    account = other_account(session, account_id, None)
    query = select(AccountChange).where(
        AccountChange.account_id == account_id, AccountChange.state == WAITING
    )
    rows = session.scalars(query.order_by(AccountChange.change_id)).all()
    if not rows:
        raise Refused("nothing waits for confirmation: see `certreg account list`")
    for row in rows:
        _decide(session, account, row, confirm=True, by=None, context=context)
    return tuple(row.kind for row in rows)


def _decide(
    session: Session,
    account: Account,
    row: AccountChange,
    *,
    confirm: bool,
    by: Identity | None,
    context: Context,
) -> None:
    kind = Kind(row.kind)
    if confirm:
        apply(session, account, kind, row.value, context)
    row.state, row.value = CONFIRMED if confirm else DROPPED, ""
    row.decided_by, row.decided_at = by.account_id if by else None, context.clock.now()
    action = "account-confirm" if confirm else "account-drop"
    session.add(line_about(action, account, by, context, detail=kind.value))
