"""Batches that end without certificates, and the plans under them: a way out of every state."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.approving import issued_results
from registry.office.batches import BatchNotReady, held_plans
from registry.office.cases import CaseMoved, GuardsFailed, get_case, read_note, timeline
from registry.office.closing import NOBODY, close_batch
from registry.office.publicity import submit_batch
from registry.office.steps import take
from registry.rules.errors import ForbiddenStep
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.procedure import Case, CasePerson, Company


def plan_of(small: Any, case_id: int) -> Any:
    with small.read() as session:
        return session.get_one(Case, session.get_one(Case, case_id).parent_id)


def bare(assessing: Any) -> int:
    """Give an approved batch in which nobody passed."""
    case_id = int(assessing.open(assessing.held_plan(people=2)))
    assessing.scores(case_id, assessing.rows(case_id, ("30", "30"), ("90", "59.9")))
    assessing.evidence(case_id)
    assessing.publish(case_id)
    assessing.at(date(2026, 12, 31))
    assessing.act(submit_batch, case_id, "head1")
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    return case_id


def step(small: Any, case_id: int, event: str, login: str, note: str = "") -> None:
    with small.write() as session:
        case = get_case(session, case_id, small.who(login))
        take(session, case, event, small.doing(login, case, note), small.desk)


def test_a_batch_in_which_nobody_passed_is_closed_with_its_plan(small: Any, assessing: Any) -> None:
    case_id = bare(assessing)
    assessing.act(close_batch, case_id, "clerk")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.turn, case.due_on, case.outcome) == ("closed", None, None, "")
        last = timeline(session, case)[-1]
        assert (last.event, read_note(last, small.context("head1"))) == ("close", NOBODY)
        plan = session.get_one(Case, case.parent_id)
        assert (plan.state, plan.turn) == ("closed", None)
        assert timeline(session, plan)[-1].event == "close"
        assert held_plans(session, small.who("head1")) == ()
        assert session.query(Certificate).count() == 0
        actions = [line.action for line in session.query(AuditLine)][-2:]
        assert actions == ["batch-close", "plan-close"]
        with pytest.raises(NotFound, match="尚未发证"):
            issued_results(session, case)
    with pytest.raises(Refused, match="此实施计划已办结"):
        assessing.open(plan.case_id)
    with pytest.raises(ForbiddenStep, match="流程已办结"):
        assessing.act(close_batch, case_id, "clerk")


def test_a_batch_with_somebody_who_passed_is_not_closed(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with pytest.raises(GuardsFailed, match="本批次无合格人员"):
        assessing.act(close_batch, case_id, "clerk")
    with small.write() as session:
        session.query(CasePerson).filter_by(case_id=case_id).update({"passed": False})
    with pytest.raises(BatchNotReady, match="不能办结"):
        assessing.act(close_batch, case_id, "clerk")
    assert (assessing.state(case_id), plan_of(small, case_id).state) == ("approved", "held")


@pytest.mark.parametrize("login", ["approver", "head1", "editor1", "supervisor", "auditor"])
def test_the_clerk_closes_and_nobody_else(assessing: Any, login: str) -> None:
    case_id = bare(assessing)
    with pytest.raises(ForbiddenStep):
        assessing.act(close_batch, case_id, login)


@pytest.mark.parametrize("lost", ["company", "scheme"])
def test_what_was_lost_since_keeps_nobody_from_the_end(
    small: Any, assessing: Any, lost: str
) -> None:
    case_id = bare(assessing)
    with small.write() as session:
        plan = session.get_one(Case, session.get_one(Case, case_id).parent_id)
        if lost == "company":
            session.get_one(Company, 1).state = "barred"
        else:
            session.get_one(Case, plan.parent_id).state = "ended"
    assessing.act(close_batch, case_id, "clerk")
    assert assessing.state(case_id) == "closed"


def test_of_two_who_close_at_once_one_wins(small: Any, assessing: Any) -> None:
    case_id = bare(assessing)
    with small.read() as session:
        stale = small.doing("clerk", session.get_one(Case, case_id))
    with small.write() as session:
        session.get_one(Case, case_id).version += 1
    with pytest.raises(CaseMoved):
        assessing.act(close_batch, case_id, "clerk", doing=stale)
    assert plan_of(small, case_id).state == "held"


def test_a_plan_ends_with_the_certificates_of_its_batch(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    assert plan_of(small, case_id).state == "held"
    assessing.issue(case_id)
    plan = plan_of(small, case_id)
    assert (plan.state, plan.turn) == ("closed", None)
    with pytest.raises(Refused, match="此实施计划已办结"):
        assessing.open(plan.case_id)


def test_a_held_plan_is_the_companys_turn_until_its_batch_is_opened(
    small: Any, assessing: Any
) -> None:
    """Ten working days from 22 December: the guide's term for the publicity of results."""
    plan_id = assessing.held_plan()
    with small.read() as session:
        plan = session.get_one(Case, plan_id)
        assert (plan.turn, plan.due_on) == ("company", date(2027, 1, 6))
    case_id = assessing.open(plan_id)
    with small.read() as session:
        plan, batch = session.get_one(Case, plan_id), session.get_one(Case, case_id)
        assert (plan.turn, plan.due_on, plan.due_term) == (None, None, None)
        assert (batch.turn, batch.due_on) == ("company", date(2027, 1, 6))


def test_a_rejected_batch_gives_the_plan_back(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.prepare(case_id)
    step(small, case_id, "reject", "approver", "现场录像不实")
    plan = plan_of(small, case_id)
    assert (plan.state, plan.turn, plan.due_on) == ("held", "company", date(2027, 1, 6))


def test_an_approval_that_cannot_be_carried_out_is_taken_back(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with pytest.raises(GuardsFailed, match="已说明理由"):
        step(small, case_id, "withdraw-approval", "approver")
    with pytest.raises(ForbiddenStep):
        step(small, case_id, "withdraw-approval", "clerk", "企业已移出名单")
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
    step(small, case_id, "withdraw-approval", "approver", "企业已移出名单")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.turn, case.due_on) == ("submitted", "office", date(2027, 1, 8))
    with pytest.raises(ForbiddenStep):
        assessing.issue(case_id)
    with pytest.raises(BatchNotReady, match="不在备案名单内"):
        assessing.prepare(case_id)
    assessing.give_back(case_id, "clerk", {}, "企业已移出名单，不予备案")
    assert assessing.state(case_id) == "returned"


def test_whoever_prepared_does_not_take_the_approval_back(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 6
    with pytest.raises(GuardsFailed, match="不是同一人"):
        step(small, case_id, "withdraw-approval", "approver", "理由")
