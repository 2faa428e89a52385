"""Rules and calendars made at the desk: dated rows, deadlines counted again, slips refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.office.almanac import library_notices, read_almanac
from registry.office.cases import read_note, timeline
from registry.office.docket import lines_of
from registry.office.due import set_due
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.office.notices import NewNotice, last_library_year, load_notice, loaded, years_known
from registry.office.recount import DUE_MOVED, moved_then, recount
from registry.office.rule_making import NewTerm, NewThreshold, make_term, make_threshold
from registry.office.rules_list import Standing, rules_list, without_rule
from registry.rules.terms import MADE_AT_THE_DESK, Counting, Term, Threshold, Unit
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CaseEvent
from registry.store.registers import RuleRow, YearNoticeRow

TODAY = date(2026, 11, 26)
TERM = NewTerm(
    term=Term.FILING_DECISION,
    length=15,
    unit=Unit.WORKING_DAYS,
    counting=Counting.FROM_THE_DAY,
    basis="示例〔2026〕1号",
    since=date(2027, 1, 1),
)
STAFF = NewThreshold(
    threshold=Threshold.INSURED_STAFF,
    least=200,
    bars=True,
    basis="示例〔2026〕2号",
    since=date(2027, 1, 1),
)
OFF_2027 = "1月1日至4日 2月5日至11日 4月3日至5日 5月1日至5日 6月9日 9月15日 10月1日至7日"
NOTICE = NewNotice(year=2027, basis="示例通知〔2026〕9号", off=OFF_2027, work="1月9日、2月20日")


def make(small: Any, new: Any, login: str = "approver") -> Any:
    use = {NewTerm: make_term, NewThreshold: make_threshold, NewNotice: load_notice}[type(new)]
    with small.write() as session:
        return use(
            session,
            new,
            by=small.who(login),
            context=small.context(login),
            today=small.desk.today(),
        )


def received(small: Any, new_case: Any, day: date, state: str = "submitted") -> int:
    """Put a filing into a state in which the office's twenty days run from ``day``."""
    case_id = int(new_case())
    with small.write() as session:
        case = session.get_one(Case, case_id)
        case.state, case.received_on = state, day
        set_due(case, read_almanac(session), today=day)
    return case_id


def due(small: Any, case_id: int) -> tuple[date | None, bool]:
    with small.read() as session:
        case = session.get_one(Case, case_id)
        return case.due_on, case.due_provisional


def faults(refused: Any) -> dict[str, str]:
    return {fault.field: fault.text for fault in refused.value.faults}


def test_the_library_counts_2026_as_the_notice_does() -> None:
    assert last_library_year() >= 2026
    notice = library_notices()[2026]
    worked = sorted(f"{day:%m-%d}" for day in notice.work)
    assert worked == ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
    assert {notices.year for notices in library_notices().values()} >= set(range(2020, 2027))


@pytest.mark.parametrize(
    ("start", "count", "counts_start", "end"),
    [
        ("2026-09-30", 5, False, "2026-10-13"),
        ("2026-02-13", 5, False, "2026-02-27"),
        ("2026-11-23", 20, True, "2026-12-18"),
        ("2026-11-23", 20, False, "2026-12-21"),
    ],
)
def test_terms_of_2026_end_where_they_should(
    small: Any, start: str, count: int, counts_start: bool, end: str
) -> None:
    with small.read() as session:
        days = read_almanac(session).days
    assert days.between(date(2025, 12, 31), date(2026, 12, 31)) == 248
    found = days.after(date.fromisoformat(start), count, counts_start=counts_start)
    assert (found.day.isoformat(), found.provisional) == (end, False)


def test_2027_works_today_and_is_provisional(small: Any, new_case: Any) -> None:
    case_id = received(small, new_case, date(2026, 12, 7))
    assert due(small, case_id) == (date(2027, 1, 4), True)
    with small.read() as session:
        known = years_known(session, TODAY)
    assert [(year, provisional) for year, provisional, _ in known] == [
        (2026, False),
        (2027, True),
        (2028, True),
    ]


def test_a_notice_moves_the_deadlines_and_each_case_says_so(small: Any, new_case: Any) -> None:
    within = received(small, new_case, date(2026, 11, 2))
    into = received(small, new_case, date(2026, 12, 7))
    moved = make(small, NOTICE).moved
    assert [(item.case_id, item.before, item.after) for item in moved] == [
        (into, date(2027, 1, 4), date(2027, 1, 5))
    ]
    assert due(small, into) == (date(2027, 1, 5), False)
    assert due(small, within) == (date(2026, 11, 27), False)
    with small.read() as session:
        case = session.get_one(Case, into)
        line = timeline(session, case)[-1]
        assert (line.event, line.account_id, line.from_state) == (DUE_MOVED, None, "submitted")
        note = read_note(line, small.context("clerk"))
        assert note == "办理期限由 2027-01-04 调整为 2027-01-05（依据：示例通知〔2026〕9号）"
        lines = lines_of(session, case, small.who("clerk"), small.context("clerk"))
        assert lines[-1].word == "期限调整"
        assert [e.event for e in timeline(session, session.get_one(Case, within))] == ["open"]
        row = loaded(session, 2027)
        assert row is not None
        by, context = small.who("approver"), small.context("approver")
        seen = moved_then(session, row.loaded_at, by=by, context=context)
        assert [(case.case_id, words) for case, words in seen] == [(into, note)]
        foreign = small.who("editor2")
        assert moved_then(session, row.loaded_at, by=foreign, context=context) == ()
        audit = session.query(AuditLine).all()[-1]
        assert (audit.action, audit.subject) == ("notice-load", "2027")
        assert audit.detail.endswith("1 deadlines moved")


def test_a_deadline_that_stays_is_said_to_have_become_certain(small: Any, new_case: Any) -> None:
    case_id = received(small, new_case, date(2026, 12, 10))
    before = due(small, case_id)
    off = OFF_2027.replace("1月1日至4日", "1月1日至3日")
    (moved,) = make(small, replace(NOTICE, off=off, work="")).moved
    assert (moved.before, moved.after, moved.provisional) == (before[0], before[0], False)
    with small.read() as session:
        line = timeline(session, session.get_one(Case, case_id))[-1]
        assert "由暂定转为确定" in read_note(line, small.context("clerk"))


def test_counting_again_with_nothing_changed_moves_nothing(small: Any, new_case: Any) -> None:
    received(small, new_case, date(2026, 12, 7))
    make(small, NOTICE)
    with small.write() as session:
        at, context = small.clock.now(), small.context("approver")
        again = recount(session, read_almanac(session), reason="", at=at, context=context)
        assert again == ()
        assert session.query(CaseEvent).filter(CaseEvent.event == DUE_MOVED).count() == 1


def test_a_corrected_notice_takes_the_place_of_the_first(small: Any, new_case: Any) -> None:
    case_id = received(small, new_case, date(2026, 12, 7))
    make(small, NOTICE)
    make(small, replace(NOTICE, off=OFF_2027.replace("1月1日至4日", "1月1日至3日")))
    assert due(small, case_id) == (date(2027, 1, 4), False)
    with small.read() as session:
        assert session.query(YearNoticeRow).count() == 1


def test_a_case_that_is_over_is_not_counted_again(small: Any, new_case: Any) -> None:
    case_id = received(small, new_case, date(2026, 12, 7), state="approved")
    assert make(small, NOTICE).moved == ()
    assert due(small, case_id) == (None, False)


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"work": "1月4日"}, "work", "1月4日不是星期六或者星期日"),
        ({"off": OFF_2027 + " 1月9日"}, "work", "1月9日既列为放假又列为上班"),
        ({"off": OFF_2027.replace("9月15日", "")}, "off", "9月15日是法定节假日"),
        ({"off": "元旦放假"}, "off", "第 1 处不是 2027 年的日期"),
        ({"off": OFF_2027.replace("1月1日至", "2026年1月1日至")}, "off", "2027 年的日期"),
        ({"year": 2025}, "year", "以往年度不再更改"),
        ({"year": 2100}, "year", "以往年度不再更改"),
        ({"basis": " "}, "basis", "请填写依据"),
        ({"off": ""}, "off", "是法定节假日"),
    ],
)
def test_a_notice_that_contradicts_itself_is_refused_with_words(
    small: Any, changed: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(FormFaults) as refused:
        make(small, replace(NOTICE, **changed))
    assert words in faults(refused)[field]
    with small.read() as session:
        assert session.query(YearNoticeRow).count() == 0
        assert session.query(AuditLine).count() == 0


def test_a_rule_binds_what_begins_from_its_day_on(small: Any, new_case: Any) -> None:
    make(small, TERM)
    old = received(small, new_case, date(2026, 12, 31))
    new = received(small, new_case, date(2027, 1, 4))
    with small.read() as session:
        days = read_almanac(session).days
    assert days.between(date(2026, 12, 30), due(small, old)[0] or TODAY) == 20
    assert days.between(date(2027, 1, 3), due(small, new)[0] or TODAY) == 15
    with small.read() as session:
        audit = session.query(AuditLine).filter(AuditLine.action == "rule-make").one()
        expected = "20 working-days -> 15 working-days from 2027-01-01; 0 deadlines moved"
        assert (audit.subject, audit.detail) == ("filing-decision", expected)


def test_a_rule_of_today_needs_a_reason_and_moves_what_began_today(
    small: Any, new_case: Any
) -> None:
    today = received(small, new_case, TODAY)
    yesterday = received(small, new_case, TODAY - timedelta(days=1))
    with pytest.raises(FormFaults) as refused:
        make(small, replace(TERM, since=TODAY))
    assert "须说明理由" in faults(refused)["reason"]
    moved = make(small, replace(TERM, since=TODAY, reason="上级文件要求即日施行")).moved
    assert [item.case_id for item in moved] == [today]
    assert yesterday not in {item.case_id for item in moved}


def test_a_plans_rule_moves_the_plans_whose_first_day_it_binds(small: Any, new_case: Any) -> None:
    case_id = int(new_case("plan"))
    with small.write() as session:
        case = session.get_one(Case, case_id)
        case.first_day = date(2027, 3, 1)
        set_due(case, read_almanac(session), today=TODAY)
        before = case.due_on
    new = replace(TERM, term=Term.PLAN_AHEAD, counting=Counting.AHEAD, length=5)
    (moved,) = make(small, new).moved
    assert (moved.case_id, moved.before) == (case_id, before)
    assert moved.after == date(2027, 2, 22)


def test_a_slip_is_corrected_by_a_later_row_of_the_same_day(small: Any) -> None:
    make(small, replace(STAFF, least=20))
    make(small, STAFF)
    with small.read() as session:
        rules = read_almanac(session).rules
        assert rules.threshold(Threshold.INSURED_STAFF, date(2027, 1, 1)).least == 200
        assert rules.threshold(Threshold.INSURED_STAFF, TODAY).least == 300
        assert session.query(RuleRow).count() == 2


def test_the_list_says_what_is_in_force_to_come_and_gone(small: Any) -> None:
    make(small, STAFF)

    def standing(today: date) -> list[tuple[int, str, date | None]]:
        with small.read() as session:
            return [
                (shown.rule.least, shown.status.value, shown.until)
                for shown in rules_list(session, today)
                if getattr(shown.rule, "threshold", None) is Threshold.INSURED_STAFF
            ]

    day = date(2027, 1, 1)
    assert standing(TODAY) == [(300, "in-force", day), (200, "to-come", None)]
    assert standing(day) == [(300, "gone", day), (200, "in-force", None)]
    with small.read() as session:
        every = rules_list(session, TODAY)
    named = {getattr(s.rule, "term", None) or getattr(s.rule, "threshold", None) for s in every}
    assert named == {*Term, *Threshold} - set(MADE_AT_THE_DESK)
    with small.read() as session:
        assert without_rule(session) == tuple(MADE_AT_THE_DESK)
    assert all(shown.rule.basis for shown in every)
    assert sum(shown.status is Standing.IN_FORCE for shown in every) == len(named)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (replace(TERM, since=TODAY - timedelta(days=1)), "since"),
        (replace(TERM, length=0), "length"),
        (replace(TERM, length=1001), "length"),
        (replace(TERM, basis=""), "basis"),
        (replace(TERM, basis="依" * 201), "basis"),
        (replace(TERM, counting=Counting.AHEAD), "counting"),
        (replace(TERM, term=Term.PLAN_AHEAD), "counting"),
        (
            replace(TERM, term=Term.PLAN_AHEAD, counting=Counting.AHEAD, unit=Unit.YEARS),
            "unit",
        ),
        (replace(TERM, reason="理" * 121), "reason"),
        (replace(STAFF, least=-1), "least"),
        (replace(STAFF, since=TODAY), "reason"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(small: Any, new: Any, field: str) -> None:
    with pytest.raises(FormFaults) as refused:
        make(small, new)
    assert field in faults(refused)
    with small.read() as session:
        assert session.query(RuleRow).count() == 0


@pytest.mark.parametrize("login", ["clerk", "admin", "auditor", "head1", "supervisor"])
@pytest.mark.parametrize("new", [TERM, STAFF, NOTICE])
def test_only_an_approver_of_the_city_makes_rules(small: Any, login: str, new: Any) -> None:
    with pytest.raises(NotAllowed):
        make(small, new, login)


def test_a_districts_approver_makes_none(small: Any) -> None:
    by = replace(small.who("approver"), district="4403A")
    with small.write() as session, pytest.raises(NotAllowed):
        make_term(session, TERM, by=by, context=small.context("approver"), today=TODAY)


def test_time_that_passes_does_not_shift_the_lines(small: Any, new_case: Any) -> None:
    """The notice's row and the lines of its cases bear one time, by which they are found."""
    received(small, new_case, date(2026, 12, 7))
    ticks = iter(range(100))

    class Running:
        def now(self) -> datetime:
            return datetime(2026, 11, 26, 2, 0, next(ticks) % 60, tzinfo=UTC)

    context = replace(small.context("approver"), clock=Running())
    by = small.who("approver")
    with small.write() as session:
        load_notice(session, NOTICE, by=by, context=context, today=TODAY)
    with small.read() as session:
        row = loaded(session, 2027)
        assert row is not None
        assert len(moved_then(session, row.loaded_at, by=by, context=context)) == 1
