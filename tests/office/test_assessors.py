"""The register of assessors: who may stand on it, what is sealed, and how one is struck off."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.errors import NotFound
from registry.office.assessor_entry import AssessorEntry
from registry.office.assessor_list import list_assessors
from registry.office.assessors import (
    add_assessor,
    amend_assessor,
    get_assessor,
    move_assessor,
    unfit,
)
from registry.office.cases import CaseMoved, GuardsFailed
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.rules.errors import ForbiddenStep
from registry.store.audit import AuditLine
from registry.store.fields import FieldDamaged
from registry.store.registers import Assessor

CODE = "6-18-01-01"


def move(small: Any, number: int, event: str, login: str, **more: Any) -> None:
    with small.write() as session:
        row = session.get_one(Assessor, number)
        move_assessor(
            session,
            number,
            event,
            by=small.who(login),
            version=more.get("version", row.version),
            note=more.get("note", "理由"),
            proposed_by=more.get("proposed_by"),
            context=small.context(login),
        )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "张3"}, "name"),
        ({"id_type": "licence"}, "id_type"),
        ({"id_number": ""}, "id_number"),
        ({"id_number": "440301198501010010"}, "id_number"),
        ({"occupations": " "}, "occupations"),
        ({"occupations": "车工"}, "occupations"),
        ({"occupations": "1-01-01-01"}, "occupations"),
        ({"certificate": ""}, "certificate"),
        ({"certificate": "号" * 41}, "certificate"),
        ({"valid_until": None}, "valid_until"),
        ({"valid_until": date(2026, 11, 25)}, "valid_until"),
    ],
)
def test_each_fault_names_its_field_and_nothing_is_kept(
    small: Any, planning: Any, changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(FormFaults) as refused:
        planning.assessor(1, **changed)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert "440301" not in str(refused.value)
    with small.read() as session:
        assert session.query(Assessor).count() == 0


def test_a_person_stands_once_in_a_company_however_the_number_is_written(planning: Any) -> None:
    planning.assessor(1)
    number = planning.assessor.__globals__["id_number"](1)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number)
    with pytest.raises(FormFaults, match="已登记为本企业考评人员"):
        planning.assessor(1, id_number=f" {wide} ")


def test_name_and_number_are_sealed_in_their_place(small: Any, planning: Any) -> None:
    one, two = planning.assessor(1), planning.assessor(2)
    with small.write() as session:
        rows = [session.get_one(Assessor, number) for number in (one, two)]
        assert all("考评".encode() not in row.sealed for row in rows)
        assert all(b"440301" not in row.sealed for row in rows)
        rows[0].sealed, rows[1].sealed = rows[1].sealed, rows[0].sealed
    with small.read() as session, pytest.raises(FieldDamaged):
        get_assessor(session, one, small.who("head1"), small.context("head1"))
    with small.read() as session:
        lines = session.query(AuditLine).all()
        assert [line.subject for line in lines] == [f"assessor:{one}", f"assessor:{two}"]
        assert "考评" not in "".join(line.detail for line in lines)


def test_each_tenant_sees_its_own(small: Any, planning: Any) -> None:
    number = planning.assessor(1)
    with small.read() as session:

        def seen(login: str) -> int:
            return len(list_assessors(session, small.who(login), small.context(login)))

        assert [seen(login) for login in ("head1", "clerk", "clerk-a", "auditor")] == [1] * 4
        assert [seen(login) for login in ("head2", "admin")] == [0, 0]
        for login in ("head2", "admin"):
            with pytest.raises(NotFound):
                get_assessor(session, number, small.who(login), small.context(login))


def test_only_the_company_registers_and_of_two_at_once_one_wins(small: Any, planning: Any) -> None:
    number = planning.assessor(1)
    entry = AssessorEntry(
        name="",
        id_type="",
        id_number="",
        occupations=f"{CODE} 6-31-01-03",
        certificate="KP-9",
        valid_until=date(2029, 1, 1),
    )

    def amend(login: str, version: int) -> None:
        with small.write() as session:
            amend_assessor(
                session,
                number,
                entry,
                version=version,
                by=small.who(login),
                context=small.context(login),
                today=small.desk.today(),
            )

    with pytest.raises(NotFound):
        amend("head2", 1)
    with pytest.raises(NotAllowed):
        amend("clerk", 1)
    with small.write() as session, pytest.raises(NotAllowed):
        add_assessor(
            session,
            entry,
            by=small.who("clerk"),
            context=small.context("clerk"),
            today=small.desk.today(),
        )
    amend("head1", 1)
    with pytest.raises(CaseMoved):
        amend("editor1", 1)
    with small.read() as session:
        view = get_assessor(session, number, small.who("clerk"), small.context("clerk"))
    assert (view.occupations, view.certificate) == ((CODE, "6-31-01-03"), "KP-9")
    assert view.name.startswith("考评")


def test_struck_off_by_two_people_and_for_good(small: Any, planning: Any) -> None:
    number = planning.assessor(1)
    move(small, number, "record-fault", "supervisor")
    with pytest.raises(GuardsFailed, match="已说明理由"):
        move(small, number, "propose-disqualification", "clerk", note=" ")
    move(small, number, "propose-disqualification", "clerk")
    for proposer in (None, 6):
        with pytest.raises(GuardsFailed, match="不是同一人"):
            move(small, number, "disqualify", "approver", proposed_by=proposer)
    with pytest.raises(ForbiddenStep):
        move(small, number, "disqualify", "clerk", proposed_by=5)
    with pytest.raises(CaseMoved):
        move(small, number, "disqualify", "approver", proposed_by=5, version=1)
    move(small, number, "disqualify", "approver", proposed_by=5)
    with pytest.raises(ForbiddenStep):
        move(small, number, "record-fault", "supervisor")
    with small.read() as session:
        view = get_assessor(session, number, small.who("head1"), small.context("head1"))
        assert session.get_one(Assessor, number).faults == 1
    assert "已取消" in unfit(view, code=CODE, last_day=date(2026, 12, 1))


def test_a_fault_or_a_proposal_takes_nothing_away_yet(small: Any, planning: Any) -> None:
    number = planning.assessor(1)
    for event, login in (("record-fault", "supervisor"), ("propose-disqualification", "clerk")):
        move(small, number, event, login)
        with small.read() as session:
            view = get_assessor(session, number, small.who("head1"), small.context("head1"))
        assert unfit(view, code=CODE, last_day=date(2028, 12, 31)) == ""
    assert unfit(view, code=CODE, last_day=date(2029, 1, 1)) != ""


def test_who_was_struck_off_does_not_come_back_at_another_company(
    small: Any, planning: Any
) -> None:
    number = planning.assessor(1)
    with small.write() as session:
        other = session.get_one(Assessor, number)
        other.company_id = 2
    twin = planning.assessor(1)
    with small.write() as session:
        session.get_one(Assessor, number).state = "disqualified"
    with small.read() as session:
        view = get_assessor(session, twin, small.who("head1"), small.context("head1"))
        assert view.state == "registered"
        assert "已取消" in unfit(view, code=CODE, last_day=date(2026, 12, 1))
    with small.write() as session:
        session.delete(session.get_one(Assessor, twin))
    with pytest.raises(FormFaults, match="已被取消考评人员资格"):
        planning.assessor(1)
