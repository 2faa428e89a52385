"""The catalogue and the pool: import, search, names that are not shown to everybody."""

from __future__ import annotations

from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.office.occupations import import_occupations, search_occupations
from registry.office.registers import (
    NewMember,
    PoolKind,
    add_member,
    members,
    set_active,
)
from registry.rules.catalogue import starter_rows
from registry.rules.findings import FindingCode, Findings
from registry.store.audit import AuditLine
from registry.store.registers import Expert, Occupation

ROW = {
    "edition": "2022",
    "catalogue_code": "6-18-01-01",
    "catalogue_name": "车工",
    "directions": "数控车工",
    "levels": "54321",
    "national": "是",
}


def bring_in(small: Any, rows: Any, login: str = "clerk") -> Any:
    with small.write() as session:
        return import_occupations(
            session,
            rows,
            form=Findings(),
            by=small.who(login),
            context=small.context(login),
        )


def test_the_starter_file_comes_in_once_and_is_found(small: Any) -> None:
    done = bring_in(small, starter_rows())
    assert (done.added, done.updated, done.acceptable) == (40, 0, True)
    again = bring_in(small, starter_rows())
    assert (again.added, again.updated) == (0, 0)
    with small.read() as session:
        found, _ = search_occupations(session, "6-31-01-03")
        assert [(row.edition, row.name, row.national) for row in found] == [
            (2022, "电工", False),
            (2015, "电工", False),
        ]
        assert search_occupations(session, "9-99-99-99") == ((), 0)
        assert session.query(AuditLine).all()[0].detail == "added 40, updated 0"


def test_a_row_brought_in_again_changes_the_one_of_its_edition(small: Any) -> None:
    bring_in(small, starter_rows())
    done = bring_in(small, [(2, ROW), (3, ROW | {"edition": "2015", "levels": "321"})])
    assert (done.added, done.updated) == (0, 2)
    with small.read() as session:
        (newest, older), _ = search_occupations(session, "6-18-01-01")
        assert (newest.edition, newest.national, newest.levels) == (2022, True, "54321")
        assert (older.edition, older.national, older.levels) == (2015, True, "321")


def test_a_table_with_one_fault_changes_nothing(small: Any) -> None:
    done = bring_in(small, [(2, ROW), (3, ROW | {"catalogue_code": "x"})])
    assert not done.acceptable
    assert list(done.findings.counts) == [FindingCode.OCCUPATION_CODE_FORM]
    with small.read() as session:
        assert session.query(Occupation).count() == 0
        assert session.query(AuditLine).count() == 0


def test_faults_of_the_file_itself_keep_it_out(small: Any) -> None:
    from registry.rules.findings import Fault

    form = Findings()
    form.add(Fault(code=FindingCode.CELL_FORMULA), row=2, column="levels")
    with small.write() as session:
        done = import_occupations(
            session, [(2, ROW)], form=form, by=None, context=small.context("clerk")
        )
        assert not done.acceptable
        assert session.query(Occupation).count() == 0


@pytest.mark.parametrize("login", ["editor1", "supervisor", "admin", "auditor", "clerk-a"])
def test_only_the_city_office_imports(small: Any, login: str) -> None:
    with pytest.raises(NotAllowed):
        bring_in(small, starter_rows(), login)


def test_the_catalogue_is_searched_by_code_name_and_trade(small: Any) -> None:
    bring_in(small, starter_rows())

    def names(text: str, **more: Any) -> list[str]:
        with small.read() as session:
            return [row.name for row in search_occupations(session, text, **more)[0]]

    assert names("6-31-01", edition=2015) == ["机修钳工", "电工"]
    assert names("6-31-01") == ["机修钳工", "机修钳工", "电工", "电工"]
    assert names("数控铣工", edition=2022) == ["铣工"]
    assert names("磨", edition=2022) == ["磨工"]
    assert names("%") == []
    # The classification moved this code between its editions.
    assert names("4-07-05-04", edition=2022) == []
    assert names("4-07-05-03") == names("4-07-05-04") == ["消防设施操作员"]
    with small.read() as session:
        rows, total = search_occupations(session)
        beyond, _ = search_occupations(session, page=2)
    assert (len(rows), total, beyond) == (40, 40, ())


def add(small: Any, login: str = "clerk", **changed: Any) -> int:
    facts = {"kind": PoolKind.EXPERT, "name": "吴示例", "fields": "车工"} | changed
    with small.write() as session:
        new = NewMember(**facts)
        row = add_member(session, new, by=small.who(login), context=small.context(login))
        return int(row.expert_id)


def test_a_name_is_sealed_and_masked_outside_the_office(small: Any) -> None:
    add(small)
    add(small, kind=PoolKind.SUPERVISOR, name="郑示例")
    with small.read() as session:
        rows = session.query(Expert).all()
        assert [row.label for row in rows] == ["ZJ-001", "DD-001"]
        assert all("示例".encode() not in row.sealed for row in rows)
        seen = {
            login: [
                member.name
                for member in members(
                    session, PoolKind, by=small.who(login), context=small.context(login)
                )
            ]
            for login in ("clerk", "approver", "supervisor", "auditor")
        }
        lines = [f"{line.subject}{line.detail}" for line in session.query(AuditLine)]
    assert seen["clerk"] == seen["approver"] == ["吴示例", "郑示例"]
    assert seen["supervisor"] == seen["auditor"] == ["吴**", "郑**"]
    assert lines == ["ZJ-001", "DD-001"]


def test_who_is_out_of_the_pool_stays_in_the_register(small: Any) -> None:
    expert = add(small)

    def set_to(*, active: bool, login: str = "clerk") -> None:
        with small.write() as session:
            set_active(
                session,
                expert,
                active=active,
                by=small.who(login),
                context=small.context(login),
            )

    set_to(active=False)
    with pytest.raises(Refused, match="没有变化"):
        set_to(active=False)
    with small.read() as session:
        (row,) = session.query(Expert)
        assert not row.active
    set_to(active=True)
    with pytest.raises(NotAllowed):
        set_to(active=False, login="clerk-a")
    with small.write() as session, pytest.raises(NotFound):
        set_active(session, 99, active=True, by=small.who("clerk"), context=small.context("clerk"))


def test_a_person_without_name_or_field_is_not_taken_in(small: Any) -> None:
    with pytest.raises(FormFaults) as refused:
        add(small, name=" ", fields="")
    assert [fault.field for fault in refused.value.faults] == ["name", "fields"]
    with pytest.raises(NotAllowed):
        add(small, login="supervisor")
