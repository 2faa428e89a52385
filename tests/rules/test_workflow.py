"""The machines: every transition from every state by every actor; only the table's pass."""

from __future__ import annotations

from itertools import product

import pytest

from registry.rules.errors import ForbiddenStep
from registry.rules.standing import MACHINES
from registry.rules.workflow import ACTORS, GUARDS, Actor, Guard, Machine

ALL = [pytest.param(machine, id=machine.name) for machine in MACHINES]


@pytest.mark.parametrize("machine", ALL)
def test_only_what_stands_in_the_table_is_allowed(machine: Machine) -> None:
    allowed = {(step.state, step.actor, step.event): step for step in machine.steps}
    assert len(allowed) == len(machine.steps)
    for tried in product(machine.states, Actor, machine.events):
        if tried in allowed:
            assert machine.step(*tried) is allowed[tried]
            continue
        with pytest.raises(ForbiddenStep) as refused:
            machine.step(*tried)
        said = str(refused.value)
        assert machine.words[tried[0]] in said
        assert machine.words[tried[2]] in said


@pytest.mark.parametrize("machine", ALL)
def test_every_state_can_be_reached_and_left_unless_it_is_final(machine: Machine) -> None:
    reached, waiting = {machine.start}, [machine.start]
    while waiting:
        state = waiting.pop()
        for step in machine.steps:
            if step.state == state and step.to not in reached:
                reached.add(step.to)
                waiting.append(step.to)
    assert reached == set(machine.states)
    ends = {state for state in machine.states if all(step.state != state for step in machine.steps)}
    assert ends == machine.final


@pytest.mark.parametrize("machine", ALL)
def test_every_word_is_there_and_used(machine: Machine) -> None:
    assert set(machine.words) == {*machine.states, *machine.events}
    assert all(step.paragraph for step in machine.steps)


@pytest.mark.parametrize("machine", ALL)
def test_nobody_decides_alone(machine: Machine) -> None:
    """Whatever an approver grants or takes away needs another person than prepared it."""
    deciding = {"approve", "reject", "delist", "disqualify", "revoke", "suspend", "correct"}
    for step in machine.steps:
        if step.event in deciding:
            assert step.actor is Actor.APPROVER
            assert Guard.OTHER_PERSON in step.guards


def test_every_actor_has_a_word_and_every_guard_a_place() -> None:
    assert set(ACTORS) == set(Actor)
    assert set(GUARDS) == set(Guard)
    used = {guard for machine in MACHINES for step in machine.steps for guard in step.guards}
    assert used == set(Guard)


def test_a_refusal_says_who_may_and_where_it_stands() -> None:
    filing = MACHINES[0]
    with pytest.raises(ForbiddenStep, match=r"由办公室审批人办理（六（一）2）"):
        filing.step("prepared", Actor.CLERK, "approve")
    with pytest.raises(ForbiddenStep, match="流程已办结"):
        filing.step("approved", Actor.CLERK, "return")
    with pytest.raises(ForbiddenStep, match="此时可办理撤回、退回补正、受理"):
        filing.step("submitted", Actor.CLERK, "record-vote")
