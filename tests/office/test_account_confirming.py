"""Two administrators keep the office's accounts, and four eyes are two persons'."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from registry.errors import NotFound, Refused
from registry.office import accounts
from registry.office.account_confirming import confirm_all, decide_change
from registry.office.accounts import NewAccount, add_account, get_account
from registry.office.cases import CaseKind, GuardsFailed, take_step
from registry.office.identity import AccountId, Identity, NotAllowed, Role
from registry.office.passwords import matches
from registry.office.persons import UnknownPerson, is_other_person
from registry.office.signing_in import sign_in, weigh_password
from registry.rules.workflow import Guard
from registry.store.accounts import Account, AccountChange
from registry.store.audit import AuditLine
from registry.store.procedure import Case


@pytest.fixture(autouse=True)
def _cheap_hashes(cheap_hashes: None) -> None:
    """Hash cheaply: nothing here measures it."""


def account(small: Any, login: str, role: Role, number: str, **more: Any) -> Identity:
    with small.write() as session:
        row = Account(
            login=login,
            display=b"",
            role=role.value,
            staff_number=number,
            password="!",
            password_at=small.clock.now(),
            created_at=small.clock.now(),
            **more,
        )
        session.add(row)
        session.flush()
        district = more.get("district", "")
        number_of = AccountId(row.account_id)
        return Identity(account_id=number_of, login=login, role=role, district=district)


@pytest.fixture
def second(small: Any) -> Identity:
    """Give a second administrator."""
    return account(small, "admin2", Role.ADMIN, "GH-101")


def waiting(small: Any, account_id: int, by: Any) -> list[tuple[int, str]]:
    with small.read() as session:
        kept = get_account(session, account_id, by=by, context=small.desk.context(by))
    return [(change.change_id, change.kind.value) for change in kept.waiting]


def decide(small: Any, change: int, by: Any, *, confirm: bool = True) -> None:
    with small.write() as session:
        decide_change(session, change, confirm=confirm, by=by, context=small.desk.context(by))


def enters(small: Any, login: str, password: str) -> bool:
    context = small.desk.context()
    with small.read() as session:
        weighed = weigh_password(
            session, login, password, source="192.0.2.1", now=small.clock.now()
        )
    assert weighed.right
    with small.write() as session:
        return sign_in(session, weighed, source="192.0.2.1", context=context) is not None


@pytest.mark.parametrize("role", [r for r in Role if not r.value.startswith("company")])
def test_a_new_account_of_the_office_waits_for_another_administrator(
    small: Any, second: Identity, role: Role
) -> None:
    first = small.who("admin")
    new = NewAccount(login="newcomer", role=role, staff_number="GH-200")
    with small.write() as session:
        given = add_account(session, new, by=first, context=small.desk.context(first))
        made = accounts.find_login(session, "newcomer")
    assert not enters(small, "newcomer", given)
    ((change, kind),) = waiting(small, made, first)
    assert kind == "add"
    with pytest.raises(NotAllowed, match="另一位"):
        decide(small, change, first)
    for stranger in ("clerk", "auditor"):
        with pytest.raises(NotAllowed):
            decide(small, change, small.who(stranger))
    assert not enters(small, "newcomer", given)
    decide(small, change, second)
    assert enters(small, "newcomer", given)
    with pytest.raises(Refused, match="已经办理"):
        decide(small, change, second)
    with small.read() as session:
        (line,) = session.query(AuditLine).filter_by(action="account-confirm")
        assert (line.actor, line.subject, line.detail) == ("account:admin2", "newcomer", "add")


def test_a_dropped_account_never_enters(small: Any, second: Identity) -> None:
    first = small.who("admin")
    new = NewAccount(login="newcomer", role=Role.CLERK, staff_number="GH-200")
    with small.write() as session:
        given = add_account(session, new, by=first, context=small.desk.context(first))
        made = accounts.find_login(session, "newcomer")
    ((change, _),) = waiting(small, made, first)
    decide(small, change, first, confirm=False)
    assert not enters(small, "newcomer", given)


def test_one_administrator_alone_takes_no_account_of_the_office_over(
    small: Any, second: Identity
) -> None:
    first = small.who("admin")
    context = small.desk.context(first)
    with small.write() as session:
        session.get_one(Account, 5).totp = b"sealed"
        given = accounts.reset_password(session, 5, by=first, context=context)
        accounts.reset_factors(session, 5, by=first, context=context)
    with small.read() as session:
        row = session.get_one(Account, 5)
        assert (row.password, row.totp) == ("!", b"sealed")
    changes = waiting(small, 5, second)
    assert [kind for _, kind in changes] == ["password", "factors"]
    # The owner of the account is no other administrator, whatever role they come to have.
    with pytest.raises(NotAllowed):
        decide(small, changes[0][0], first)
    for change, _ in changes:
        decide(small, change, second)
    with small.read() as session:
        row = session.get_one(Account, 5)
        assert matches(row.password, given)
        assert row.totp == b""
        assert {change.value for change in session.query(AccountChange)} == {""}


def test_a_second_reset_stands_in_the_place_of_the_first(small: Any, second: Identity) -> None:
    first = small.who("admin")
    for by in (first, second):
        with small.write() as session:
            given = accounts.reset_password(session, 5, by=by, context=small.desk.context(by))
    with pytest.raises(Refused, match="已经办理"):
        decide(small, 1, second)
    with pytest.raises(NotAllowed):
        decide(small, 2, second)
    decide(small, 2, first)
    with small.read() as session:
        assert matches(session.get_one(Account, 5).password, given)


def test_a_company_s_account_is_reset_at_once(small: Any) -> None:
    first = small.who("admin")
    with small.write() as session:
        given = accounts.reset_password(session, 2, by=first, context=small.desk.context(first))
    with small.read() as session:
        assert matches(session.get_one(Account, 2).password, given)
    assert waiting(small, 2, first) == []


def test_two_accounts_of_one_administrator_are_one(small: Any, second: Identity) -> None:
    first = small.who("admin")
    with small.write() as session:
        accounts.reset_password(session, 5, by=first, context=small.desk.context(first))
        session.get_one(Account, 8).disabled = True
    with small.write() as session:
        session.get_one(Account, second.account_id).staff_number = "GH-008"
    with pytest.raises(NotAllowed, match="另一位"):
        decide(small, 1, second)


def test_a_district_confirms_its_own_alone(small: Any) -> None:
    first = small.who("admin")
    district = account(small, "admin-a", Role.ADMIN, "GH-102", district="4403A")
    for account_id in (5, 10):
        with small.write() as session:
            accounts.reset_password(
                session, account_id, by=first, context=small.desk.context(first)
            )
    with pytest.raises(NotFound):
        decide(small, 1, district)
    decide(small, 2, district)


def test_only_the_first_administrator_of_the_machine_needs_nobody(small: Any) -> None:
    context = small.desk.context()
    new = NewAccount(login="admin2", role=Role.ADMIN, staff_number="GH-101")
    with small.write() as session:
        given = add_account(session, new, by=None, context=context)
    assert not enters(small, "admin2", given)
    with small.write() as session:
        made = accounts.find_login(session, "admin2")
        assert confirm_all(session, made, context=context) == ("add",)
    assert enters(small, "admin2", given)
    with small.write() as session, pytest.raises(Refused, match="nothing waits"):
        confirm_all(session, made, context=context)
    with small.write() as session:
        for row in session.query(Account).filter_by(role="admin"):
            row.role = "auditor"
    new = NewAccount(login="boss", role=Role.ADMIN, staff_number="GH-103")
    with small.write() as session:
        given = add_account(session, new, by=None, context=context)
    assert enters(small, "boss", given)


def test_a_number_is_one_active_account_s(small: Any, second: Identity) -> None:
    first = small.who("admin")
    context = small.desk.context(first)
    new = NewAccount(login="newcomer", role=Role.APPROVER, staff_number="GH-005")
    with small.write() as session, pytest.raises(Refused, match="一人一号"):
        add_account(session, new, by=first, context=context)
    with small.write() as session:
        accounts.set_disabled(session, 5, disabled=True, by=first, context=context)
        add_account(session, new, by=first, context=context)
    with small.write() as session, pytest.raises(Refused, match="一人一号"):
        accounts.set_disabled(session, 5, disabled=False, by=first, context=context)
    with small.write() as session, pytest.raises(Refused, match="一人一号"):
        accounts.set_staff_number(session, 6, "GH-005", by=first, context=context)
    with small.write() as session, pytest.raises(Refused, match="企业账号"):
        accounts.set_staff_number(session, 1, "GH-300", by=first, context=context)
    # And by the database's own rule, for two administrators at once.
    with pytest.raises(IntegrityError), small.write() as session:
        session.get_one(Account, 6).staff_number = "GH-005"


def prepared(small: Any, new_case: Any, by: int) -> int:
    case_id = int(new_case("filing"))
    with small.write() as session:
        case = session.get_one(Case, case_id)
        case.state, case.prepared_by = "prepared", by
    return case_id


HELD = frozenset(Guard) - {Guard.OTHER_PERSON}


def approve(small: Any, case_id: int, by: Identity) -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        assert case.kind == CaseKind.FILING
        doing = small.doing("approver", case, "同意")
        doing = type(doing)(by=by, version=doing.version, note=doing.note)
        take_step(session, case, "approve", held=HELD, doing=doing, context=small.desk.context(by))


def test_who_was_the_clerk_does_not_approve_from_another_account(small: Any, new_case: Any) -> None:
    case_id = prepared(small, new_case, 5)
    with small.write() as session:
        session.get_one(Account, 5).disabled = True
    same = account(small, "approver2", Role.APPROVER, "GH-005")
    with pytest.raises(GuardsFailed, match="不是同一人"):
        approve(small, case_id, same)
    nobody = account(small, "approver3", Role.APPROVER, "")
    with pytest.raises(UnknownPerson, match="工号"):
        approve(small, case_id, nobody)
    approve(small, case_id, small.who("approver"))


def test_a_number_is_given_by_two_as_well(small: Any, second: Identity) -> None:
    first = small.who("admin")
    nobody = account(small, "approver3", Role.APPROVER, "")
    context = small.desk.context(first)
    with small.write() as session:
        accounts.set_staff_number(session, nobody.account_id, "GH-103", by=first, context=context)
        assert session.get_one(Account, nobody.account_id).staff_number == ""
    ((change, _),) = waiting(small, nobody.account_id, second)
    decide(small, change, second)
    with small.read() as session:
        assert is_other_person(session, 5, nobody)
