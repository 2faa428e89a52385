"""Publicity: five working days and no day less, objections, filing in time or with a reason."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.errors import NotFound
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, GuardsFailed, timeline
from registry.office.form_faults import FormFaults
from registry.office.milestones import list_milestones, open_milestone
from registry.office.publicity import (
    documents_of,
    handle_objection,
    publicity_of,
    record_objection,
    start_publicity,
    submit_batch,
    take_back,
)
from registry.rules.errors import ForbiddenStep
from registry.store.procedure import Case, CasePerson

STARTED, LAST, OVER = date(2026, 12, 23), date(2026, 12, 30), date(2026, 12, 31)
FILE_BY = date(2027, 1, 21)
"""Fifteen working days after 30 December, New Year's Day off."""


def publicity(small: Any, case_id: int) -> Any:
    with small.read() as session:
        case = session.get_one(Case, case_id)
        return publicity_of(
            session,
            case,
            small.context("clerk"),
            read_almanac(session),
            today=small.desk.today(),
        )


def test_it_lasts_five_working_days_and_then_the_filing_runs(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    assessing.publish(case_id)
    now = publicity(small, case_id)
    assert (now.first_day, now.last_day, now.length) == (STARTED, LAST, 5)
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.due_from, case.due_on, case.turn) == (LAST, FILE_BY, "company")
    assessing.at(LAST)
    assert not publicity(small, case_id).over
    with pytest.raises(GuardsFailed, match="公示期满"):
        assessing.act(submit_batch, case_id, "head1", note="着急")
    assessing.at(OVER)
    assessing.act(submit_batch, case_id, "head1")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.received_on, case.turn) == ("submitted", OVER, "office")
        # Five working days for the office's review, counted from the next day on.
        assert case.due_on == date(2027, 1, 8)


def test_publicity_and_filing_are_on_the_record(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    context = small.context("clerk")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        found = [open_milestone(m, context).facts for m in list_milestones(session, case.reference)]
        assert [(facts.kind.value, facts.date) for facts in found] == [
            ("publicity", "2026-12-30"),
            ("results", "2026-12-31"),
        ]
        documents = documents_of(case, publicity(small, case_id), context)
        assert tuple(facts.document for facts in found) == documents
        assert timeline(session, case)[-1].milestone_id is not None


@pytest.mark.parametrize(("day", "passes"), [(FILE_BY, True), (date(2027, 1, 22), False)])
def test_a_late_filing_needs_a_reason(small: Any, assessing: Any, day: date, passes: bool) -> None:
    case_id = assessing.filled()
    assessing.publish(case_id)
    assessing.at(day)
    if not passes:
        with pytest.raises(GuardsFailed, match="逾期理由"):
            assessing.act(submit_batch, case_id, "head1", note="  ")
        assert assessing.state(case_id) == "publicity"
    assessing.act(submit_batch, case_id, "head1", note="" if passes else "系统停电")
    assert assessing.state(case_id) == "submitted"


def test_an_objection_stands_until_it_is_handled(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    assessing.publish(case_id)
    assessing.act(record_objection, case_id, "editor1", "对 3 号技能成绩有异议")
    assessing.act(record_objection, case_id, "editor1", "异议1处理：假装已处理")
    now = publicity(small, case_id)
    assert [item.number for item in now.unhandled] == [1, 2]
    with small.read() as session:
        assert session.get_one(Case, case_id).due_on == FILE_BY
    assessing.at(OVER)
    with pytest.raises(GuardsFailed, match="异议已处理"):
        assessing.act(submit_batch, case_id, "head1")
    for number in (1, 2):
        assessing.act(handle_objection, case_id, "editor1", number, "经复核，成绩无误", named=True)
    now = publicity(small, case_id)
    assert now.over
    assert (now.objections[0].text, now.objections[0].handling) == (
        "对 3 号技能成绩有异议",
        "经复核，成绩无误",
    )
    with pytest.raises(NotFound, match="已有处理结果"):
        assessing.act(handle_objection, case_id, "editor1", 1, "再处理", named=True)
    assessing.act(submit_batch, case_id, "head1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  ", "请写明异议内容"),
        ("字" * 501, "超过 500 字"),
        ("我是 11010519491231002X", "证件号码"),
    ],
)
def test_what_an_objection_must_not_be(small: Any, assessing: Any, text: str, says: str) -> None:
    case_id = assessing.filled()
    assessing.publish(case_id)
    with pytest.raises(FormFaults, match=says) as refused:
        assessing.act(record_objection, case_id, "editor1", text)
    assert "11010519491231002X" not in str(refused.value)


def test_taken_back_it_starts_again_from_nothing(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    assessing.publish(case_id)
    assessing.act(record_objection, case_id, "editor1", "有异议")
    with pytest.raises(GuardsFailed, match="已说明理由"):
        assessing.act(take_back, case_id, "head1")
    assessing.act(take_back, case_id, "head1", note="异议成立，更正成绩")
    assert publicity(small, case_id) is None
    with small.read() as session:
        case = session.get_one(Case, case_id)
        # The term counts from the assessment's last day still: taking back buys no time.
        assert (case.state, case.due_from) == ("draft", date(2026, 12, 22))
    assessing.at(date(2026, 12, 28))
    assessing.publish(case_id)
    now = publicity(small, case_id)
    assert (now.first_day, now.last_day, now.objections) == (
        date(2026, 12, 28),
        date(2027, 1, 5),
        (),
    )


def test_only_the_head_publishes_and_files(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    with pytest.raises(ForbiddenStep, match="企业负责人"):
        assessing.act(start_publicity, case_id, "editor1")
    assessing.publish(case_id)
    assessing.at(OVER)
    with pytest.raises(ForbiddenStep, match="企业负责人"):
        assessing.act(submit_batch, case_id, "editor1")
    with pytest.raises(ForbiddenStep):
        assessing.act(record_objection, case_id, "clerk", "有异议")
    with pytest.raises(NotFound):
        assessing.act(submit_batch, case_id, "head2")


def test_scores_stand_still_while_they_are_public(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    rows = assessing.rows(case_id, *[("90", "90")] * 3)
    assessing.publish(case_id)
    with pytest.raises(Exception, match="不能再修改"):
        assessing.scores(case_id, rows)
    with small.read() as session:
        passed = [r.passed for r in session.query(CasePerson).filter_by(case_id=case_id)]
    assert passed == [True, True, False]


def test_of_two_who_file_at_once_one_is_told(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    assessing.publish(case_id)
    assessing.at(OVER)
    with small.read() as session:
        stale = small.doing("head1", session.get_one(Case, case_id))
    assessing.act(record_objection, case_id, "editor1", "有异议")
    assessing.act(handle_objection, case_id, "editor1", 1, "不成立", named=True)
    with pytest.raises(CaseMoved, match="请刷新"):
        assessing.act(submit_batch, case_id, "head1", doing=stale)
    assert assessing.state(case_id) == "publicity"
