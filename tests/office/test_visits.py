"""From a drawn visit to its end: who is asked, what each side finds on its list, what is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import Refused
from registry.office import draws, sanctions, supervising, visits
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, GuardsFailed
from registry.office.docket import lines_of
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.office.rule_making import NewTerm, make_term
from registry.office.sanction_effects import Ground
from registry.office.steps import take
from registry.office.supervising import Result, Stage
from registry.office.supervision_due import Task, matters
from registry.rules.errors import ForbiddenStep
from registry.rules.terms import Counting, Term, Unit
from registry.store.audit import AuditLine
from registry.store.procedure import Case
from registry.store.registers import Expert, Supervision

TODAY = date(2026, 11, 26)


@pytest.fixture
def visit(small: Any, supervised: Any) -> Any:
    """Give a drawn visit: its id, and the identity of the supervisor who was drawn."""
    supervised.plans(1)
    supervised.supervisors(2)
    by, context = small.who("clerk"), small.context("clerk")
    with small.write() as session:
        draw_id = draws.fix_pool(session, take=1, avoid=(), by=by, context=context).draw_id
    note = supervised.anchor()
    with small.write() as session:
        result = draws.make_draw(session, draw_id, note, by=by, context=context)
    return 1, supervised.visitors[result.drawn[0].supervisor]


def act(small: Any, use_case: Any, visit_id: int, by: Any, *words: Any) -> None:
    who = small.who(by) if isinstance(by, str) else by
    with small.write() as session:
        use_case(session, visit_id, *words, by=who, context=small.desk.context(who))


def report(small: Any, visit: Any, result: Result) -> None:
    act(small, visits.report_visit, visit[0], visit[1], result, "签到不全")


def waiting(small: Any, by: Any) -> Any:
    who = small.who(by) if isinstance(by, str) else by
    with small.read() as session:
        context, almanac = small.desk.context(who), read_almanac(session)
        return matters(session, who, context, almanac, today=small.desk.today())


def tasks(small: Any, by: Any) -> tuple[list[Any], list[Any]]:
    found = waiting(small, by)
    return [one.task for one in found.mine], [one.task for one in found.others]


def words(small: Any, login: str, case_id: int = 1) -> list[str]:
    with small.read() as session:
        case = session.get_one(Case, case_id)
        return [one.word for one in lines_of(session, case, small.who(login), small.context(login))]


def stage(small: Any, row_id: int = 1) -> Stage:
    with small.read() as session:
        return Stage(session.get_one(Supervision, row_id).state)


def test_a_visit_is_on_the_drawn_supervisors_list_until_the_last_day(
    small: Any, supervised: Any, visit: Any
) -> None:
    (one,) = waiting(small, visit[1]).mine
    assert (one.task, one.due_on, one.working_days) == (Task.VISIT, date(2026, 12, 22), 18)
    other = next(v for v in supervised.visitors.values() if v != visit[1])
    assert tasks(small, other) == ([], [])
    assert tasks(small, "head1") == ([], [])
    for login in ("clerk", "approver", "auditor"):
        assert tasks(small, login) == ([], [Task.VISIT])
    small.clock.moment = small.clock.moment.replace(month=12, day=23)
    assert waiting(small, visit[1]).late == 1


def test_a_finding_to_mend_goes_to_the_company_and_back_to_the_office(
    small: Any, visit: Any
) -> None:
    report(small, visit, Result.TO_MEND)
    assert tasks(small, "head1") == ([Task.ANSWER], [])
    assert tasks(small, "clerk") == ([], [Task.ANSWER])
    with pytest.raises(ForbiddenStep):
        act(small, visits.ask_again, 1, "clerk", "请说明")
    with pytest.raises(GuardsFailed, match="须待企业答复"):
        act(small, visits.close_visit, 1, "clerk", "已核实")
    act(small, visits.answer, 1, "editor1", "已补签")
    assert tasks(small, "head1") == ([], [Task.CHECK])
    assert tasks(small, "clerk") == ([Task.CHECK], [])
    with pytest.raises(FormFaults):
        act(small, visits.close_visit, 1, "clerk", " ")
    act(small, visits.ask_again, 1, "clerk", "缺照片")
    assert tasks(small, "head1") == ([Task.ANSWER], [])
    act(small, visits.answer, 1, "head1", "附照片")
    act(small, visits.close_visit, 1, "clerk", "整改属实")
    assert (tasks(small, "head1"), tasks(small, "clerk")) == (([], []), ([], []))
    with small.read() as session:
        item = supervising.get_item(session, 1, small.who("head1"), small.context("head1"))
        lines = session.scalars(select(AuditLine.action).where(AuditLine.subject == item.reference))
        assert list(lines)[-3:] == [*("visit-ask-again", "supervision-answer", "visit-close")]
    assert (item.stage, item.text.answer, item.text.check) == (Stage.CLOSED, "附照片", "整改属实")
    assert item.text.earlier == ("已补签", "缺照片")
    with pytest.raises(ForbiddenStep, match="流程已办结"):
        act(small, visits.close_visit, 1, "clerk", "再核")


def test_a_sound_visit_is_closed_without_an_answer(small: Any, visit: Any) -> None:
    report(small, visit, Result.SOUND)
    assert tasks(small, "head1") == ([], [Task.CHECK])
    assert tasks(small, "clerk") == ([Task.CHECK], [])
    act(small, visits.close_visit, 1, "clerk", "")
    assert stage(small) is Stage.CLOSED


@pytest.mark.parametrize("login", ["head1", "approver", "supervisor", "auditor"])
def test_the_clerk_checks_and_nobody_else(small: Any, visit: Any, login: str) -> None:
    report(small, visit, Result.SOUND)
    for use_case in (visits.close_visit, visits.ask_again):
        with pytest.raises(NotAllowed):
            act(small, use_case, 1, login, "已核实")
    assert stage(small) is Stage.REPORTED


def test_an_answer_is_sent_back_four_times_at_most(small: Any, visit: Any) -> None:
    report(small, visit, Result.SERIOUS)
    for _ in range(4):
        act(small, visits.answer, 1, "head1", "已整改")
        act(small, visits.ask_again, 1, "clerk", "不详")
    act(small, visits.answer, 1, "head1", "已整改")
    with pytest.raises(Refused, match="提议处理"):
        act(small, visits.ask_again, 1, "clerk", "不详")


def test_the_plans_timeline_tells_each_side_what_it_may_know(small: Any, visit: Any) -> None:
    assert words(small, "clerk")[-1] == "抽中质量督导"
    assert words(small, "head1") == ["新建"]
    report(small, visit, Result.TO_MEND)
    act(small, visits.answer, 1, "head1", "已补签")
    act(small, visits.close_visit, 1, "clerk", "整改属实")
    told = ["提交督导意见", "企业答复督导意见", "督导意见核实办结"]
    assert words(small, "head1") == ["新建", *told]
    assert words(small, "auditor") == ["新建", "抽中质量督导", *told]
    with small.read() as session:
        by = small.who("head1")
        lines = lines_of(session, session.get_one(Case, 1), by, small.context("head1"))
    assert [line.note for line in lines][1:] == ["DD-2026-0001：需整改", *["DD-2026-0001"] * 2]
    assert [line.who for line in lines][1:] == ["质量督导员", "企业负责人", "办公室经办人"]


@pytest.mark.parametrize(("event", "login"), [("cancel", "head1"), ("stop", "approver")])
def test_a_plan_that_is_not_held_is_not_visited(
    small: Any, visit: Any, event: str, login: str
) -> None:
    from registry.office import plan_steps

    assert plan_steps.submit_plan
    with small.write() as session:
        case = session.get_one(Case, 1)
        case.prepared_by = 5
        take(session, case, event, small.doing(login, case, "设备检修"), small.desk)
    assert stage(small) is Stage.VOIDED
    assert tasks(small, visit[1]) == ([], [])
    assert words(small, "clerk")[-1] == "计划未实施，不再督导"
    assert "不再督导" not in "".join(words(small, "head1"))
    with pytest.raises(CaseMoved, match="计划未实施"):
        report(small, visit, Result.SOUND)


def test_terms_run_once_the_office_has_made_a_rule(small: Any, visit: Any) -> None:
    report(small, visit, Result.TO_MEND)
    assert waiting(small, "head1").mine[0].due_on is None
    for term, length in ((Term.SUPERVISION_ANSWER, 5), (Term.SUPERVISION_CHECK, 3)):
        with small.write() as session:
            new = NewTerm(
                term=term,
                length=length,
                unit=Unit.WORKING_DAYS,
                counting=Counting.FROM_THE_NEXT,
                basis="示例督导工作指引",
                since=TODAY,
                reason="示例",
            )
            make_term(
                session,
                new,
                by=small.who("approver"),
                context=small.context("approver"),
                today=TODAY,
            )
    (one,) = waiting(small, "head1").mine
    assert (one.due_on, one.due_provisional, one.working_days) == (date(2026, 12, 3), False, 5)
    act(small, visits.answer, 1, "head1", "已补签")
    (one,) = waiting(small, "clerk").mine
    assert (one.task, one.due_on) == (Task.CHECK, date(2026, 12, 1))
    assert waiting(small, "clerk").soon == 1


def test_a_proposal_waits_for_the_approver_and_may_be_answered(small: Any, supervised: Any) -> None:
    supervised.list_company(1)
    with small.write() as session:
        sanctions.propose_delisting(
            session,
            1,
            Ground.CHEATING,
            "组织舞弊",
            by=small.who("clerk"),
            context=small.context("clerk"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
    assert tasks(small, "head1") == ([Task.BE_HEARD], [])
    assert tasks(small, "approver") == ([Task.DECIDE], [])
    assert tasks(small, "clerk") == ([], [Task.DECIDE])
    act(small, visits.answer, 1, "head1", "申请复核")
    assert tasks(small, "head1") == ([], [Task.DECIDE])
    assert tasks(small, "head2") == ([], [])


def test_a_visit_of_somebody_without_an_account_is_the_clerks_to_mend(
    small: Any, visit: Any
) -> None:
    with small.write() as session:
        for row in session.scalars(select(Expert)):
            row.account_id = None
    assert tasks(small, "clerk") == ([Task.TIE], [])
    assert tasks(small, visit[1]) == ([], [])


def test_one_damaged_plan_does_not_take_the_list_away(small: Any, visit: Any) -> None:
    with small.write() as session:
        case = session.get_one(Case, 1)
        case.form = case.form[:-1] + bytes([case.form[-1] ^ 1])
    (one,) = waiting(small, visit[1]).mine
    assert (one.task, one.due_on) == (Task.VISIT, None)
