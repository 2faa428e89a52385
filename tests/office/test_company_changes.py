"""A company's facts change by a paper and four eyes, and what they were stays on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.cases import CaseMoved
from registry.office.company_changes import (
    Fact,
    NewChange,
    changes_of,
    decide_change,
    propose_change,
)
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed, Role
from registry.store.audit import AuditLine
from registry.store.organisations import Issuer
from registry.store.procedure import Company, CompanyChange

PAPER = date(2026, 11, 2)
PILOT = NewChange(fact=Fact.PILOT, value="yes", basis="示例厅函〔2026〕3号", based_on=PAPER)
NAME = replace(
    PILOT, fact=Fact.NAME, value=" 深圳市示例精密股份有限公司 ", basis="准予变更登记通知书"
)
USCC = replace(NAME, fact=Fact.USCC, value="91449999MA5DEM003B")
DISTRICT = replace(NAME, fact=Fact.DISTRICT, value="4403b")


def propose(small: Any, new: NewChange, login: str = "clerk", company: int = 1, **more: Any) -> int:
    with small.write() as session:
        return propose_change(
            session,
            company,
            new,
            drawable=more.get("drawable", lambda _char: True),
            by=more.get("by", small.who(login)),
            context=small.context(login),
            today=small.desk.today(),
        )


def decide(small: Any, change: int, *, adopt: bool = True, by: Any = None) -> None:
    with small.write() as session:
        by = by or small.who("approver")
        decide_change(session, change, adopt=adopt, by=by, context=small.context("approver"))


@pytest.mark.parametrize(
    ("new", "field", "before", "after"),
    [
        (PILOT, "pilot", False, True),
        (NAME, "name", "深圳市示例精密制造有限公司", "深圳市示例精密股份有限公司"),
        (USCC, "uscc", "91449999MA5DEM0015", "91449999MA5DEM003B"),
        (DISTRICT, "district", "4403A", "4403B"),
    ],
)
def test_a_change_takes_two_people_and_stays_on_record(
    small: Any, new: NewChange, field: str, before: Any, after: Any
) -> None:
    change = propose(small, new)
    with small.read() as session:
        assert getattr(session.get_one(Company, 1), field) == before
    decide(small, change)
    with small.read() as session:
        company = session.get_one(Company, 1)
        assert getattr(company, field) == after
        assert company.version == 2
        (seen,) = changes_of(session, 1, small.who("auditor"))
        assert (seen.fact, seen.basis, seen.based_on) == (new.fact, new.basis, PAPER)
        assert (seen.proposed_by, seen.decided_by, seen.state) == ("clerk", "approver", "adopted")
        assert {seen.before, seen.after} != {""}
        actions = [line.action for line in session.query(AuditLine)]
        assert actions == ["company-change-propose", "company-change-adopt"]


def test_an_issuer_goes_with_its_company(small: Any) -> None:
    with small.write() as session:
        company = session.get_one(Company, 1)
        session.add(
            Issuer(
                prefix="Y000044999001",
                name=company.name,
                uscc=company.uscc,
                levels="543",
                added_at=small.clock.now(),
            )
        )
    decide(small, propose(small, NAME))
    decide(small, propose(small, USCC))
    with small.read() as session:
        issuer = session.get_one(Issuer, "Y000044999001")
        assert (issuer.name, issuer.uscc) == ("深圳市示例精密股份有限公司", "91449999MA5DEM003B")


def test_what_is_dropped_changes_nothing_and_can_be_proposed_again(small: Any) -> None:
    change = propose(small, PILOT)
    with pytest.raises(Refused, match="已有变更待审批"):
        propose(small, PILOT)
    decide(small, change, adopt=False)
    for adopt in (True, False):
        with pytest.raises(CaseMoved):
            decide(small, change, adopt=adopt)
    with small.read() as session:
        assert not session.get_one(Company, 1).pilot
    propose(small, PILOT)


def test_nobody_decides_what_they_proposed(small: Any) -> None:
    clerk = small.who("clerk")
    change = propose(small, PILOT)
    with pytest.raises(NotAllowed, match="不能审批同一变更"):
        decide(small, change, by=replace(clerk, role=Role.APPROVER))
    for login in ("clerk", "head1", "admin", "auditor", "supervisor"):
        with pytest.raises(NotAllowed):
            decide(small, change, by=small.who(login))
        if login != "clerk":
            with pytest.raises((NotAllowed, NotFound)):
                propose(small, NAME, login)


def test_districts_change_their_companies_and_no_other(small: Any) -> None:
    with pytest.raises(NotFound):
        propose(small, NAME, "clerk-a", company=2)
    with pytest.raises(NotAllowed, match="由市办公室"):
        propose(small, DISTRICT, "clerk-a")
    change = propose(small, NAME, "clerk-a")
    with pytest.raises(NotFound):
        decide(small, change, by=replace(small.who("approver"), district="4403B"))
    with small.read() as session, pytest.raises(NotFound):
        changes_of(session, 1, small.who("head2"))


def test_a_fact_that_changed_meanwhile_is_not_overwritten(small: Any) -> None:
    change = propose(small, NAME)
    with small.write() as session:
        session.get_one(Company, 1).name = "另一名称"
    with pytest.raises(CaseMoved, match="企业信息已有变动"):
        decide(small, change)
    decide(small, change, adopt=False)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (replace(PILOT, value="no"), "value"),
        (replace(PILOT, value="maybe"), "value"),
        (replace(PILOT, basis="  "), "basis"),
        (replace(PILOT, basis="函" * 201), "basis"),
        (replace(PILOT, based_on=date(2026, 11, 27)), "based_on"),
        (replace(NAME, value="企" * 61), "value"),
        (replace(NAME, value="深圳市示例精密制造有限公司"), "value"),
        (replace(USCC, value="91449999MA5DEM0010"), "value"),
        (replace(USCC, value="91449999MA5DEM0028"), "value"),
        (replace(DISTRICT, value="区"), "value"),
    ],
)
def test_what_cannot_be_is_refused(small: Any, new: NewChange, field: str) -> None:
    with pytest.raises(FormFaults) as refused:
        propose(small, new)
    assert [fault.field for fault in refused.value.faults] == [field]
    with small.read() as session:
        assert session.query(CompanyChange).count() == 0


def test_a_name_certificates_cannot_show_is_refused(small: Any) -> None:
    with pytest.raises(FormFaults, match="证书字库"):
        propose(small, NAME, drawable=lambda char: char != "股")
    small.clock.moment += timedelta(days=1)
    propose(small, NAME)
