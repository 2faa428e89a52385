"""No state of the procedure is a dead end, and no old paper opens a new way (六、七（二））."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.office import scheme_review
from registry.office.almanac import read_almanac
from registry.office.approving import review
from registry.office.batches import held_plans
from registry.office.cases import GuardsFailed, get_case, read_note, timeline
from registry.office.closing import close_batch
from registry.office.form_faults import FormFaults
from registry.office.lapsing import lapse_all
from registry.office.milestones import list_milestones, open_milestone
from registry.office.publicity import start_publicity, submit_batch
from registry.office.results import result_lines
from registry.office.steps import take
from registry.office.withholding import withhold
from registry.rules.errors import ForbiddenStep
from registry.rules.findings import FindingCode
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.procedure import Case, Company

assert scheme_review.prepare


def step(small: Any, case_id: int, event: str, login: str, note: str = "") -> None:
    with small.write() as session:
        case = get_case(session, case_id, small.who(login))
        take(session, case, event, small.doing(login, case, note), small.desk)


def plan_of(small: Any, case_id: int) -> int:
    with small.read() as session:
        return int(session.get_one(Case, case_id).parent_id)


def scheme_of(small: Any, case_id: int) -> int:
    return plan_of(small, plan_of(small, case_id))


def end_scheme(small: Any, scheme_id: int) -> None:
    with small.write() as session:
        session.get_one(Case, scheme_id).prepared_by = 5
    step(small, scheme_id, "end", "approver", "企业停止评价该职业")


def delist(small: Any) -> None:
    """Take company 1 off the list, as a decided sanction does."""
    with small.write() as session:
        company, context = session.get_one(Company, 1), small.context("approver")
        company.state = "barred"
        lapse_all(session, company, context, read_almanac(session), today=small.desk.today())


def named(small: Any, case_id: int, reasons: dict[int, str], login: str = "clerk") -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        withhold(session, case, reasons, small.doing(login, case), small.context(login))


def seen(small: Any, case_id: int) -> Any:
    with small.read() as session:
        return review(
            session,
            session.get_one(Case, case_id),
            drawable=lambda _char: True,
            context=small.context("clerk"),
            today=small.desk.today(),
        )


def test_a_scheme_that_ended_strands_no_batch_of_a_plan_recorded_before(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.submitted()
    end_scheme(small, scheme_of(small, case_id))
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    assert assessing.issue(case_id).count == 2


def test_no_plan_is_recorded_on_a_scheme_that_ended(small: Any, assessing: Any) -> None:
    plan = assessing.planning.draft()
    assessing.planning.step(plan, "submit", "head1")
    end_scheme(small, assessing.planning.scheme)
    with pytest.raises(GuardsFailed, match="评价方案已公布"):
        assessing.planning.step(plan, "record", "clerk")


def test_one_who_holds_the_certificate_keeps_nobody_else_from_theirs(
    small: Any, assessing: Any
) -> None:
    assessing.issue(assessing.approved(people=2))
    small.clock.moment = small.clock.moment.replace(year=2026, month=11, day=27)
    again = assessing.submitted(people=4)
    held = [f for f in seen(small, again).findings.listed if f.code is FindingCode.ALREADY_HELD]
    assert [found.where.row for found in held] == [2]
    with pytest.raises(GuardsFailed, match="名册无错误"):
        assessing.prepare(again)
    named(small, again, {2: "已持有同一职业同一等级证书"})
    now = seen(small, again)
    assert (now.passed, now.withheld, now.sound) == (2, 1, True)
    assessing.prepare(again)
    assessing.approve(again, "approver")
    assert assessing.issue(again).count == 2
    with small.read() as session:
        assert session.query(Certificate).count() == 3
        case, context = session.get_one(Case, again), small.context("head1")
        from registry.office.batches import basis_of

        schemes = basis_of(session, case, context).schemes
        lines = result_lines(session, case, schemes, context)
        assert {line.row: line.withheld for line in lines if line.withheld} == {
            2: "已持有同一职业同一等级证书"
        }
        (line,) = [line for line in timeline(session, case) if line.event == "withhold"]
        assert read_note(line, context) == "不核发证书：第 2 行，共 1 人"
        assert session.query(AuditLine).filter_by(action="batch-withhold").count() == 1


def test_the_roster_already_warns_of_who_holds_the_certificate(
    small: Any, assessing: Any, beside: Any
) -> None:
    assessing.issue(assessing.approved(people=2))
    small.clock.moment = small.clock.moment.replace(year=2026, month=11, day=27)
    plan = assessing.planning.open()
    assessing.planning.times(plan)
    assessing.planning.choose(plan, assessing.planning.assessors)
    cells = beside("plan_office").cells
    rows = [cells(serial) for serial in range(3)]
    checked = assessing.planning.roster(plan, rows)
    assert checked.acceptable
    (warned,) = [f for f in checked.findings.listed if f.code is FindingCode.PLANNED_HOLDS]
    assert (warned.where.row, warned.where.column) == (2, "id_number")


def test_only_who_passed_is_named_and_only_by_the_clerk_under_review(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.submitted()
    with pytest.raises(FormFaults, match="第 4、99 行不合格"):
        named(small, case_id, {2: "已持证", 4: "不合格", 99: "没有此行"})
    with pytest.raises(ForbiddenStep):
        named(small, case_id, {2: "已持证"}, login="approver")
    named(small, case_id, {2: "已持证", 3: "已持证"})
    named(small, case_id, {3: "已持证"})
    assert seen(small, case_id).passed == 1
    assessing.prepare(case_id)
    with pytest.raises(ForbiddenStep):
        named(small, case_id, {})
    assessing.approve(case_id, "approver")
    with pytest.raises(GuardsFailed, match="均不核发证书"):
        assessing.act(close_batch, case_id, "clerk")
    assert assessing.issue(case_id).count == 1


def test_where_nobody_is_left_the_batch_is_closed(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    named(small, case_id, {2: "已持证", 3: "已持证"})
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    assessing.act(close_batch, case_id, "clerk")
    assert assessing.state(case_id) == "closed"


@pytest.mark.parametrize("broken", ["", "delisted", "results"])
def test_an_unsound_batch_is_refused_by_four_eyes(small: Any, assessing: Any, broken: str) -> None:
    case_id = assessing.submitted()
    if broken == "delisted":
        delist(small)
    if broken == "results":
        with small.write() as session:
            from registry.store.procedure import CasePerson

            session.query(CasePerson).filter_by(case_id=case_id).update({"passed": True})
    assert assessing.state(case_id) == "submitted"
    with pytest.raises(GuardsFailed, match="已说明理由"):
        step(small, case_id, "propose-refusal", "clerk")
    step(small, case_id, "propose-refusal", "clerk", "录像系伪造")
    with small.read() as session:
        assert session.get_one(Case, case_id).turn == "office"
    with pytest.raises(ForbiddenStep):
        step(small, case_id, "approve", "approver")
    with pytest.raises(ForbiddenStep):
        assessing.prepare(case_id)
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 6
    with pytest.raises(GuardsFailed, match="不是同一人"):
        step(small, case_id, "reject", "approver", "录像系伪造")
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 5
    step(small, case_id, "reject", "approver", "录像系伪造")
    with small.read() as session:
        plan = session.get_one(Case, plan_of(small, case_id))
        assert assessing.state(case_id) == "rejected"
        # The company may register anew; off the list it may not, and the plan ends too.
        expected = ("lapsed", None) if broken == "delisted" else ("held", "company")
        assert (plan.state, plan.turn) == expected


def test_a_proposed_refusal_goes_back_to_the_clerk(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    step(small, case_id, "propose-refusal", "clerk", "录像存疑")
    assessing.give_back(case_id, "approver", {}, "请先核实录像")
    assert assessing.state(case_id) == "submitted"
    assessing.prepare(case_id)


def test_after_a_return_for_papers_no_publicity_is_held_again(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.give_back(case_id, "clerk", {}, "补充录像")
    assessing.at(date(2027, 1, 5))
    assessing.evidence(case_id, f"文档\t理论试卷\t{'c' * 64}\t1024")
    assessing.act(submit_batch, case_id, "head1")
    assert assessing.state(case_id) == "submitted"
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    assert assessing.issue(case_id).count == 2


def test_changed_results_go_into_publicity_again(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.give_back(case_id, "clerk", {}, "成绩有误")
    rows = assessing.rows(case_id, ("80", "75.5"), ("80", "75.5"), ("90", "90"))
    assert assessing.scores(case_id, rows).acceptable
    with pytest.raises(GuardsFailed, match="与已公示的一致"):
        assessing.act(submit_batch, case_id, "head1")
    assessing.act(start_publicity, case_id, "head1")
    assert assessing.state(case_id) == "publicity"


def test_an_approval_that_was_withdrawn_can_be_given_on_another_day(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.approved()
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 5
    step(small, case_id, "withdraw-approval", "approver", "有人已持证")
    assessing.at(date(2027, 1, 4))
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    assert assessing.issue(case_id).ranges[0][0].startswith("Y000044999001274")
    with small.read() as session:
        reference = session.get_one(Case, case_id).reference
        found = [
            open_milestone(row, small.context("clerk")).facts.date
            for row in list_milestones(session, reference)
            if row.kind == "approval"
        ]
        assert found == ["2026-12-31", "2027-01-04"]


def test_mended_too_late_needs_a_reason(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.give_back(case_id, "clerk", {}, "补充录像")
    assessing.at(date(2027, 1, 11))
    with pytest.raises(GuardsFailed, match="逾期理由"):
        assessing.act(submit_batch, case_id, "head1")
    assessing.act(submit_batch, case_id, "head1", note="录像拷贝损坏，重新调取")


def test_a_plan_nobody_carried_out_is_reported_and_ends(small: Any, assessing: Any) -> None:
    plan = assessing.held_plan()
    with pytest.raises(ForbiddenStep):
        step(small, plan, "report-not-held", "editor1", "设备检修")
    with pytest.raises(GuardsFailed, match="已说明理由"):
        step(small, plan, "report-not-held", "head1")
    step(small, plan, "report-not-held", "head1", "设备检修，未组织评价")
    with small.read() as session:
        case = session.get_one(Case, plan)
        assert (case.state, case.turn) == ("not-held", None)
        assert held_plans(session, small.who("head1")) == ()


def test_a_plan_with_results_was_held(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    with pytest.raises(GuardsFailed, match="没有登记评价结果"):
        step(small, plan_of(small, case_id), "report-not-held", "head1", "未组织")
