"""Struck-off assessors and serious visits reach whoever decides on the results."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.office.cases import GuardsFailed, read_note, timeline
from registry.office.plan_steps import hold_due_plans
from registry.office.weighing import weigh
from registry.store.procedure import Case
from registry.store.registers import Assessor, Supervision


def visit(small: Any, case_id: int, result: str, state: str = "closed") -> None:
    with small.write() as session:
        plan = session.get_one(Case, session.get_one(Case, case_id).parent_id)
        row = Supervision(
            kind="visit",
            reference=f"DD-2026-{result}",
            company_id=plan.company_id,
            case_id=plan.case_id,
            state=state,
            result=result,
            text=b"",
            proposed_by=7,
            proposed_at=small.clock.now(),
        )
        row.entered_at = small.clock.now()
        session.add(row)


def weighed(small: Any, case_id: int) -> Any:
    with small.read() as session:
        return weigh(session, session.get_one(Case, case_id), small.context("clerk"))


def test_with_nothing_against_it_nothing_is_weighed(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    found = weighed(small, case_id)
    assert (found.assessors, found.visits, found.serious) == ((), (), False)


@pytest.mark.parametrize("state", ["reported", "answered", "closed"])
def test_a_serious_finding_is_seen_and_asks_for_a_reason(
    small: Any, assessing: Any, state: str
) -> None:
    case_id = assessing.submitted()
    visit(small, case_id, "serious", state)
    (seen,) = weighed(small, case_id).visits
    assert (seen.result, seen.serious) == ("有严重问题", True)
    assessing.prepare(case_id)
    with pytest.raises(GuardsFailed, match="质量督导发现严重问题"):
        assessing.approve(case_id, "approver")
    assessing.approve(case_id, "approver", note="问题只涉及考务签到，成绩经复核无误")
    assert assessing.state(case_id) == "approved"


@pytest.mark.parametrize(("result", "state"), [("sound", "closed"), ("to-mend", "closed")])
def test_another_finding_is_seen_and_asks_for_nothing(
    small: Any, assessing: Any, result: str, state: str
) -> None:
    case_id = assessing.submitted()
    visit(small, case_id, result, state)
    visit(small, case_id, "", "voided")
    (seen,) = weighed(small, case_id).visits
    assert not seen.serious
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")


def test_assessors_struck_off_after_the_plan_was_recorded_are_told(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.submitted()
    with small.write() as session:
        session.get_one(Assessor, assessing.planning.assessors[0]).state = "disqualified"
    found = weighed(small, case_id).assessors
    assert any("已取消考评人员资格" in text for text in found)
    assert any("不少于 3 名考评人员" in text or "符合条件的只有" in text for text in found)


def test_they_are_looked_at_again_when_the_plan_is_held(small: Any, assessing: Any) -> None:
    assessing.planning.prepare()
    plan = assessing.planning.draft()
    assessing.planning.step(plan, "submit", "head1")
    assessing.planning.step(plan, "record", "clerk")
    with small.write() as session:
        session.get_one(Assessor, assessing.planning.assessors[0]).state = "disqualified"
    assessing.at(date(2026, 12, 23))
    with small.write() as session:
        hold_due_plans(session, small.desk.context(), small.desk.today())
    with small.read() as session:
        case = session.get_one(Case, plan)
        held, told = timeline(session, case)[-2:]
        assert (held.event, told.event, case.state) == ("hold", "assessors-unfit", "held")
        assert "已取消考评人员资格" in read_note(told, small.context("clerk"))
