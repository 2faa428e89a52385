"""Keeping accounts: tenants, roles, nobody their own, and one line for each act."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import NotFound, Refused
from registry.office import accounts
from registry.office.account_confirming import confirm_all
from registry.office.accounts import LOGIN, NewAccount, add_account, get_account, list_accounts
from registry.office.identity import NotAllowed, Role
from registry.store.accounts import Account
from registry.store.audit import AuditLine


@pytest.fixture(autouse=True)
def _cheap_hashes(cheap_hashes: None) -> None:
    """Hash cheaply: nothing here measures it."""


def add(small: Any, by: Any = "admin", **facts: Any) -> str:
    who = None if by is None else by if not isinstance(by, str) else small.who(by)
    number = "" if facts.get("company") else f"GH-{facts.get('login', 'newcomer').upper()}"
    if not LOGIN.fullmatch(facts.get("login", "newcomer")):
        number = "GH-0"
    new = NewAccount(**{"login": "newcomer", "role": Role.CLERK, "staff_number": number, **facts})
    with small.write() as session:
        context = small.desk.context(who)
        return str(add_account(session, new, by=who, context=context))


def district_admin(small: Any) -> Any:
    """Give an administrator of district 4403A, who has an account like anybody."""
    add(small, login="admin-a", role=Role.ADMIN, district="4403A")
    with small.read() as session:
        row = session.scalars(select(Account).where(Account.login == "admin-a")).one()
    who = small.who("admin")
    return type(who)(account_id=row.account_id, login="admin-a", role=Role.ADMIN, district="4403A")


def test_an_account_is_added_with_a_first_password(small: Any) -> None:
    given = add(small, name="测试甲")
    assert len(given) == 27
    with small.read() as session:
        row = session.scalars(select(Account).where(Account.login == "newcomer")).one()
        assert row.password.startswith("first:$argon2id$")
        assert "测试甲".encode() not in row.display
        kept = get_account(
            session, row.account_id, by=small.who("admin"), context=small.context("admin")
        )
        assert (kept.name, kept.first_password, kept.factors) == ("测试甲", True, ())
        line = session.scalars(select(AuditLine)).one()
        assert (line.action, line.subject, line.detail) == ("account-add", "newcomer", "clerk")
        assert given not in f"{line.detail}{line.subject}"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"login": "Ab"}, "用户名为"),
        ({"login": "a b c"}, "用户名为"),
        ({"login": "clerk"}, "已被使用"),
        ({"role": Role.COMPANY_HEAD}, "企业角色须填写"),
        ({"company": "91449999MA5DEM0015"}, "办公室角色不填"),
        ({"company": "91449999MA5DEM0099", "role": Role.COMPANY_HEAD}, "没有此"),
        ({"district": "no district"}, "区划代码"),
        ({"staff_number": ""}, "须填写工号"),
        ({"staff_number": "gh-1"}, "大写字母"),
        ({"staff_number": "GH-005"}, "另一账号"),
        (
            {
                "role": Role.COMPANY_HEAD,
                "company": "91449999MA5DEM0015",
                "staff_number": "GH-1",
            },
            "企业账号不登记工号",
        ),
        ({"role": Role.AUDITOR, "district": "4403A"}, "审计员由市级"),
        (
            {"role": Role.COMPANY_HEAD, "company": "91449999MA5DEM0015", "district": "4403B"},
            "区划随企业",
        ),
    ],
)
def test_a_wrong_fact_is_named(small: Any, facts: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        add(small, **facts)


@pytest.mark.parametrize("login", ["editor1", "head1", "clerk", "approver", "auditor"])
def test_nobody_but_administrators_keeps_accounts(small: Any, login: str) -> None:
    with pytest.raises(NotAllowed):
        add(small, login)
    who, context = small.who(login), small.context(login)
    with small.read() as session, pytest.raises(NotAllowed):
        list_accounts(session, by=who, context=context)


def test_a_district_keeps_its_own_accounts_alone(small: Any) -> None:
    who = district_admin(small)
    context = small.desk.context(who)
    with small.read() as session:
        logins = {kept.login for kept in list_accounts(session, by=who, context=context)}
        assert logins == {"admin-a", "clerk-a", "editor1", "head1"}
        for account_id in (3, 5, 8, 999):
            with pytest.raises(NotFound):
                get_account(session, account_id, by=who, context=context)
    for account_id in (3, 5, 8):
        with small.write() as session, pytest.raises(NotFound):
            accounts.reset_password(session, account_id, by=who, context=context)
    add(small, who, login="clerk-a2", district="4403A")
    for facts in (
        {"login": "clerk-b", "district": "4403B"},
        {"login": "city", "role": Role.ADMIN},
        {"login": "head-b", "role": Role.COMPANY_HEAD, "company": "91449999MA5DEM0028"},
    ):
        with pytest.raises(NotAllowed):
            add(small, who, **facts)


def test_nobody_changes_their_own_account(small: Any) -> None:
    who, context = small.who("admin"), small.context("admin")
    for act in (
        lambda s: accounts.set_role(s, 8, Role.CLERK, by=who, context=context),
        lambda s: accounts.set_disabled(s, 8, disabled=True, by=who, context=context),
        lambda s: accounts.reset_password(s, 8, by=who, context=context),
        lambda s: accounts.reset_factors(s, 8, by=who, context=context),
    ):
        with small.write() as session, pytest.raises(NotAllowed, match="自己的账号"):
            act(session)


def test_a_role_changes_within_its_kind(small: Any) -> None:
    who, context = small.who("admin"), small.context("admin")
    with small.write() as session:
        accounts.set_role(session, 5, Role.APPROVER, by=who, context=context)
        accounts.set_role(session, 1, Role.COMPANY_HEAD, by=who, context=context)
    for account_id, role, said in (
        (5, Role.COMPANY_HEAD, "不能互换"),
        (1, Role.CLERK, "不能互换"),
        (10, Role.AUDITOR, "市级"),
    ):
        with small.write() as session, pytest.raises(Refused, match=said):
            accounts.set_role(session, account_id, role, by=who, context=context)
    with small.read() as session:
        assert session.get_one(Account, 5).role == "approver"
        lines = session.scalars(select(AuditLine).order_by(AuditLine.line_id)).all()
        assert [line.detail for line in lines] == [
            "clerk -> approver",
            "company-editor -> company-head",
        ]


@pytest.mark.parametrize("account_id", [1, 5], ids=["company", "office"])
def test_a_reset_lifts_a_lock(small: Any, account_id: int) -> None:
    context = small.desk.context()
    with small.write() as session:
        row = session.get_one(Account, account_id)
        row.failures, row.locked_until = 9, small.clock.now().replace(year=2027)
    with small.write() as session:
        accounts.reset_password(session, account_id, by=None, context=context)
        if account_id == 5:
            assert session.get_one(Account, 5).failures == 9
            confirm_all(session, 5, context=context)
        row = session.get_one(Account, account_id)
        assert (row.failures, row.locked_until) == (0, None)
