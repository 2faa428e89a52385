"""A place on the list carries plans, schemes and results; what was lost with it stays lost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from registry.errors import NotFound
from registry.office import plans, scheme_review
from registry.office.almanac import read_almanac
from registry.office.approving import issue_by_reference
from registry.office.batches import BatchNotReady, open_batch
from registry.office.cases import GuardsFailed, timeline
from registry.office.lapsing import lapse_all
from registry.office.publicity import submit_batch
from registry.rules.errors import ForbiddenStep
from registry.store.certificates import Certificate
from registry.store.procedure import Case, Company

assert scheme_review.prepare


def plan_of(small: Any, case_id: int) -> int:
    with small.read() as session:
        return int(session.get_one(Case, case_id).parent_id)


def delist(small: Any) -> None:
    """Take company 1 off the list, as a decided sanction does."""
    with small.write() as session:
        company, context = session.get_one(Company, 1), small.context("approver")
        company.state = "barred"
        lapse_all(session, company, context, read_almanac(session), today=small.desk.today())


def relist(small: Any) -> None:
    with small.write() as session:
        company = session.get_one(Company, 1)
        company.state, company.listed_on = "listed", small.desk.today()


@pytest.mark.parametrize("state", ["draft", "publicity", "returned"])
def test_results_not_filed_end_with_the_place_on_the_list(
    small: Any, assessing: Any, state: str
) -> None:
    case_id = assessing.filled()
    if state != "draft":
        assessing.publish(case_id)
    if state == "returned":
        assessing.at(date(2026, 12, 31))
        assessing.act(submit_batch, case_id, "head1")
        assessing.give_back(case_id, "clerk", {}, "补充录像")
    delist(small)
    with small.read() as session:
        for one in (case_id, plan_of(small, case_id)):
            case = session.get_one(Case, one)
            assert (case.state, case.turn, case.due_on) == ("lapsed", None, None)
            assert timeline(session, case)[-1].event == "lapse"


def test_plans_end_with_the_place_on_the_list_and_papers_of_the_office_do_not(
    small: Any, assessing: Any
) -> None:
    approved = assessing.approved()
    small.clock.moment = small.clock.moment.replace(year=2026, month=11, day=27)
    draft, recorded = assessing.planning.draft(), assessing.planning.draft()
    assessing.planning.step(recorded, "submit", "head1")
    assessing.planning.step(recorded, "record", "clerk")
    delist(small)
    assert {assessing.planning.state(plan) for plan in (draft, recorded)} == {"lapsed"}
    assert assessing.state(approved) == "approved"
    assert assessing.planning.state(plan_of(small, approved)) == "held"
    with pytest.raises(BatchNotReady, match="不在备案名单内"):
        assessing.issue(approved)


def test_an_approved_batch_is_issued_at_the_machine_by_its_reference(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.approved()
    with small.read() as session:
        reference = session.get_one(Case, case_id).reference
    for _ in range(2):
        with small.write() as session:
            done = issue_by_reference(session, reference, small.desk, small.desk.context())
    assert (done.count, done.recognised) == (2, True)
    with small.read() as session:
        last = timeline(session, session.get_one(Case, case_id))[-1]
        assert (last.event, last.actor, last.account_id) == ("issue", "system", None)
        assert session.query(Certificate).count() == 2
    with small.write() as session, pytest.raises(NotFound):
        issue_by_reference(session, "JG-2026-9999", small.desk, small.desk.context())


@pytest.mark.parametrize("state", ["draft", "publicity", "submitted", "prepared", "refusal"])
def test_nothing_but_an_approved_batch_is_issued_at_the_machine(
    small: Any, assessing: Any, state: str
) -> None:
    case_id = assessing.submitted()
    with small.write() as session:
        case = session.get_one(Case, case_id)
        case.state, reference = state, case.reference
    with small.write() as session, pytest.raises(ForbiddenStep):
        issue_by_reference(session, reference, small.desk, small.desk.context())
    assessing.at(date(2026, 12, 31))


def test_a_company_off_the_list_gets_nothing_at_the_machine(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
        reference = session.get_one(Case, case_id).reference
    with small.write() as session, pytest.raises(BatchNotReady, match="不在备案名单内"):
        issue_by_reference(session, reference, small.desk, small.desk.context())
    with small.read() as session:
        assert session.query(Certificate).count() == 0


def test_what_was_published_before_a_delisting_went_with_it(small: Any, assessing: Any) -> None:
    assessing.planning.prepare()
    scheme, by, context = assessing.planning.scheme, small.who("editor1"), small.context("editor1")
    with small.read() as session:
        assert [item.case_id for item in plans.own_schemes(session, by, context)] == [scheme]
    draft = assessing.planning.draft()
    small.clock.moment += timedelta(days=1)
    relist(small)
    with small.read() as session:
        assert plans.own_schemes(session, by, context) == ()
    with pytest.raises(GuardsFailed, match="评价方案已公布"):
        assessing.planning.open()
    with pytest.raises(GuardsFailed, match="评价方案已公布"):
        assessing.planning.step(draft, "submit", "head1")


def test_a_scheme_of_what_is_filed_no_more_carries_no_plan(small: Any, assessing: Any) -> None:
    assessing.planning.prepare()
    with small.write() as session:
        session.query(Case).filter_by(kind="filing").one().state = "withdrawn"
    with pytest.raises(GuardsFailed, match="评价方案已公布"):
        assessing.planning.open()


def test_a_plan_recorded_before_a_delisting_gives_nothing_after_it(
    small: Any, assessing: Any
) -> None:
    plan = assessing.held_plan()
    relist(small)
    with (
        pytest.raises(BatchNotReady, match="已随企业移出名单失效"),
        small.write() as session,
    ):
        open_batch(session, plan, by=small.who("editor1"), context=small.context("editor1"))
