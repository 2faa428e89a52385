"""Accounts and the audit record at the machine API (账号、审计记录): administrator and auditor."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta

from registry.office import account_confirming, accounts, auditing
from registry.office.accounts import Kept
from registry.office.audit_chain import Checked, verify_audit
from registry.office.auditing import Shown
from registry.office.identity import Role
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Table, Taken

TABLE = Table("accounts")
ADMINS = frozenset({Role.ADMIN})
AUDITORS = frozenset({Role.AUDITOR})


class Accounts(Given, frozen=True, kw_only=True):
    """All accounts."""

    accounts: tuple[Kept, ...]


class NewAccount(Taken, frozen=True, kw_only=True):
    """An account; ``company`` (its unified code) of a company's roles, the rest of others'."""

    login: str
    role: Role
    company: str = ""
    district: str = ""
    name: str = ""
    staff_number: str = ""


class FirstPassword(Given, frozen=True, kw_only=True):
    """A password to be changed at the first sign-in; it is given this once."""

    login: str
    password: str


class Disabling(Taken, frozen=True, kw_only=True):
    """Whether the account is shut."""

    disabled: bool


class StaffNumber(Taken, frozen=True, kw_only=True):
    """Which person of the office an account is."""

    staff_number: str


class Decision(Taken, frozen=True, kw_only=True):
    """Whether a change that waits takes effect or is dropped."""

    confirm: bool


class NewRole(Taken, frozen=True, kw_only=True):
    """Another role of the same kind."""

    role: Role


class AuditQuery(Taken, frozen=True, kw_only=True):
    """Which lines; ``before``: only of lower numbers, which is how a page goes on."""

    since: date | None = None
    until: date | None = None
    actor: Annotated[str, Meta(max_length=80)] = ""
    action: Annotated[str, Meta(max_length=40)] = ""
    result: Annotated[str, Meta(max_length=24)] = ""
    before: int | None = None


class AuditLines(Given, frozen=True, kw_only=True):
    """One page of the audit record, the newest first."""

    lines: tuple[Shown, ...]


@TABLE.get("/accounts", roles=ADMINS, takes=Nothing, gives=Accounts)
def list_accounts(call: Call, _: Nothing) -> Accounts:
    """List accounts (账号列表)."""
    with call.desk.read() as session:
        found = accounts.list_accounts(session, by=call.by, context=call.context)
    return Accounts(accounts=tuple(found))


@TABLE.post("/accounts", roles=ADMINS, takes=NewAccount, gives=FirstPassword, status=CREATED)
def add_account(call: Call, given: NewAccount) -> FirstPassword:
    """Add account (新建账号，给出首次密码)."""
    new = accounts.NewAccount(
        login=given.login,
        role=given.role,
        company=given.company,
        district=given.district,
        name=given.name,
        staff_number=given.staff_number,
    )
    with call.desk.write() as session:
        password = accounts.add_account(session, new, by=call.by, context=call.context)
    return FirstPassword(login=given.login, password=password)


@TABLE.get("/accounts/<int:account_id>", roles=ADMINS, takes=Nothing, gives=Kept)
def show_account(call: Call, _: Nothing) -> Kept:
    """Show account (一个账号)."""
    with call.desk.read() as session:
        return accounts.get_account(
            session, call.number("account_id"), by=call.by, context=call.context
        )


@TABLE.post("/accounts/<int:account_id>/disabled", roles=ADMINS, takes=Disabling, gives=Kept)
def disable_account(call: Call, given: Disabling) -> Kept:
    """Disable account (停用或者启用)."""
    account_id = call.number("account_id")
    with call.desk.write() as session:
        accounts.set_disabled(
            session, account_id, disabled=given.disabled, by=call.by, context=call.context
        )
        session.flush()
        return accounts.get_account(session, account_id, by=call.by, context=call.context)


@TABLE.post("/accounts/<int:account_id>/role", roles=ADMINS, takes=NewRole, gives=Kept)
def change_role(call: Call, given: NewRole) -> Kept:
    """Change role (变更角色)."""
    account_id = call.number("account_id")
    with call.desk.write() as session:
        accounts.set_role(session, account_id, given.role, by=call.by, context=call.context)
        session.flush()
        return accounts.get_account(session, account_id, by=call.by, context=call.context)


@TABLE.post("/accounts/<int:account_id>/password", roles=ADMINS, takes=Nothing, gives=FirstPassword)
def reset_password(call: Call, _: Nothing) -> FirstPassword:
    """Reset password (重置密码)."""
    account_id = call.number("account_id")
    with call.desk.write() as session:
        password = accounts.reset_password(session, account_id, by=call.by, context=call.context)
        kept = accounts.get_account(session, account_id, by=call.by, context=call.context)
    return FirstPassword(login=kept.login, password=password)


@TABLE.post("/accounts/<int:account_id>/factors", roles=ADMINS, takes=Nothing, gives=Kept)
def reset_factors(call: Call, _: Nothing) -> Kept:
    """Reset factors (清除第二因素)."""
    account_id = call.number("account_id")
    with call.desk.write() as session:
        accounts.reset_factors(session, account_id, by=call.by, context=call.context)
        session.flush()
        return accounts.get_account(session, account_id, by=call.by, context=call.context)


@TABLE.post("/accounts/<int:account_id>/number", roles=ADMINS, takes=StaffNumber, gives=Kept)
def set_staff_number(call: Call, given: StaffNumber) -> Kept:
    """Set staff number (登记工号，待另一位系统管理员确认)."""
    account_id, number = call.number("account_id"), given.staff_number
    with call.desk.write() as session:
        accounts.set_staff_number(session, account_id, number, by=call.by, context=call.context)
        session.flush()
        return accounts.get_account(session, account_id, by=call.by, context=call.context)


@TABLE.post("/accounts/changes/<int:change_id>", roles=ADMINS, takes=Decision, gives=Kept)
def decide_change(call: Call, given: Decision) -> Kept:
    """Decide change (确认或者撤销另一位系统管理员办理的账号变更)."""
    change_id = call.number("change_id")
    with call.desk.write() as session:
        account_id = account_confirming.decide_change(
            session, change_id, confirm=given.confirm, by=call.by, context=call.context
        )
        session.flush()
        return accounts.get_account(session, account_id, by=call.by, context=call.context)


@TABLE.get("/audit", roles=AUDITORS, takes=AuditQuery, gives=AuditLines)
def list_audit(call: Call, given: AuditQuery) -> AuditLines:
    """List audit (审计记录)."""
    wanted = auditing.Wanted(
        since=given.since,
        until=given.until,
        actor=given.actor,
        action=given.action,
        result=given.result,
        before=given.before,
    )
    with call.desk.read() as session:
        return AuditLines(lines=tuple(auditing.audit_lines(session, wanted, call.by)))


@TABLE.get("/audit/check", roles=AUDITORS, takes=Nothing, gives=Checked)
def check_audit(call: Call, _: Nothing) -> Checked:
    """Check audit (校验审计链)."""
    auditing.require_auditor(call.by)
    with call.desk.read() as session:
        return verify_audit(session, call.context, call.desk.logged_heads())
