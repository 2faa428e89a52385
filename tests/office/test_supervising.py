"""Visits by whoever was drawn, the company's answer, and the yearly evaluation."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import NotFound, Refused
from registry.office import draws, evaluations, supervising, visits
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved
from registry.office.form_faults import FormFaults
from registry.office.identity import Identity, NotAllowed
from registry.office.supervising import Result, Stage
from registry.store.audit import AuditLine
from registry.store.procedure import Case, Company
from registry.store.registers import Supervision

FINDING = "现场与计划一致；考务人员张某签到不全"


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
        row = session.scalars(select(Supervision)).one()
        return row.supervision_id, supervised.visitors[result.drawn[0].supervisor]


def report(small: Any, visit_id: int, by: Identity, result: Result, finding: str = FINDING) -> None:
    with small.write() as session:
        context = small.desk.context(by)
        visits.report_visit(session, visit_id, result, finding, by=by, context=context)


def reply(small: Any, row_id: int, login: str, words: str = "已整改") -> None:
    with small.write() as session:
        by, context = small.who(login), small.context(login)
        visits.answer(session, row_id, words, by=by, context=context)


def item(small: Any, row_id: int, by: Identity) -> supervising.Item:
    with small.read() as session:
        return supervising.get_item(session, row_id, by, small.desk.context(by))


def test_the_drawn_supervisor_reports_and_the_company_answers(small: Any, visit: Any) -> None:
    visit_id, drawn = visit
    report(small, visit_id, drawn, Result.TO_MEND)
    reply(small, visit_id, "head1")
    seen = item(small, visit_id, small.who("clerk"))
    assert (seen.stage, seen.result) == (Stage.ANSWERED, Result.TO_MEND)
    assert (seen.text.reason, seen.text.answer) == (FINDING, "已整改")
    with small.read() as session:
        kept = session.get_one(Supervision, visit_id).text
        lines = session.scalars(select(AuditLine).where(AuditLine.subject == seen.reference)).all()
    assert "张某".encode() not in kept
    assert [(line.action, line.actor) for line in lines] == [
        ("visit-report", f"account:{drawn.login}"),
        ("supervision-answer", "account:head1"),
    ]


def test_nobody_else_reports_a_visit(small: Any, supervised: Any, visit: Any) -> None:
    visit_id, drawn = visit
    other = next(v for v in supervised.visitors.values() if v != drawn)
    with pytest.raises(NotFound):
        report(small, visit_id, other, Result.SOUND)
    for login in ("clerk", "approver", "head1", "auditor"):
        with pytest.raises(NotAllowed):
            report(small, visit_id, small.who(login), Result.SOUND)
    assert item(small, visit_id, drawn).stage is Stage.ASSIGNED


def test_a_finding_stands_once_reported(small: Any, visit: Any) -> None:
    visit_id, drawn = visit
    report(small, visit_id, drawn, Result.SERIOUS)
    with pytest.raises(CaseMoved, match="已提交督导意见"):
        report(small, visit_id, drawn, Result.SOUND)
    assert item(small, visit_id, drawn).result is Result.SERIOUS


@pytest.mark.parametrize(
    ("result", "finding", "field"),
    [
        (Result.PASSED, FINDING, "result"),
        (Result.SOUND, "  \n ", "finding"),
        (Result.SOUND, "长" * 2001, "finding"),
    ],
)
def test_a_bad_report_is_refused_whole(
    small: Any, visit: Any, result: Result, finding: str, field: str
) -> None:
    visit_id, drawn = visit
    with pytest.raises(FormFaults) as refused:
        report(small, visit_id, drawn, result, finding)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert item(small, visit_id, drawn).stage is Stage.ASSIGNED


def test_a_visit_is_unannounced(small: Any, visit: Any) -> None:
    visit_id, drawn = visit
    with pytest.raises(NotFound):
        item(small, visit_id, small.who("head1"))
    with pytest.raises(NotFound):
        reply(small, visit_id, "head1")
    report(small, visit_id, drawn, Result.SOUND)
    assert item(small, visit_id, small.who("editor1")).result is Result.SOUND
    with pytest.raises(NotFound):
        item(small, visit_id, small.who("head2"))


def test_a_company_answers_once_and_for_itself(small: Any, visit: Any) -> None:
    visit_id, drawn = visit
    report(small, visit_id, drawn, Result.SOUND)
    with pytest.raises(NotFound):
        reply(small, visit_id, "head2")
    with pytest.raises(NotAllowed):
        reply(small, visit_id, "clerk")
    with pytest.raises(FormFaults):
        reply(small, visit_id, "editor1", " ")
    reply(small, visit_id, "editor1")
    with pytest.raises(Refused, match="不能再答复"):
        reply(small, visit_id, "head1")


def test_two_who_change_one_row_at_once_one_wins(small: Any, visit: Any) -> None:
    visit_id, drawn = visit
    context = small.desk.context(drawn)
    with small.read() as session:
        stale, text = supervising.get_row(session, visit_id, drawn, context)
    report(small, visit_id, drawn, Result.SOUND)
    with small.write() as session, pytest.raises(CaseMoved):
        supervising.claim(session, stale, text, context=context, state="reported")


def test_lists_show_each_their_own(small: Any, supervised: Any, visit: Any) -> None:
    visit_id, drawn = visit
    other = next(v for v in supervised.visitors.values() if v != drawn)
    seen = {}
    with small.read() as session:
        for by in (drawn, other, *map(small.who, ("clerk", "head1", "auditor", "clerk-a"))):
            found = supervising.list_items(session, by, small.desk.context(by))
            seen[by.login] = [entry.supervision_id for entry in found]
        with pytest.raises(NotAllowed):
            supervising.list_items(session, small.who("admin"), small.context("admin"))
    assert seen == {
        drawn.login: [visit_id],
        other.login: [],
        "clerk": [visit_id],
        "head1": [],
        "auditor": [visit_id],
        "clerk-a": [visit_id],
    }


def due(small: Any, login: str = "clerk") -> dict[int, evaluations.DueEvaluation]:
    with small.read() as session:
        found = evaluations.due_evaluations(
            session, small.who(login), read_almanac(session), today=small.desk.today()
        )
    return {entry.company_id: entry for entry in found}


def evaluate(small: Any, company_id: int = 1, result: Result = Result.PASSED) -> int:
    with small.write() as session:
        return evaluations.evaluate(
            session,
            company_id,
            result,
            "制度健全，全年评价两次",
            by=small.who("clerk"),
            context=small.context("clerk"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )


@pytest.mark.parametrize(
    ("listed_on", "since"),
    [
        (date(2025, 11, 27), None),
        (date(2025, 11, 26), date(2026, 11, 26)),
        (date(2025, 3, 1), date(2026, 3, 1)),
        (date(2024, 2, 29), date(2026, 2, 28)),
        (date(2022, 12, 1), date(2025, 12, 1)),
    ],
)
def test_a_company_is_due_after_each_full_year(
    small: Any, supervised: Any, listed_on: date, since: date | None
) -> None:
    supervised.list_company(1, listed_on)
    entry = due(small).get(1)
    assert (entry.since if entry else None) == since


def test_an_evaluation_is_made_once_a_year(small: Any, supervised: Any) -> None:
    supervised.list_company(1, date(2025, 11, 1))
    row_id = evaluate(small, result=Result.FAILED)
    assert due(small) == {}
    with pytest.raises(Refused, match="现无到期"):
        evaluate(small)
    seen = item(small, row_id, small.who("head1"))
    assert (seen.result_word, seen.text.reason) == ("不合格", "制度健全，全年评价两次")
    small.clock.moment += timedelta(days=365)
    assert due(small)[1].since == date(2027, 11, 1)
    evaluate(small)


def test_a_company_on_no_list_is_not_evaluated(small: Any, supervised: Any) -> None:
    with pytest.raises(Refused):
        evaluate(small)
    supervised.list_company(1)
    with pytest.raises(FormFaults):
        evaluate(small, result=Result.SOUND)


@pytest.mark.parametrize(
    ("days_ago", "idle"), [(None, True), (366, True), (365, False), (10, False)]
)
def test_who_held_nothing_for_a_year_is_idle(
    small: Any, supervised: Any, days_ago: int | None, idle: bool
) -> None:
    supervised.list_company(1, date(2025, 3, 1))
    if days_ago is not None:
        supervised.assessed(days_ago)
    assert (due(small)[1].idle_since is not None) is idle


def test_a_plan_that_time_called_held_is_no_assessment(small: Any, supervised: Any) -> None:
    supervised.list_company(1, date(2025, 3, 1))
    supervised.held(10)
    assert due(small)[1].idle_since == date(2025, 3, 1)
    # While its results may still be filed in time, nobody holds the year against the company.
    with small.write() as session:
        plan = session.query(Case).filter_by(kind="plan").one()
        plan.due_on = small.desk.today()
    assert due(small)[1].idle_since is None
    with small.write() as session:
        session.query(Case).filter_by(kind="plan").one().due_on = None
    supervised.assessed(20)
    assert due(small)[1].idle_since is None
    with small.write() as session:
        batch = session.query(Case).filter_by(kind="batch").one()
        batch.state = "rejected"
    assert due(small)[1].idle_since == date(2025, 3, 1)


def test_a_newly_listed_company_is_not_idle_by_what_was_before(small: Any, supervised: Any) -> None:
    supervised.list_company(1, date(2026, 3, 1))
    supervised.assessed(600)
    with small.read() as session:
        company, almanac = session.get_one(Company, 1), read_almanac(session)
        today = small.desk.today()
        assert evaluations.idle_since(session, company, almanac, today=today) is None


def test_due_lists_are_the_offices(small: Any, supervised: Any) -> None:
    supervised.list_company(1)
    supervised.list_company(2)
    assert set(due(small)) == {1, 2}
    assert set(due(small, "clerk-a")) == {1}
    for login in ("head1", "admin", "supervisor"):
        with pytest.raises(NotAllowed):
            due(small, login)
