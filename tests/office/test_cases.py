"""The engine: only the table moves a case, guards are demanded, one of two people wins."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.cases import (
    MACHINE_OF,
    CaseKind,
    CaseMoved,
    GuardsFailed,
    fill_in,
    get_case,
    read_form,
    read_note,
    take_step,
    timeline,
)
from registry.office.identity import ACTS_AS, NotAllowed, Role
from registry.rules.errors import ForbiddenStep
from registry.rules.workflow import Guard
from registry.store.audit import AuditLine
from registry.store.procedure import Case

ALL_GUARDS = frozenset(Guard)


def step(small: Any, case_id: int, event: str, login: str, **more: Any) -> None:
    note, version = more.pop("note", ""), more.pop("version", None)
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing = small.doing(login, case, note)
        if version is not None:
            doing = type(doing)(by=doing.by, version=version, note=note)
        held = more.pop("held", ALL_GUARDS - {Guard.OTHER_PERSON, Guard.REASON_GIVEN})
        take_step(session, case, event, held=held, doing=doing, context=small.context(login))


def state(small: Any, case_id: int) -> str:
    with small.read() as session:
        return str(session.get_one(Case, case_id).state)


def test_a_filing_goes_its_way(small: Any, new_case: Any) -> None:
    case_id = new_case()
    for event, login, note in (
        ("submit", "head1", ""),
        ("accept", "clerk", ""),
        ("assign", "clerk", ""),
        ("call-experts", "clerk", ""),
        ("prepare", "clerk", "拟同意"),
        ("approve", "approver", "同意"),
    ):
        step(small, case_id, event, login, note=note)
    assert state(small, case_id) == "approved"
    with small.read() as session:
        lines = timeline(session, session.get_one(Case, case_id))
        assert [line.event for line in lines] == [
            "open",
            *("submit", "accept", "assign", "call-experts", "prepare", "approve"),
        ]
        assert read_note(lines[-1], small.context("clerk")) == "同意"
        audits = session.query(AuditLine).all()
        assert [line.action for line in audits][-1] == "filing-approve"
        assert audits[-1].source == "127.0.0.1"
        assert "同意" not in "".join(line.detail for line in audits)


@pytest.mark.parametrize("kind", CaseKind)
def test_every_step_by_every_role_only_the_tables_pass(
    small: Any, new_case: Any, kind: CaseKind
) -> None:
    machine = MACHINE_OF[kind]
    case_id = new_case(kind.value)
    roles = {role: login for login, role in (("editor1", Role.COMPANY_EDITOR),)} | {
        Role.COMPANY_HEAD: "head1",
        Role.CLERK: "clerk",
        Role.APPROVER: "approver",
        Role.SUPERVISOR: "supervisor",
        Role.ADMIN: "admin",
        Role.AUDITOR: "auditor",
    }
    allowed = {(row.state, row.event, row.actor) for row in machine.steps}
    for here, event, (role, login) in product(machine.states, machine.events, roles.items()):
        with small.write() as session:
            session.get_one(Case, case_id).state = here
            session.get_one(Case, case_id).prepared_by = 1
        passes = any((here, event, actor) in allowed for actor in ACTS_AS[role])
        with small.write() as session, session.begin_nested() as tried:
            case = session.get_one(Case, case_id)
            doing = small.doing(login, case, "理由")
            context = small.context(login)
            if passes:
                take_step(session, case, event, held=ALL_GUARDS, doing=doing, context=context)
                tried.rollback()
            else:
                with pytest.raises(ForbiddenStep):
                    take_step(session, case, event, held=ALL_GUARDS, doing=doing, context=context)


def test_a_step_whose_conditions_are_not_met_says_each(small: Any, new_case: Any) -> None:
    case_id = new_case()
    with pytest.raises(GuardsFailed, match="不在不予受理期内；申请材料齐全") as refused:
        step(small, case_id, "submit", "head1", held={Guard.CONDITIONS_MET})
    assert "条件均已说明" not in str(refused.value)
    assert state(small, case_id) == "draft"


def test_nobody_approves_what_they_prepared(small: Any, new_case: Any) -> None:
    case_id = new_case()
    with small.write() as session:
        case = session.get_one(Case, case_id)
        case.state, case.prepared_by = "prepared", 6
    with pytest.raises(GuardsFailed, match="不是同一人"):
        step(small, case_id, "approve", "approver", note="同意")


def test_a_reason_must_be_given(small: Any, new_case: Any) -> None:
    case_id = new_case()
    step(small, case_id, "submit", "head1")
    with pytest.raises(GuardsFailed, match="已说明理由"):
        step(small, case_id, "return", "clerk", note="  ")


def test_of_two_people_at_once_one_wins_and_the_other_is_told(small: Any, new_case: Any) -> None:
    case_id = new_case()
    step(small, case_id, "submit", "head1")
    with small.read() as session:
        seen = session.get_one(Case, case_id).version
    step(small, case_id, "accept", "clerk", version=seen)
    with pytest.raises(CaseMoved, match="办公室经办人已受理，现为“已受理”"):
        step(small, case_id, "return", "clerk", note="缺页", version=seen)
    step(small, case_id, "assign", "clerk")
    with pytest.raises(CaseMoved, match="办公室经办人已分派审核，现为“审核中”"):
        step(small, case_id, "return", "clerk", note="缺页", version=seen + 1)
    assert state(small, case_id) == "in-review"


def test_other_tenants_find_nothing(small: Any, new_case: Any) -> None:
    case_id = new_case()
    with small.read() as session:
        for login in ("editor1", "head1", "clerk", "approver", "auditor", "clerk-a"):
            assert get_case(session, case_id, small.who(login)).case_id == case_id
        for login in ("editor2", "head2", "admin"):
            with pytest.raises(NotFound):
                get_case(session, case_id, small.who(login))
        with pytest.raises(NotFound):
            get_case(session, 999, small.who("clerk"))
    other = new_case(login="editor2")
    with small.read() as session, pytest.raises(NotFound):
        get_case(session, other, small.who("clerk-a"))


def test_a_form_is_sealed_and_filled_in_while_the_company_has_it(small: Any, new_case: Any) -> None:
    case_id = new_case()

    def write(login: str) -> None:
        with small.write() as session:
            case = session.get_one(Case, case_id)
            doing = small.doing(login, case)
            form = '{"contact":"张三丰"}'.encode()
            fill_in(session, case, form, title="钳工", doing=doing, context=small.context(login))

    write("editor1")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert read_form(case, small.context("clerk")) == '{"contact":"张三丰"}'.encode()
        assert "张三丰".encode() not in case.form
    with pytest.raises(NotAllowed):
        write("clerk")
    step(small, case_id, "submit", "head1")
    with pytest.raises(Refused, match="不能再修改"):
        write("editor1")
