"""A supervisor's account is tied at the desk, to one person, and not away from a waiting visit."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import NotFound, Refused
from registry.office import draws, supervising, visits
from registry.office.form_faults import FormFaults
from registry.office.identity import AccountId, Identity, NotAllowed, Role
from registry.office.pool_accounts import NONE, free_accounts, tie_account
from registry.office.registers import NewMember, PoolKind, add_member, members
from registry.office.supervising import Result
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.registers import Expert, Supervision


@pytest.fixture
def pool(small: Any) -> dict[str, int]:
    """Give the ids of two supervisors and an expert of the pool, by label."""
    found = {}
    by, context = small.who("clerk"), small.context("clerk")
    for kind in (PoolKind.SUPERVISOR, PoolKind.SUPERVISOR, PoolKind.EXPERT):
        new = NewMember(kind=kind, name="示例甲", fields="车工")
        with small.write() as session:
            row = add_member(session, new, by=by, context=context)
            found[str(row.label)] = int(row.expert_id)
    return found


def tie(small: Any, expert_id: int, login: str, by: str = "clerk") -> None:
    with small.write() as session:
        who, context = small.who(by), small.context(by)
        tie_account(session, expert_id, login, by=who, context=context)


def account(
    small: Any, login: str, role: str = "supervisor", *, disabled: bool = False
) -> Identity:
    with small.write() as session:
        row = Account(
            login=login,
            display=b"",
            role=role,
            password="!",
            disabled=disabled,
            password_at=small.clock.now(),
            created_at=small.clock.now(),
        )
        session.add(row)
        session.flush()
        return Identity(account_id=AccountId(row.account_id), login=login, role=Role(role))


def tied(small: Any) -> dict[str, str]:
    with small.read() as session:
        who, context = small.who("clerk"), small.context("clerk")
        found = members(session, [PoolKind.SUPERVISOR], by=who, context=context)
        return {member.label: member.account for member in found}


def test_an_account_is_chosen_and_taken_away(small: Any, pool: dict[str, int]) -> None:
    assert tied(small) == {"DD-001": "", "DD-002": ""}
    tie(small, pool["DD-001"], "supervisor")
    assert tied(small) == {"DD-001": "supervisor", "DD-002": ""}
    with small.read() as session:
        assert free_accounts(session, small.who("clerk")) == ()
        line = session.scalars(select(AuditLine).order_by(AuditLine.line_id.desc())).first()
        assert (line.action, line.subject) == ("supervisor-account", "DD-001")
        assert line.detail == "account supervisor"
    with pytest.raises(Refused, match="没有变化"):
        tie(small, pool["DD-001"], "supervisor")
    tie(small, pool["DD-001"], NONE)
    assert tied(small)["DD-001"] == ""


def test_two_people_do_not_share_an_account(small: Any, pool: dict[str, int]) -> None:
    tie(small, pool["DD-001"], "supervisor")
    with pytest.raises(FormFaults, match="已绑定其他"):
        tie(small, pool["DD-002"], "supervisor")
    # Two clerks at once: the database itself says no, and nothing is half done.
    with small.write() as session:
        session.get_one(Expert, pool["DD-001"]).account_id = None
    with small.write() as session:
        other = session.get_one(Expert, pool["DD-002"])
        session.flush()
        who, context = small.who("clerk"), small.context("clerk")
        real = session.scalar

        def blind(query: Any, *more: Any, **rest: Any) -> Any:
            found = real(query, *more, **rest)
            if "experts.expert_id" in str(query):
                session.execute(
                    Expert.__table__.update()
                    .where(Expert.expert_id == pool["DD-001"])
                    .values(account_id=7)
                )
                return None
            return found

        session.scalar = blind
        with pytest.raises(FormFaults, match="已绑定其他"):
            tie_account(session, other.expert_id, "supervisor", by=who, context=context)
        session.rollback()
    assert tied(small) == {"DD-001": "", "DD-002": ""}


@pytest.mark.parametrize("login", ["clerk", "nobody", "head1", "gone"])
def test_only_a_live_supervisors_account_is_tied(
    small: Any, pool: dict[str, int], login: str
) -> None:
    account(small, "gone", disabled=True)
    with pytest.raises(FormFaults, match="请选择质量督导员的账号"):
        tie(small, pool["DD-001"], login)
    with small.read() as session:
        assert free_accounts(session, small.who("approver")) == ("supervisor",)


def test_it_is_the_citys_office_that_ties(small: Any, pool: dict[str, int]) -> None:
    for login in ("clerk-a", "supervisor", "admin", "auditor", "head1"):
        with pytest.raises(NotAllowed):
            tie(small, pool["DD-001"], "supervisor", by=login)
    for expert_id in (pool["ZJ-001"], 999):
        with pytest.raises(NotFound):
            tie(small, expert_id, "supervisor")


def test_a_waiting_visit_is_not_handed_to_another_account(
    small: Any, supervised: Any, pool: dict[str, int]
) -> None:
    with small.write() as session:
        session.get_one(Expert, pool["DD-002"]).active = False
    supervised.plans(1)
    by, context = small.who("clerk"), small.context("clerk")
    with small.write() as session:
        draw_id = draws.fix_pool(session, take=1, avoid=(), by=by, context=context).draw_id
    note = supervised.anchor()
    with small.write() as session:
        draws.make_draw(session, draw_id, note, by=by, context=context)
    # Drawn before anybody was tied: the first tie gives the visit to its person.
    person, other = small.who("supervisor"), account(small, "dd-001")

    def seen(by: Identity) -> int:
        with small.read() as session:
            return len(supervising.list_items(session, by, small.desk.context(by)))

    assert (seen(person), seen(other)) == (0, 0)
    tie(small, pool["DD-001"], "supervisor")
    assert (seen(person), seen(other)) == (1, 0)
    for login in ("dd-001", NONE):
        with pytest.raises(Refused, match="尚未完成的督导任务"):
            tie(small, pool["DD-001"], login)
    with small.write() as session:
        visits.report_visit(
            session, 1, Result.SOUND, "规范", by=person, context=small.desk.context(person)
        )
        assert session.get_one(Supervision, 1).decided_by == person.account_id
    tie(small, pool["DD-001"], "dd-001")
    assert (seen(person), seen(other)) == (0, 1)
