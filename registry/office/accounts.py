"""Accounts (账号) as the administrator keeps them: adding, disabling, resetting, roles, tenants.

Tenants stand in each other: a city's administrator keeps all accounts, a district's those of its
own office and of its companies. Nobody changes, disables or resets their own account here, so an
administrator is always left. Passwords and factors are never shown: a reset gives a password for
one sign-in. A new account of the office, or a reset of one, waits for a second administrator
(`account_changes`). ``by`` None is whoever holds the machine and works on its command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.account_changes import Kind, Waiting, apply, propose, waiting_for
from registry.office.context import Context
from registry.office.guessing import is_locked
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role, require
from registry.office.passwords import FIRST, fresh_password, hash_password, must_change
from registry.office.persons import check_staff_number
from registry.office.sessions import end_sessions, has_passkey
from registry.store.accounts import Account, Passkey
from registry.store.audit import AuditLine
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.prepared import Prepared
from registry.store.procedure import Company

Rows: TypeAlias = "Select[*tuple[Any, ...]]"
LOGIN: Final = re.compile(r"[a-z][a-z0-9._-]{2,31}", re.ASCII)
DISTRICT: Final = re.compile(r"[0-9A-Z]{0,12}", re.ASCII)
CITY_ROLES: Final = frozenset({Role.AUDITOR})
"""Roles of the city alone: the audit trail speaks of every tenant."""

LONGEST_NAME: Final = 40
PAGE: Final = 30
"""Accounts on one page of a list."""

_DISPLAY: Final = "accounts.display"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What an account is made of. ``company`` is a social credit code, "" for the office's people.

    ``name`` is the person's own, kept encrypted and shown to administrators alone.
    ``staff_number`` (工号) says which person of the office it is, "" for a company's people.
    """

    login: str
    role: Role
    company: str = ""
    district: str = ""
    name: str = ""
    staff_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One account as an administrator sees it. ``company`` is a name, "" for the office's.

    ``waiting`` is what a second administrator has yet to confirm.
    """

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
    staff_number: str
    waiting: tuple[Waiting, ...]


def add_account(
    session: Session,
    new: NewAccount,
    *,
    by: Identity | None,
    context: Context,
    password: str = "",
) -> str:
    """Add an account and return the password for its first sign-in (``password``, or a new one).

    An account of the office waits for a second administrator, but for the very first one.
    Raises ``Refused`` naming the wrong fact, ``NotAllowed`` outside of the administrator's tenant.
    """
    company = _company(session, new)
    _check(session, new, company)
    district = company.district if company else new.district
    _require_tenant(by, district)
    given, now = password or fresh_password(context.random), context.clock.now()
    alone = by is None and new.role is Role.ADMIN and not _has_administrator(session)
    account = Account(
        login=new.login,
        display=b"",
        role=new.role.value,
        district="" if company else new.district,
        staff_number=new.staff_number,
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
    if company is None and not alone:
        propose(session, account, Kind.ADD, by=by, context=context)
    session.add(line_about("account-add", account, by, context, detail=new.role.value))
    return given


def list_accounts(
    session: Session, *, by: Identity | None, context: Context, page: int | None = None
) -> tuple[Kept, ...]:
    """Return the accounts of the administrator's tenant, by login: all, or a page of PAGE."""
    district = _district(by)
    place = {} if page is None else {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}
    values = {"district": district} if district else {}
    query = _listed(district=bool(district), paged=page is not None)
    rows = tuple(query.named(session, **values, **place))
    waits = waiting_for(session, [row.account_id for row in rows], by)
    return tuple(
        _kept(row, row.company, context, passkey=bool(row.passkey), waits=waits) for row in rows
    )


def count_accounts(session: Session, *, by: Identity | None) -> int:
    """Return how many accounts the administrator's tenant has."""
    district = _district(by)
    values = {"district": district} if district else {}
    return _counted(district=bool(district)).one(session, **values)[0]


def get_account(
    session: Session, account_id: int, *, by: Identity | None, context: Context
) -> Kept:
    """Return one account; ``NotFound`` outside of the administrator's tenant."""
    query = _tenant(by).where(Account.account_id == account_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有此账号，或者不归您管理")
    waits = waiting_for(session, [account_id], by)
    return _kept(row[0], row[1], context, passkey=has_passkey(session, row[0]), waits=waits)


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
    account = other_account(session, account_id, by)
    if not disabled and account.disabled and account.staff_number:
        check_staff_number(session, account.staff_number, besides=account_id)
    account.disabled = disabled
    end_sessions(session, account.account_id)
    action = "account-disable" if disabled else "account-enable"
    session.add(line_about(action, account, by, context))


def reset_password(
    session: Session, account_id: int, *, by: Identity | None, context: Context
) -> str:
    """Give a new password for one sign-in, lift a lock, end all sessions; factors stay.

    An account of the office keeps its password and sessions until this is confirmed.
    """
    account = other_account(session, account_id, by)
    given = fresh_password(context.random)
    _change(session, account, Kind.PASSWORD, FIRST + hash_password(given), by=by, context=context)
    session.add(line_about("account-reset", account, by, context))
    return given


def reset_factors(
    session: Session, account_id: int, *, by: Identity | None, context: Context
) -> None:
    """Take the second factors away (a lost telephone); the next sign-in asks for a new one.

    An account of the office keeps them until this is confirmed.
    """
    account = other_account(session, account_id, by)
    _change(session, account, Kind.FACTORS, "", by=by, context=context)
    session.add(line_about("account-factors", account, by, context))


def set_staff_number(
    session: Session, account_id: int, number: str, *, by: Identity | None, context: Context
) -> None:
    """Say which person of the office an account is; it waits for confirmation.

    Raises ``Refused`` for a number that is none, is another's, or a company's account.
    """
    account = other_account(session, account_id, by)
    if account.company_id is not None:
        raise Refused("企业账号不登记工号")
    check_staff_number(session, number, besides=account_id)
    _change(session, account, Kind.NUMBER, number, by=by, context=context)
    session.add(line_about("account-number", account, by, context))


def set_role(
    session: Session, account_id: int, role: Role, *, by: Identity | None, context: Context
) -> None:
    """Give an account another role of its own kind; it signs in anew. Raises ``Refused``."""
    account = other_account(session, account_id, by)
    if (role in COMPANY_ROLES) is not (account.company_id is not None):
        raise Refused("企业账号与办公室账号不能互换，请另建账号")
    if role in CITY_ROLES and account.district:
        raise Refused("审计员由市级设置")
    before, account.role = account.role, role.value
    end_sessions(session, account.account_id)
    session.add(line_about("account-role", account, by, context, detail=f"{before} -> {role}"))


def _change(
    session: Session,
    account: Account,
    kind: Kind,
    value: str,
    *,
    by: Identity | None,
    context: Context,
) -> None:
    if account.company_id is None:
        propose(session, account, kind, value=value, by=by, context=context)
    else:
        apply(session, account, kind, value, context)


def _has_administrator(session: Session) -> bool:
    query = select(Account.account_id).where(Account.role == Role.ADMIN.value)
    return session.scalars(query).first() is not None


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
    if company is None:
        check_staff_number(session, new.staff_number)
    elif new.staff_number:
        raise Refused("企业账号不登记工号，请留空")


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
    district = _district(by)
    query = select(Account, Company.name).outerjoin(
        Company, Company.company_id == Account.company_id
    )
    if not district:
        return query
    return query.where(or_(Account.district == district, Company.district == district))


def _district(by: Identity | None) -> str:
    """Return whose accounts an administrator keeps: a district's, or "" for all."""
    if by is None:
        return ""
    require(by, Role.ADMIN)
    return by.district


@cache
def _listed(*, district: bool, paged: bool) -> Prepared[*tuple[Any, ...]]:
    passkey = exists().where(Passkey.account_id == Account.account_id).label("passkey")
    query = _accounts(
        select(*Account.__table__.columns, Company.name.label("company"), passkey), district
    ).order_by(Account.login)
    if paged:
        query = query.limit(bindparam("limit")).offset(bindparam("offset"))
    return Prepared(query)


@cache
def _counted(*, district: bool) -> Prepared[int]:
    return Prepared(_accounts(select(func.count(Account.account_id)), district))


def _accounts(query: Rows, district: bool) -> Rows:  # noqa: FBT001 - of one caller's cache
    query = query.outerjoin(Company, Company.company_id == Account.company_id)
    if not district:
        return query
    own: Any = bindparam("district")
    return query.where(or_(Account.district == own, Company.district == own))


def other_account(session: Session, account_id: int, by: Identity | None) -> Account:
    """Return another person's account of the tenant, locked for the change.

    Raises ``NotFound`` outside of the tenant, ``NotAllowed`` for one's own.
    """
    row = session.execute(_tenant(by).where(Account.account_id == account_id)).one_or_none()
    if row is None:
        raise NotFound("没有此账号，或者不归您管理")
    account: Account = row[0]
    if by is not None and by.account_id == account_id:
        raise NotAllowed("不能变更自己的账号，请由另一位系统管理员办理")
    session.refresh(account, with_for_update=True)
    return account


def _kept(
    account: Any,
    company: str | None,
    context: Context,
    *,
    passkey: bool,
    waits: dict[int, tuple[Waiting, ...]],
) -> Kept:
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
        factors=(*factors, "通行密钥") if passkey else factors,
        first_password=must_change(account.password),
        locked=is_locked(account, context.clock.now()),
        disabled=account.disabled,
        created_at=account.created_at,
        staff_number=account.staff_number,
        waiting=waits.get(account.account_id, ()),
    )


def line_about(
    action: str, account: Account, by: Identity | None, context: Context, detail: str = ""
) -> AuditLine:
    """Make the audit line of an act on an account."""
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
