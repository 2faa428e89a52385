"""Imports at the desk: prepared by one, decided by another, carried out once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, update

from registry.errors import NotFound, Refused, RegistryError
from registry.office import importing as use
from registry.office.cases import CaseMoved, GuardsFailed
from registry.office.form_faults import FormFaults
from registry.office.identity import ACTS_AS, NotAllowed, Role
from registry.office.importing_list import list_imports
from registry.office.importing_steps import LONGEST_NOTE, step_for, steps_open_to, timeline
from registry.office.persons import UnknownPerson
from registry.rules.errors import ForbiddenStep
from registry.rules.importing import IMPORT
from registry.rules.workflow import Actor
from registry.store.audit import AuditLine
from registry.store.certificates import Batch, Certificate
from registry.store.fields import FieldDamaged
from registry.store.imports import CertificateImport, ImportEvent

LOGINS = ("editor1", "head1", "clerk", "approver", "supervisor", "admin", "auditor")


@pytest.fixture
def importing(small: Any, supervised: Any, beside: Any) -> Any:
    key = beside("change_office").key_of(small.clock.now())
    return beside("import_office").Importing(small, supervised, key)


def held_numbers(small: Any) -> set[str]:
    with small.read() as session:
        return set(session.scalars(select(Certificate.number)))


def test_an_import_from_the_table_to_the_certificates(small: Any, importing: Any) -> None:
    before = held_numbers(small)
    done = importing.prepare()
    assert (done.reference, done.recognised) == ("I-2026-0001", False)
    assert held_numbers(small) == before
    row = importing.row(done.import_id)
    assert (row.state, row.count, row.batch_id) == ("prepared", 2, None)
    batch = importing.approve(done.import_id)
    assert held_numbers(small) - before == {
        "Y000044999001213000007",
        "Y000044999001213000008",
    }
    row = importing.row(done.import_id)
    assert (row.state, row.batch_id) == ("carried-out", batch.batch_id)
    assert row.decided_by == small.who("approver").account_id
    with small.read() as session:
        assert session.get_one(Batch, batch.batch_id).approval == "I-2026-0001"
        lines = session.scalars(select(AuditLine).order_by(AuditLine.line_id)).all()
        assert [(line.actor, line.action, line.subject) for line in lines][-3:] == [
            ("account:clerk", "import-prepare", "I-2026-0001"),
            ("account:approver", "import-approve", "I-2026-0001"),
            ("account:approver", "import-carry-out", "I-2026-0001"),
        ]


@pytest.mark.parametrize(
    ("event", "login", "state"),
    [
        ("approve", "approver", "carried-out"),
        ("reject", "approver", "refused"),
        ("withdraw", "clerk", "withdrawn"),
    ],
)
def test_the_rows_are_sealed_and_go_when_it_has_ended(
    importing: Any, event: str, login: str, state: str
) -> None:
    import_id = importing.prepared()
    sealed = importing.sealed(import_id)
    assert len(sealed) > 200
    for cells in importing.cells((7, 8)):
        assert str(cells["name"]).encode() not in sealed
        assert str(cells["id_number"]).encode() not in sealed
    if event == "approve":
        importing.approve(import_id, login)
    else:
        importing.take(import_id, event, login)
    assert (importing.row(import_id).state, importing.sealed(import_id)) == (state, b"")


def test_what_waits_can_be_looked_at_again(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    context, today = small.context("approver"), small.desk.today()
    with small.read() as session:
        row = use.get_import(session, import_id, small.who("approver"))
        rows, findings = use.look_again(session, row, today=today, context=context)
    assert [one.number[-1] for one in rows] == ["7", "8"]
    assert rows == tuple(importing.checked().rows)
    assert findings.errors == 0
    importing.approve(import_id)
    with small.read() as session:
        row = use.get_import(session, import_id, small.who("approver"))
        with pytest.raises(Refused, match="不再保存"):
            use.look_again(session, row, today=today, context=context)


def test_nobody_approves_what_they_prepared(small: Any, importing: Any) -> None:
    """Neither as the same account, nor by another account with the same staff number."""
    import_id = importing.prepared()
    twin = importing.account("clerk-too", Role.APPROVER, "GH-005")
    nameless = importing.account("somebody", Role.APPROVER, "")
    before = importing.standing()
    for by, error in ((twin, GuardsFailed), (nameless, UnknownPerson)):
        doing = importing.doing(import_id, "", by=by)
        with pytest.raises(error), small.write() as session:
            use.approve(session, import_id, doing, importing.tools("approver"))
        with pytest.raises(error), small.write() as session:
            use.take(session, import_id, "reject", doing, context=small.context("approver"))
    assert importing.standing() == before
    with small.read() as session:
        row = use.get_import(session, import_id, twin)
        assert steps_open_to(session, row, twin) == ()
        mine = steps_open_to(session, row, small.who("clerk"))
        theirs = steps_open_to(session, row, small.who("approver"))
    assert [step.event for step in mine] == ["withdraw"]
    assert [step.event for step in theirs] == ["approve", "reject"]


def test_only_the_preparer_takes_a_table_back(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    other = importing.account("clerk-b", Role.CLERK, "GH-055")
    doing = importing.doing(import_id, "", by=other)
    with pytest.raises(GuardsFailed, match="原经办人"), small.write() as session:
        use.take(session, import_id, "withdraw", doing, context=small.context("clerk"))
    importing.take(import_id, "withdraw", "clerk", note="")
    assert importing.row(import_id).state == "withdrawn"


@pytest.mark.parametrize("login", ["editor1", "supervisor", "admin", "auditor", "clerk-a"])
def test_it_is_the_city_offices_matter(small: Any, importing: Any, login: str) -> None:
    import_id = importing.prepared()
    before, by = importing.standing(), small.who(login)
    with pytest.raises(NotAllowed):
        importing.prepare(login, offset=300)
    with small.read() as session:
        with pytest.raises(NotAllowed):
            list_imports(session, by)
        with pytest.raises(NotAllowed):
            use.get_import(session, import_id, by)
    with pytest.raises(NotAllowed):
        importing.take(import_id, "reject", login)
    with pytest.raises(NotAllowed):
        importing.approve(import_id, login)
    with pytest.raises(NotAllowed):
        importing.carry_out(import_id, login)
    assert importing.standing() == before


def test_a_table_with_faults_is_not_stored(small: Any, importing: Any) -> None:
    importing.approve(importing.prepared())
    before = importing.standing()
    done = importing.prepare(serials=(7, 9), offset=300)
    assert (done.import_id, done.reference) == (None, "")
    assert [one.code.value for one in done.findings.listed if one.where.row] == ["number-held"]
    assert importing.standing() == before


def test_the_same_table_twice_is_recognised_until_it_came_to_nothing(importing: Any) -> None:
    first = importing.prepare()
    again = importing.prepare()
    assert (again.import_id, again.reference, again.recognised) == (
        first.import_id,
        first.reference,
        True,
    )
    importing.take(first.import_id, "reject", "approver")
    second = importing.prepare()
    assert (second.reference, second.recognised) == ("I-2026-0002", False)
    importing.approve(second.import_id)
    assert importing.prepare().reference == "I-2026-0002"


def test_what_is_no_longer_sound_is_not_approved_and_not_carried_out(importing: Any) -> None:
    one, two, three = (
        importing.prepared(serials=serials, offset=offset)
        for serials, offset in (((7, 8), 100), ((8, 9), 200), ((9, 10), 300))
    )
    importing.approve(two, now=False)
    importing.approve(one)
    before = importing.standing()
    with pytest.raises(GuardsFailed, match="无冲突"):
        importing.carry_out(two)
    assert importing.standing() == before
    importing.take(two, "withdraw-approval", "approver")
    assert (importing.row(two).state, importing.row(two).decided_by) == ("prepared", None)
    with pytest.raises(GuardsFailed, match="无冲突"):
        importing.approve(two)
    assert importing.approve(three).count == 2


def test_what_the_ledger_forbids_leaves_the_import_as_it_was(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    before = importing.standing()
    small.refusal = Refused("the log is frozen")
    with pytest.raises(Refused, match="frozen"):
        importing.approve(import_id)
    assert importing.standing() == before
    assert importing.row(import_id).state == "prepared"
    small.refusal = None
    assert importing.approve(import_id).count == 2


def test_rows_that_were_changed_in_the_database_are_not_imported(
    small: Any, importing: Any
) -> None:
    one, two = importing.prepared(), importing.prepared(serials=(30,), offset=300)
    moved = importing.sealed(two)
    with small.write() as session:
        session.execute(
            update(CertificateImport).where(CertificateImport.import_id == one).values(sealed=moved)
        )
        session.execute(
            update(CertificateImport)
            .where(CertificateImport.import_id == two)
            .values(digest="0" * 64)
        )
    before = importing.standing()
    with pytest.raises(FieldDamaged):
        importing.approve(one)
    with pytest.raises(Refused, match="摘要不一致"):
        importing.approve(two)
    assert importing.standing() == before


def test_of_two_who_decide_at_once_one_does(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    doing, gate = importing.doing(import_id, "approver"), Barrier(2)

    def decide(event: str) -> Any:
        gate.wait()
        try:
            with small.write() as session:
                if event == "reject":
                    context = small.context("approver")
                    use.take(session, import_id, event, doing, context=context)
                else:
                    use.approve(session, import_id, doing, importing.tools("approver"))
        except (CaseMoved, ForbiddenStep) as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(decide, ("approve", "reject")))
    assert sum(one is None for one in done) == 1
    state = importing.row(import_id).state
    assert state == ("carried-out" if done[0] is None else "refused")


def test_an_older_version_of_the_page_does_nothing(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    doing = replace(importing.doing(import_id, "approver"), version=9)
    with pytest.raises(CaseMoved, match="待审批"), small.write() as session:
        use.approve(session, import_id, doing, importing.tools("approver"))


def test_a_remark_has_an_end_and_is_sealed(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    with pytest.raises(FormFaults):
        importing.take(import_id, "reject", "approver", note="长" * (LONGEST_NOTE + 1))
    importing.take(import_id, "reject", "approver", note="与示例人员原件不符")
    with small.read() as session:
        stored = session.scalars(select(ImportEvent.note)).all()
        assert "示例人员".encode() not in b"".join(stored)
        row = use.get_import(session, import_id, small.who("clerk"))
        lines = timeline(session, row, small.context("clerk"))
    assert [(line.word, line.who, line.note) for line in lines] == [
        ("提交补录表", "办公室经办人", ""),
        ("不予补录", "办公室审批人", "与示例人员原件不符"),
    ]


def test_the_list_shows_what_waits_first(small: Any, importing: Any) -> None:
    one, two = importing.prepared(), importing.prepared(serials=(30,), offset=300)
    importing.take(two, "reject", "approver")
    with small.read() as session:
        rows, total = list_imports(session, small.who("approver"))
    assert total == 2
    assert [(row.import_id, row.state_word, row.turn_word, row.final) for row in rows] == [
        (one, "待审批", "由办公室审批人办理", False),
        (two, "不予补录", "", True),
    ]
    assert rows[0].organisation == "深圳市示例精密制造有限公司"


def test_only_plain_steps_are_taken_with_a_remark_alone(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    for event in ("approve", "carry-out", "prepare", "none-such"):
        with pytest.raises(Refused):
            importing.take(import_id, event, "approver")


def test_an_unknown_import_is_not_there(small: Any, importing: Any) -> None:
    with small.read() as session:
        with pytest.raises(NotFound):
            use.find_import(session, "I-2026-0009")
        with pytest.raises(NotFound):
            use.get_import(session, 9, small.who("clerk"))
        importing.prepared()
    with small.read() as session:
        assert use.find_import(session, " i-2026-0001 ").reference == "I-2026-0001"


def test_every_step_from_every_state_only_the_tables_pass(small: Any, importing: Any) -> None:
    import_id = importing.prepared()
    row = importing.row(import_id)
    ends = {"carry-out": "carried-out", "lapse": "lapsed"}
    for state in IMPORT.states:
        row.state = state
        for event in IMPORT.events:
            allowed = {
                step.actor for step in IMPORT.steps if (step.state, step.event) == (state, event)
            }
            for login in LOGINS:
                by = small.who(login)
                if allowed & ACTS_AS[by.role]:
                    assert step_for(row, event, by).to
                    continue
                with pytest.raises(ForbiddenStep):
                    step_for(row, event, by)
            if Actor.SYSTEM in allowed:
                assert step_for(row, event, None).to == ends[event]
            else:
                with pytest.raises(ForbiddenStep):
                    step_for(row, event, None)


@pytest.mark.parametrize("state", IMPORT.states)
def test_no_use_case_takes_a_step_that_the_table_lacks(
    small: Any, importing: Any, state: str
) -> None:
    import_id = importing.prepared()
    with small.write() as session:
        session.get_one(CertificateImport, import_id).state = state
    acts = {
        "approve": lambda: importing.approve(import_id, now=False),
        "carry-out": lambda: importing.carry_out(import_id),
        "reject": lambda: importing.take(import_id, "reject", "approver"),
        "withdraw": lambda: importing.take(import_id, "withdraw", "clerk"),
        "withdraw-approval": lambda: importing.take(import_id, "withdraw-approval", "approver"),
    }
    open_events = {step.event for step in IMPORT.steps if step.state == state}
    for event in acts.keys() - open_events:
        before = importing.standing()
        with pytest.raises(RegistryError):
            acts[event]()
        assert importing.standing() == before
        assert importing.row(import_id).state == state
