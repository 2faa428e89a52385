"""The machine of a change: every step from every state by every role, and walks of many steps.

By the use cases themselves, over a real certificate: what no row of the table allows changes
nothing, and what it allows writes one line on the timeline.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from registry.errors import RegistryError
from registry.office import change_deciding as deciding
from registry.office import change_making as making
from registry.office.cases import Doing
from registry.office.change_making import read_plan
from registry.office.changes import Kind, Plan, plan_of, seal_plan
from registry.office.form_faults import FormFaults
from registry.office.holders_requests import SHOWN
from registry.office.identity import ACTS_AS, COMPANY_ROLES
from registry.office.revising import CORRECTABLE
from registry.rules.changing import CHANGE
from registry.rules.workflow import Actor
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.changes import ChangeEvent
from registry.store.holders import ChangeRequest

LOGINS = ("editor1", "head1", "clerk", "approver", "supervisor", "admin", "auditor")
VALUES = {"direction": "设备维修"}


@pytest.fixture
def changing(small: Any, supervised: Any, beside: Any) -> Any:
    return beside("change_office").Changing(small, supervised)


def act(session: Any, changing: Any, request_id: int, event: str, login: str) -> None:
    """Take a step by the use case that takes it."""
    small = changing.small
    by, context, tools = small.who(login), small.context(login), changing.tools(login)
    row = session.get_one(ChangeRequest, request_id)
    doing = Doing(by=by, version=row.version, note="理由")
    match event:
        case "check":
            deciding.check(
                session, request_id, "data-error", VALUES, doing,
                drawable=tools.drawable, today=tools.today, context=context,
            )  # fmt: skip
        case "resubmit":
            making.resubmit(session, request_id, b"", doing, context=context)
        case "approve":
            deciding.approve(session, request_id, doing, tools, now=False)
        case "carry-out":
            deciding.carry_out(session, request_id, doing, tools)
        case _:
            deciding.take(session, request_id, event, doing, context=context)


def passes(state: str, event: str, role: Any, origin: str) -> bool:
    if event == "resubmit" and (origin == "company") != (role in COMPANY_ROLES):
        return False
    return any(
        (step.state, step.event) == (state, event) and step.actor in ACTS_AS[role]
        for step in CHANGE.steps
    )


@pytest.mark.parametrize("origin", ["company", "office", "holder"])
def test_every_step_only_the_tables_pass(small: Any, changing: Any, origin: str) -> None:
    """Who asked makes a difference in one state: whoever was sent it back hands it in again."""
    states = CHANGE.states if origin == "company" else ("returned",)
    request_id = changing.ask("editor1" if origin == "company" else "clerk")
    with small.write() as session:
        session.get_one(ChangeRequest, request_id).origin = origin
        session.execute(ChangeEvent.__table__.delete())
    taken = set()
    for state, event, login in product(states, CHANGE.events, LOGINS):
        role = small.who(login).role
        with small.write() as session, session.begin_nested() as attempt:
            row = session.get_one(ChangeRequest, request_id)
            row.state = state
            session.flush()
            before = _count(session)
            allowed = passes(state, event, role, origin)
            if role in COMPANY_ROLES and origin != "company":
                allowed = False
            if allowed:
                act(session, changing, request_id, event, login)
                session.flush()
                step = next(
                    s
                    for s in CHANGE.steps
                    if (s.state, s.event) == (state, event) and s.actor in ACTS_AS[role]
                )
                assert row.state == step.to
                assert _count(session)[0] == before[0] + 1
                taken.add((state, step.actor, event))
            else:
                with pytest.raises(RegistryError):
                    act(session, changing, request_id, event, login)
                assert row.state == state
                assert _count(session) == before
            attempt.rollback()
    ends = Actor.CLERK if origin == "company" else Actor.COMPANY
    assert taken == {
        (step.state, step.actor, step.event)
        for step in CHANGE.steps
        if step.state in states and step.actor is not Actor.SYSTEM
    } - {("returned", ends, "resubmit")}


def _count(session: Any) -> tuple[int, int, int]:
    tables = (ChangeEvent, AuditLine, Certificate)
    found = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
    return found[0], found[1], found[2]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(walk=st.lists(st.tuples(st.sampled_from(CHANGE.events), st.sampled_from(LOGINS[:4]))))
def test_a_walk_of_any_steps_changes_the_certificate_at_most_once(
    small: Any, changing: Any, walk: list[tuple[str, str]]
) -> None:
    """And then only after a check, a preparation, and an approval by another than the clerk."""
    with small.write() as session, session.begin_nested() as attempt:
        wish = making.Wish(
            number=changing.numbers[0], kind="correction", cause="data-error", changes=VALUES,
            reason="登记有误",
        )  # fmt: skip
        context = small.context("clerk")
        row = making.ask(
            session, wish, by=small.who("clerk"), drawable=lambda _c: True, context=context
        )
        first = session.scalar(select(func.count()).select_from(Certificate)) or 0
        for event, login in walk:
            with session.begin_nested() as step:
                try:
                    act(session, changing, row.request_id, event, login)
                except RegistryError:
                    step.rollback()
        session.flush()
        made = (session.scalar(select(func.count()).select_from(Certificate)) or 0) - first
        assert made == (row.state == "carried-out")
        done = session.execute(
            select(ChangeEvent.event, ChangeEvent.account_id)
            .where(ChangeEvent.request_id == row.request_id)
            .order_by(ChangeEvent.event_id)
        ).all()
        names = [event for event, _who in done]
        if made:
            assert names[-1] == "carry-out"
            last = len(names) - 1 - names[::-1].index("approve")
            assert {"check", "prepare"} <= set(names[:last])
            handled = {who for event, who in done if event in {"check", "prepare", "open"}}
            assert done[last][1] not in handled
        attempt.rollback()


def test_a_holder_is_told_of_every_state_and_of_no_proposal() -> None:
    assert set(SHOWN) == set(CHANGE.states)
    assert {SHOWN[state] for state in ("prepared", "refusal", "approved")} == {"accepted"}


words = st.text(max_size=70)


@given(changes=st.dictionaries(st.sampled_from([*CORRECTABLE, "level", "issued"]), words))
def test_a_plan_holds_what_a_correction_may_change_and_nothing_else(
    changes: dict[str, str],
) -> None:
    try:
        plan = read_plan(Kind.CORRECTION, "data-error", changes)
    except FormFaults as refused:
        said = str(refused)
        assert not any(len(value) > 8 and value in said for value in changes.values())
        return
    assert plan.changes
    assert set(plan.values()) <= set(CORRECTABLE) & set(changes)
    assert all(0 < len(value) <= 60 and value.isprintable() for value in plan.values().values())


@given(pairs=st.dictionaries(st.sampled_from(CORRECTABLE), st.text(max_size=60)))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_is_sealed_to_its_request(small: Any, pairs: dict[str, str]) -> None:
    context = small.context("clerk")
    plan = Plan(cause="lost", changes=tuple(sorted(pairs.items())))
    row, other = ChangeRequest(request_id=1), ChangeRequest(request_id=2)
    try:
        seal_plan(row, plan, context)
    except UnicodeEncodeError:
        return
    assert plan_of(row, context) == plan
    other.plan = row.plan
    with pytest.raises(RegistryError):
        plan_of(other, context)
