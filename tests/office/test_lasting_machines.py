"""Company and assessor: every step from every state by every role, by the use cases themselves."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest

from registry.errors import NotFound
from registry.office import sanctions
from registry.office.almanac import read_almanac
from registry.office.assessors import move_assessor
from registry.office.companies import put_on_list
from registry.office.identity import ACTS_AS, NotAllowed, Role
from registry.rules.errors import ForbiddenStep
from registry.rules.standing import ASSESSOR, COMPANY
from registry.rules.workflow import Actor
from registry.store.audit import AuditLine
from registry.store.procedure import Company
from registry.store.registers import Assessor

LOGINS = ("editor1", "head1", "clerk", "approver", "supervisor", "admin", "auditor")


def passes(machine: Any, state: str, event: str, role: Any) -> bool:
    return any(
        (step.state, step.event) == (state, event) and step.actor in ACTS_AS[role]
        for step in machine.steps
    )


def test_every_step_of_an_assessor_only_the_tables_pass(small: Any, supervised: Any) -> None:
    supervised.list_company(1)
    assessor = supervised.assessor()
    tried = passed = 0
    for state, event, login in product(ASSESSOR.states, ASSESSOR.events, LOGINS):
        by = small.who(login)
        with small.write() as session:
            session.get_one(Assessor, assessor).state = state
        with small.write() as session, session.begin_nested() as attempt:
            row = session.get_one(Assessor, assessor)
            lines = session.query(AuditLine).count()

            def move(
                session: Any = session, row: Any = row, event: str = event, by: Any = by
            ) -> None:
                move_assessor(
                    session,
                    assessor,
                    event,
                    by=by,
                    version=row.version,
                    note="理由",
                    proposed_by=10,
                    context=small.desk.context(by),
                )

            tried += 1
            if passes(ASSESSOR, state, event, by.role):
                passed += 1
                move()
                step = next(s for s in ASSESSOR.steps if (s.state, s.event) == (state, event))
                assert session.get_one(Assessor, assessor).state == step.to
                assert session.query(AuditLine).count() == lines + 1
            else:
                # Who sees no company is told that there is no such assessor.
                unseen = by.role is Role.ADMIN
                with pytest.raises(NotFound if unseen else ForbiddenStep):
                    move()
                assert session.get_one(Assessor, assessor).state == state
                assert session.query(AuditLine).count() == lines
            attempt.rollback()
    assert passed == len(ASSESSOR.steps)
    assert tried == len(ASSESSOR.states) * len(ASSESSOR.events) * len(LOGINS)


def propose(small: Any, login: str) -> int:
    with small.write() as session:
        return sanctions.propose_delisting(
            session,
            1,
            sanctions.Ground.UNFIT,
            "不具备条件",
            by=small.who(login),
            context=small.context(login),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )


def in_state(small: Any, state: str) -> None:
    with small.write() as session:
        company = session.get_one(Company, 1)
        company.state = state
        company.barred_until = date(2028, 1, 1) if state == "barred" else None


def state_of(small: Any) -> str:
    with small.read() as session:
        return str(session.get_one(Company, 1).state)


@pytest.mark.parametrize("state", COMPANY.states)
@pytest.mark.parametrize("login", LOGINS)
def test_a_delisting_is_proposed_only_as_the_table_says(
    small: Any, supervised: Any, state: str, login: str
) -> None:
    supervised.list_company(1)
    in_state(small, state)
    if passes(COMPANY, state, "propose-delisting", small.who(login).role):
        propose(small, login)
        assert state_of(small) == "delisting"
        return
    with pytest.raises((NotAllowed, ForbiddenStep)):
        propose(small, login)
    assert state_of(small) == state


@pytest.mark.parametrize("state", COMPANY.states)
@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("event", ["delist", "drop-proposal"])
def test_a_delisting_is_decided_only_as_the_table_says(
    small: Any, supervised: Any, state: str, login: str, event: str
) -> None:
    supervised.list_company(1)
    row = propose(small, "clerk")
    in_state(small, state)

    def decide() -> None:
        with small.write() as session:
            by = small.who(login)
            uphold = event == "delist"
            sanctions.decide(session, row, uphold=uphold, note="理由", by=by, desk=small.desk)

    if passes(COMPANY, state, event, small.who(login).role):
        decide()
        (step,) = [s for s in COMPANY.steps if (s.state, s.event) == (state, event)]
        assert state_of(small) == step.to
        return
    with pytest.raises((NotAllowed, ForbiddenStep)):
        decide()
    assert state_of(small) == state


@pytest.mark.parametrize("state", COMPANY.states)
@pytest.mark.parametrize("over", [True, False])
def test_a_company_is_listed_only_as_the_table_says(
    small: Any, supervised: Any, state: str, over: bool
) -> None:
    supervised.list_company(1)
    in_state(small, state)
    today = small.desk.today()
    with small.write() as session:
        company = session.get_one(Company, 1)
        before = company.listed_on
        if state == "barred":
            company.barred_until = today if over else today + timedelta(days=1)
        ways = {step.state for step in COMPANY.steps if step.event == "list"}
        ends = {step.state for step in COMPANY.steps if step.actor is Actor.SYSTEM}
        if state in ways or (state in ends and over):
            put_on_list(company, "Y000044999001", today=today)
            assert (company.state, company.listed_on) == ("listed", today)
        elif state in {"listed", "delisting"}:
            put_on_list(company, "Y000044999001", today=today)
            assert (company.state, company.listed_on) == (state, before)
        else:
            with pytest.raises(ForbiddenStep):
                put_on_list(company, "Y000044999001", today=today)
            assert company.state == state
