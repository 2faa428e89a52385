"""Accounts (账号) as the administrator keeps them: adding, disabling, resetting, roles, tenants.

Tenants stand in each other: a city's administrator keeps all accounts, a district's those of its
own office and of its companies. Nobody changes, disables or resets their own account here, so an
administrator is always left. Passwords and factors are never shown: a reset gives a password for
one sign-in. ``by`` None is whoever holds the machine and works on its command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role, require
from registry.office.passwords import FIRST, fresh_password, hash_password, must_change
from registry.office.sessions import end_sessions, has_passkey
from registry.office.signing_in import is_locked
from registry.store.accounts import Account, Passkey
from registry.store.audit import AuditLine
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.procedure import Company

LOGIN: Final = re.compile(r"[a-z][a-z0-9._-]{2,31}", re.ASCII)
DISTRICT: Final = re.compile(r"[0-9A-Z]{0,12}", re.ASCII)
CITY_ROLES: Final = frozenset({Role.AUDITOR})
"""Roles of the city alone: the audit trail speaks of every tenant."""

LONGEST_NAME: Final = 40
_DISPLAY: Final = "accounts.display"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What an account is made of. ``company`` is a social credit code, "" for the office's people.

    ``name`` is the person's own, kept encrypted and shown to administrators alone.
    """

    login: str
    role: Role
    company: str = ""
    district: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One account as an administrator sees it. ``company`` is a name, "" for the office's."""

    account_id: int
    login: str
    role: Role
    name: str
    company: str
    district: str
    factors: tuple[str, ...]
    first_password: bool
    locked: bool
    disabled: bool
    created_at: datetime


def add_account(
    session: Session,
    new: NewAccount,
    *,
    by: Identity | None,
    context: Context,
    password: str = "",
) -> str:
    """Add an account and return the password for its first sign-in (``password``, or a new one).

    Raises ``Refused`` naming the wrong fact, ``NotAllowed`` outside of the administrator's tenant.
    """
    company = _company(session, new)
    _check(session, new, company)
    district = company.district if company else new.district
    _require_tenant(by, district)
    given, now = password or fresh_password(context.random), context.clock.now()
    account = Account(
        login=new.login,
        display=b"",
        role=new.role.value,
        district="" if company else new.district,
        company_id=company.company_id if company else None,
        password=FIRST + hash_password(given),
        password_at=now,
        created_at=now,
    )
    session.add(account)
    session.flush()
    if new.name.strip():
        name, nonce = new.name.strip()[:LONGEST_NAME].encode(), context.random(NONCE_LENGTH)
        account.display = _cipher(context).seal(account.account_id, nonce, name)
    session.add(_line("account-add", account, by, context, detail=new.role.value))
    return given


def list_accounts(session: Session, *, by: Identity | None, context: Context) -> tuple[Kept, ...]:
    """Return the accounts of the administrator's tenant, by login."""
    rows = session.execute(_tenant(by).order_by(Account.login))
    return tuple(_kept(session, account, company, context) for account, company in rows)


def get_account(
    session: Session, account_id: int, *, by: Identity | None, context: Context
) -> Kept:
    """Return one account; ``NotFound`` outside of the administrator's tenant."""
    query = _tenant(by).where(Account.account_id == account_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有此账号，或者不归您管理")
    return _kept(session, row[0], row[1], context)


def find_login(session: Session, login: str) -> int:
    """Return the number of an account by its login; ``NotFound``."""
    found = session.scalar(select(Account.account_id).where(Account.login == login))
    if found is None:
        raise NotFound("there is no account of this login: see `certreg account list`")
    return found


def set_disabled(
    session: Session, account_id: int, *, disabled: bool, by: Identity | None, context: Context
) -> None:
    """Disable an account, which ends its sessions at once, or let it in again."""
    account = _others(session, account_id, by)
    account.disabled = disabled
    end_sessions(session, account.account_id)
    action = "account-disable" if disabled else "account-enable"
    session.add(_line(action, account, by, context))


def reset_password(
    session: Session, account_id: int, *, by: Identity | None, context: Context
) -> str:
    """Give a new password for one sign-in, lift a lock, end all sessions; factors stay."""
    account = _others(session, account_id, by)
    given = fresh_password(context.random)
    account.password, account.password_at = FIRST + hash_password(given), context.clock.now()
    account.failures, account.locked_until = 0, None
    end_sessions(session, account.account_id)
    session.add(_line("account-reset", account, by, context))
    return given


def reset_factors(
    session: Session, account_id: int, *, by: Identity | None, context: Context
) -> None:
    """Take the second factors away (a lost telephone); the next sign-in asks for a new one."""
    account = _others(session, account_id, by)
    account.totp = b""
    session.execute(delete(Passkey).where(Passkey.account_id == account.account_id))
    end_sessions(session, account.account_id)
    session.add(_line("account-factors", account, by, context))


def set_role(
    session: Session, account_id: int, role: Role, *, by: Identity | None, context: Context
) -> None:
    """Give an account another role of its own kind; it signs in anew. Raises ``Refused``."""
    account = _others(session, account_id, by)
    if (role in COMPANY_ROLES) is not (account.company_id is not None):
        raise Refused("企业账号与办公室账号不能互换，请另建账号")
    if role in CITY_ROLES and account.district:
        raise Refused("审计员由市级设置")
    before, account.role = account.role, role.value
    end_sessions(session, account.account_id)
    session.add(_line("account-role", account, by, context, detail=f"{before} -> {role}"))


def _check(session: Session, new: NewAccount, company: Company | None) -> None:
    if not LOGIN.fullmatch(new.login):
        raise Refused("用户名为 3 至 32 位小写字母、数字和 . _ -，以字母开头")
    if not DISTRICT.fullmatch(new.district):
        raise Refused("区划代码为大写字母和数字，至多 12 位；市级留空")
    if (new.role in COMPANY_ROLES) is not (company is not None):
        raise Refused("企业角色须填写企业的统一社会信用代码，办公室角色不填")
    if company is not None and new.district:
        raise Refused("企业账号的区划随企业，不另填写")
    if new.role in CITY_ROLES and new.district:
        raise Refused("审计员由市级设置，区划留空")
    if session.scalar(select(Account.account_id).where(Account.login == new.login)) is not None:
        raise Refused("用户名已被使用，请换一个")


def _company(session: Session, new: NewAccount) -> Company | None:
    if not new.company:
        return None
    found = session.scalars(select(Company).where(Company.uscc == new.company)).one_or_none()
    if found is None:
        raise Refused("没有此统一社会信用代码的企业，请先登记企业")
    return found


def _require_tenant(by: Identity | None, district: str) -> None:
    if by is None:
        return
    require(by, Role.ADMIN)
    if by.district not in ("", district):
        raise NotAllowed("只能管理本区的账号")


def _tenant(by: Identity | None) -> Select[Account, str | None]:
    query = select(Account, Company.name).outerjoin(
        Company, Company.company_id == Account.company_id
    )
    if by is None:
        return query
    require(by, Role.ADMIN)
    if not by.district:
        return query
    return query.where(or_(Account.district == by.district, Company.district == by.district))


def _others(session: Session, account_id: int, by: Identity | None) -> Account:
    """Return another person's account of the tenant, locked for the change."""
    row = session.execute(_tenant(by).where(Account.account_id == account_id)).one_or_none()
    if row is None:
        raise NotFound("没有此账号，或者不归您管理")
    account: Account = row[0]
    if by is not None and by.account_id == account_id:
        raise NotAllowed("不能变更自己的账号，请由另一位系统管理员办理")
    session.refresh(account, with_for_update=True)
    return account


def _kept(session: Session, account: Account, company: str | None, context: Context) -> Kept:
    factors = ("动态口令",) if account.totp else ()
    name = b""
    if account.display:
        name = _cipher(context).open(account.account_id, account.display)
    return Kept(
        account_id=account.account_id,
        login=account.login,
        role=Role(account.role),
        name=name.decode(),
        company=company or "",
        district=account.district,
        factors=(*factors, "通行密钥") if has_passkey(session, account) else factors,
        first_password=must_change(account.password),
        locked=is_locked(account, context.clock.now()),
        disabled=account.disabled,
        created_at=account.created_at,
    )


def _line(
    action: str, account: Account, by: Identity | None, context: Context, detail: str = ""
) -> AuditLine:
    return AuditLine(
        at=context.clock.now(),
        actor=f"account:{by.login}" if by else context.actor,
        action=action,
        subject=account.login,
        detail=detail,
        source=by.source[:64] if by else "",
    )


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, _DISPLAY)
