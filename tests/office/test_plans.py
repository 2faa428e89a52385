"""A plan from its opening to the day it is held, and each thing that keeps it back."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, GuardsFailed, get_case, read_form, timeline
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.office.milestones import list_milestones, open_milestone
from registry.office.plan_check import Part, PlanNotReady, check_plan
from registry.office.plan_form import Training, parse_form
from registry.office.plan_steps import hold_due_plans, return_plan
from registry.office.plans import open_plan, put_roster, set_training
from registry.office.rosters import people_of, read_row_findings, roster_lines
from registry.rules.errors import ForbiddenStep
from registry.rules.findings import Findings
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CasePerson, Company
from registry.store.registers import Assessor, RuleRow

FIRST, LAST = date(2026, 12, 21), date(2026, 12, 22)


def at(small: Any, day: date) -> None:
    small.clock.moment = datetime(day.year, day.month, day.day, 2, 0, tzinfo=UTC)


def test_a_plan_goes_its_way_until_it_is_held(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.first_day, case.due_on, case.turn) == (FIRST, date(2026, 12, 7), "company")
        assert case.title == "车工（数控车工） 四级/中级工、三级/高级工 2026-12-21"
    planning.step(case_id, "submit", "head1")
    planning.step(case_id, "record", "clerk")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        (milestone,) = list_milestones(session, case.reference)
        facts = open_milestone(milestone, small.context("clerk")).facts
        document = hashlib.sha256(read_form(case, small.context("clerk"))).hexdigest()
        assert (facts.kind.value, facts.date, facts.document) == ("plan", "2026-11-26", document)
        assert timeline(session, case)[-1].milestone_id == milestone.milestone_id
        assert (case.turn, case.due_on) == ("company", None)
    for day, state in ((LAST, "recorded"), (LAST + timedelta(1), "held")):
        at(small, day)
        for _again in range(2):
            with small.write() as session:
                hold_due_plans(session, small.desk.context(), day)
        assert planning.state(case_id) == state
    with small.read() as session:
        case = session.get_one(Case, case_id)
        # Ten working days for the results, from the last day on.
        assert (case.turn, case.due_on) == ("company", date(2027, 1, 6))
        assert [line.event for line in timeline(session, case)].count("hold") == 1
        assert len(people_of(session, case, small.context("clerk"))) == 3


def test_a_plan_that_cannot_be_read_does_not_keep_the_others(small: Any, planning: Any) -> None:
    first, second = planning.draft(), planning.draft(people=4)
    for case_id in (first, second):
        planning.step(case_id, "submit", "head1")
        planning.step(case_id, "record", "clerk")
    with small.write() as session:
        damaged = session.get_one(Case, first)
        damaged.form = damaged.form[:-1] + bytes([damaged.form[-1] ^ 1])
        reference = damaged.reference
    with small.write() as session:
        done = hold_due_plans(session, small.desk.context(), date(2027, 1, 4))
    assert done.unreadable == (reference,)
    assert (planning.state(first), planning.state(second)) == ("recorded", "held")


def test_persons_stand_sealed_and_are_shown_masked(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.read() as session:
        stored = b"".join(row.sealed for row in session.query(CasePerson))
        stored += session.get_one(Case, case_id).form
        assert "员工".encode() not in stored
        assert b"44030119850101" not in stored
        case = session.get_one(Case, case_id)
        lines, total = roster_lines(session, case, small.context("clerk"), page=1, size=2)
        assert (len(lines), total) == (2, 3)
        assert lines[0].name == "员**"
        assert lines[0].id_number.startswith("440****")
        audits = " ".join(f"{a.subject} {a.detail}" for a in session.query(AuditLine))
        assert "员工" not in audits
        assert "4403011985" not in audits


def test_rows_of_one_person_do_not_open_in_anothers_place(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.write() as session:
        one, two = (
            session.get_one(CasePerson, (case_id, 2)),
            session.get_one(CasePerson, (case_id, 3)),
        )
        one.sealed, two.sealed = two.sealed, one.sealed
    with small.read() as session, pytest.raises(Exception, match="does not open"):
        people_of(session, session.get_one(Case, case_id), small.context("clerk"))


@pytest.mark.parametrize(
    ("today", "passes"),
    [(date(2026, 12, 7), True), (date(2026, 12, 8), False), (date(2026, 12, 21), False)],
)
def test_ten_working_days_ahead_and_not_a_day_less(
    small: Any, planning: Any, today: date, passes: bool
) -> None:
    case_id = planning.draft()
    at(small, today)
    if passes:
        planning.step(case_id, "submit", "head1")
        assert planning.state(case_id) == "submitted"
        return
    with pytest.raises(PlanNotReady, match="提前 10 个工作日") as refused:
        planning.step(case_id, "submit", "head1")
    if today < FIRST:
        assert "须在 2026年12月7日 或者以前报送，现已逾期" in str(refused.value)
    assert planning.state(case_id) == "draft"


def test_a_late_first_day_is_told_the_earliest_one(small: Any, planning: Any) -> None:
    planning.prepare()
    case_id = planning.open()
    with pytest.raises(FormFaults) as rejected:
        planning.times(case_id, first=date(2026, 12, 9), last=date(2026, 12, 9))
    (fault,) = rejected.value.faults
    assert fault.field == "first_day"
    # From Thursday 26 November: ten working days are full on 9 December.
    assert fault.text.endswith("今天报送的，最早可安排在 2026年12月10日")
    planning.times(case_id, first=date(2026, 12, 10), last=date(2026, 12, 10))


def test_a_late_plan_has_no_excuse(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    at(small, date(2026, 12, 8))
    with pytest.raises(PlanNotReady):
        planning.step(case_id, "submit", "head1", note="设备故障，情况特殊")


def test_a_newer_rule_counts_for_a_later_first_day(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.write() as session:
        session.add(
            RuleRow(
                kind="term",
                name="plan-ahead",
                length=15,
                unit="working-days",
                counting="ahead",
                turn="company",
                basis="新规定",
                since=date(2026, 12, 1),
                made_at=small.clock.now(),
                made_by="approver",
            )
        )
    at(small, date(2026, 12, 1))
    with pytest.raises(PlanNotReady, match=r"提前 15 个工作日.*须在 2026年11月30日"):
        planning.step(case_id, "submit", "head1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "disqualified"}, "已取消考评人员资格"),
        ({"occupations": "6-31-01-03"}, "考评范围不含职业 6-18-01-01"),
        (
            {"valid_until": date(2026, 12, 21)},
            "资格有效期至 2026-12-21，早于评价最后一天 2026-12-22",
        ),
    ],
)
def test_an_unfit_assessor_is_refused_at_choice_at_submit_and_at_record(
    small: Any, planning: Any, change: dict[str, Any], words: str
) -> None:
    case_id, later = planning.draft(), planning.draft()
    planning.step(later, "submit", "head1")
    with small.write() as session:
        row = session.get_one(Assessor, planning.assessors[1])
        for name, value in change.items():
            setattr(row, name, value)
    with pytest.raises(FormFaults, match=words):
        planning.choose(case_id, planning.assessors)
    with pytest.raises(PlanNotReady, match=words) as refused:
        planning.step(case_id, "submit", "head1")
    assert f"考评{chr(0x4E00 + 901)}" not in str(refused.value)
    assert "4403011985" not in str(refused.value)
    with pytest.raises(PlanNotReady, match=words):
        planning.step(later, "record", "clerk")
    assert planning.state(later) == "submitted"


def test_two_assessors_are_too_few(planning: Any) -> None:
    case_id = planning.draft()
    with pytest.raises(FormFaults, match="不少于 3 名考评人员，现选 2 名"):
        planning.choose(case_id, planning.assessors[:2])


def test_an_assessor_of_another_company_is_none(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.write() as session:
        session.get_one(Assessor, planning.assessors[0]).company_id = 2
    with pytest.raises(PlanNotReady, match="不是本企业登记的"):
        planning.step(case_id, "submit", "head1")


def test_an_assessor_on_the_roster_is_found_by_the_id(planning: Any) -> None:
    case_id = planning.draft()
    cells = planning.roster.__globals__["cells"]
    rows = [cells(0), cells(901, name="另一写法")]
    checked = planning.roster(case_id, rows)
    assert not checked.acceptable
    (finding,) = checked.findings.listed
    assert (finding.code.value, finding.where.row) == ("planned-assessor", 3)
    other = [planning.assessor(serial) for serial in (0, 10, 11)]
    planning.choose(case_id, other)
    with pytest.raises(PlanNotReady, match="名册有 1 处错误，在第 2 行"):
        planning.step(case_id, "submit", "head1")


def test_a_roster_is_held_against_the_days_as_they_are_now(planning: Any) -> None:
    case_id = planning.draft()
    cells = planning.roster.__globals__["cells"]
    sent = {"employment": "劳务派遣", "employer": "甲公司", "dispatched_since": "2025-12-20"}
    assert planning.roster(case_id, [cells(0), cells(1, **sent)]).acceptable
    planning.times(case_id, first=date(2026, 12, 17), last=date(2026, 12, 18))
    with pytest.raises(PlanNotReady, match="名册有 1 处错误，在第 3 行"):
        planning.step(case_id, "submit", "head1")


def test_a_bad_roster_leaves_the_one_before(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    cells = planning.roster.__globals__["cells"]
    assert not planning.roster(case_id, [cells(7), cells(7)]).acceptable
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert [p.row for p in people_of(session, case, small.context("clerk"))] == [2, 3, 4]
    assert planning.roster(case_id, [cells(7)]).acceptable
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert parse_form(read_form(case, small.context("clerk"))).people == 1
        assert len(people_of(session, case, small.context("clerk"))) == 1


def test_rows_changed_behind_the_forms_back_are_noticed(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.write() as session:
        session.delete(session.get_one(CasePerson, (case_id, 3)))
    with pytest.raises(PlanNotReady, match="名册与计划不一致"):
        planning.step(case_id, "submit", "head1")


def test_training_comes_before_assessment(planning: Any) -> None:
    case_id = planning.draft()
    with pytest.raises(FormFaults, match="先培训、后评价"):
        planning.training(case_id, last=FIRST)


def test_an_empty_plan_is_told_all_that_is_missing(small: Any, planning: Any) -> None:
    planning.prepare()
    case_id = planning.open()
    with small.read() as session:
        case = session.get_one(Case, case_id)
        check = check_plan(
            session,
            case,
            context=small.context("head1"),
            almanac=read_almanac(session),
            today=planning.today(),
        )
    assert not check.ready
    assert all(check.of(part) for part in (Part.TIMES, Part.ASSESSORS, Part.ROSTER, Part.TRAINING))
    with pytest.raises(Refused, match="请先填写“时间地点”"):
        planning.roster(case_id, [])


def test_company_and_scheme_must_stand(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
        session.get_one(Case, planning.scheme).state = "ended"
    with pytest.raises(PlanNotReady, match="企业在备案名单内；须职业（工种）评价方案已公布"):
        planning.step(case_id, "submit", "head1")
    with pytest.raises(GuardsFailed, match="企业在备案名单内"):
        planning.open()


def test_nobody_else_opens_or_fills_in(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    for login in ("editor2", "clerk"):
        by, context = small.who(login), small.context(login)
        with small.write() as session, pytest.raises(NotFound):
            open_plan(session, planning.scheme, by=by, context=context, today=planning.today())
    training = Training(
        hours=8, content="安全", first_day=date(2026, 11, 2), last_day=date(2026, 11, 2)
    )
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing, context = small.doing("clerk", case), small.context("clerk")
        with pytest.raises(NotAllowed):
            set_training(session, case, training, doing=doing, context=context)
    with pytest.raises(ForbiddenStep):
        planning.step(case_id, "submit", "editor1")


def test_returned_with_rows_and_sent_in_again(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    planning.step(case_id, "submit", "head1")
    with small.write() as session:
        case = get_case(session, case_id, small.who("clerk"))
        rows = read_row_findings(session, case, "第3行：合同已到期\n\n4 请附派遣协议")
        return_plan(session, case, rows, small.doing("clerk", case, "两人存疑"), small.desk)
    with small.read() as session:
        case = session.get_one(Case, case_id)
        lines, _ = roster_lines(session, case, small.context("head1"), page=1, size=50)
        assert [line.finding for line in lines] == ["", "合同已到期", "请附派遣协议"]
        assert (case.state, case.turn, case.due_on) == ("returned", "company", date(2026, 12, 7))
    cells = planning.roster.__globals__["cells"]
    planning.roster(case_id, [cells(0)])
    planning.step(case_id, "submit", "head1")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        lines, _ = roster_lines(session, case, small.context("head1"), page=1, size=50)
        assert [line.finding for line in lines] == [""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("合同到期", "第 1 条意见请写成"),
        ("99 不在册", "名册中没有第 99 行"),
        ("2 " + "长" * 201, "超过 200 字"),
    ],
)
def test_a_finding_must_name_a_row(small: Any, planning: Any, text: str, words: str) -> None:
    case_id = planning.draft()
    with small.read() as session, pytest.raises(FormFaults, match=words):
        read_row_findings(session, session.get_one(Case, case_id), text)


def test_who_recorded_a_plan_does_not_stop_it(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    planning.step(case_id, "submit", "head1")
    planning.step(case_id, "record", "clerk")
    with pytest.raises(GuardsFailed, match="已说明理由"):
        planning.step(case_id, "stop", "approver")
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 6
    with pytest.raises(GuardsFailed, match="不是同一人"):
        planning.step(case_id, "stop", "approver", note="场地不符")
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 5
    planning.step(case_id, "stop", "approver", note="场地不符")
    assert planning.state(case_id) == "stopped"


def test_cancelled_by_the_head_with_a_reason(planning: Any) -> None:
    case_id = planning.draft()
    planning.step(case_id, "submit", "head1")
    with pytest.raises(GuardsFailed, match="已说明理由"):
        planning.step(case_id, "cancel", "head1")
    planning.step(case_id, "cancel", "head1", note="订单调整")
    assert planning.state(case_id) == "cancelled"


def test_of_two_rosters_at_once_one_is_kept_whole(small: Any, planning: Any) -> None:
    case_id = planning.draft()
    with small.read() as session:
        seen = small.doing("editor1", session.get_one(Case, case_id))
    cells = planning.roster.__globals__["cells"]
    planning.roster(case_id, [cells(20)])
    with pytest.raises(CaseMoved), small.write() as session:
        put_roster(
            session,
            session.get_one(Case, case_id),
            [(2, cells(21)), (3, cells(22))],
            form=Findings(),
            doing=seen,
            context=small.context("editor1"),
            today=planning.today(),
        )
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert len(people_of(session, case, small.context("editor1"))) == 1
