"""Which account a quality supervisor of the pool works with (督导员账号), tied at the desk.

A drawn visit belongs to the person of the pool; this tie says whose sign-in that is. It is chosen
by the city's office, never guessed from a name, and stands while a visit waits: nobody hands a
drawn visit to somebody else by tying anew.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role
from registry.office.registers import PoolKind, city_office
from registry.office.supervising import Stage
from registry.store.accounts import Account
from registry.store.registers import Expert, Supervision

NONE: Final = ""
"""The login that stands for no account."""

_TAKEN: Final = "此账号已绑定其他督导员，请另选"


def free_accounts(session: Session, by: Identity) -> tuple[str, ...]:
    """Return the logins of supervisors' accounts that nobody of the pool has, in order."""
    city_office(by)
    tied = exists().where(Expert.account_id == Account.account_id)
    query = select(Account.login).where(
        Account.role == Role.SUPERVISOR.value, Account.disabled.is_(False), ~tied
    )
    return tuple(session.scalars(query.order_by(Account.login)))


def tie_account(
    session: Session, expert_id: int, login: str, *, by: Identity, context: Context
) -> None:
    """Tie a supervisor of the pool to an account, or to none (`NONE`).

    Raises ``NotAllowed``, ``NotFound``, ``FormFaults`` for an account that cannot be tied,
    ``Refused`` while a visit waits for the account that is tied now.
    """
    city_office(by)
    row = session.get(Expert, expert_id, with_for_update=True)
    if row is None or row.kind != PoolKind.SUPERVISOR.value:
        raise NotFound("督导员库中没有此人")
    account = _account(session, login, row) if login != NONE else None
    wanted = account.account_id if account else None
    if wanted == row.account_id:
        raise Refused("账号没有变化")
    waits = exists().where(
        Supervision.expert_id == expert_id, Supervision.state == Stage.ASSIGNED.value
    )
    if row.account_id is not None and session.scalar(select(waits)):
        raise Refused("此督导员有尚未完成的督导任务，任务完成后才能更换账号")
    row.account_id = wanted
    try:
        session.flush()
    except IntegrityError:
        # Tied to somebody else at this very moment.
        raise FormFaults([FieldFault(field="login", text=_TAKEN)]) from None
    line = audit("supervisor-account", row.label, by, context)
    line.detail = f"account {login}" if login else "no account"
    session.add(line)


def _account(session: Session, login: str, row: Expert) -> Account:
    account = session.scalars(select(Account).where(Account.login == login)).one_or_none()
    if account is None or account.role != Role.SUPERVISOR.value or account.disabled:
        text = "请选择质量督导员的账号；没有的，请系统管理员新建"
        raise FormFaults([FieldFault(field="login", text=text)])
    tied = select(Expert.expert_id).where(Expert.account_id == account.account_id)
    if session.scalar(tied) not in {None, row.expert_id}:
        raise FormFaults([FieldFault(field="login", text=_TAKEN)])
    return account
