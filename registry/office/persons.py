"""Which person an account is (工号): four eyes are two persons' (四眼原则), not two accounts'.

Somebody may have had a clerk's account and hold an approver's now. The staff number says so; an
account of the office without one could be anybody's, and decides nothing that another has prepared.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.identity import Identity
from registry.store.accounts import Account

STAFF_NUMBER: Final = re.compile(r"[0-9A-Z][0-9A-Z-]{0,19}", re.ASCII)

NUMBER_WORDS: Final = "工号为大写字母、数字和 -，至多 20 位"


class UnknownPerson(Refused):
    """An account has no staff number, so nobody can say whether it is another person's."""

    code = "unknown-person"


def is_other_person(session: Session, first: int, by: Identity) -> bool:
    """Say whether account ``first`` is another person's than ``by``. Raises ``UnknownPerson``."""
    if first == by.account_id:
        return False
    query = select(Account.staff_number, Account.company_id)
    pair = session.execute(query.where(Account.account_id.in_((first, by.account_id)))).all()
    of_office = [number for number, company in pair if company is None]
    if len(of_office) < len(pair):
        return True
    if "" in of_office:
        raise UnknownPerson("经办人或者审批人的账号没有登记工号，请系统管理员登记后再办理")
    return len(set(of_office)) == len(of_office)


def check_staff_number(session: Session, number: str, *, besides: int | None = None) -> None:
    """Raise ``Refused`` unless a number is well formed and no active account of the office has it.

    ``besides`` is the account that is to have it.
    """
    if not STAFF_NUMBER.fullmatch(number):
        raise Refused(f"办公室角色须填写工号；{NUMBER_WORDS}")
    query = select(Account.account_id).where(
        Account.staff_number == number,
        Account.company_id.is_(None),
        Account.disabled.is_(False),
    )
    if session.scalars(query).first() not in (None, besides):
        raise Refused("工号已登记在另一账号上：一人一号，请先停用原账号")
