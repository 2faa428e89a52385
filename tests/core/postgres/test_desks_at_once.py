"""On PostgreSQL, beside one case: calendar and steps, draws, sanctions and registers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, text

from registry.office import sanctions
from registry.office.accounts import NewAccount, add_account
from registry.office.almanac import read_almanac
from registry.office.auditing import Wanted, audit_lines
from registry.office.cases import get_case, timeline
from registry.office.companies import NewCompany, add_company
from registry.office.company_changes import Fact, NewChange, decide_change, propose_change
from registry.office.draws import fix_pool, make_draw
from registry.office.filings import start_filing
from registry.office.identity import Role
from registry.office.notices import NewNotice, load_notice
from registry.office.occupations import search_occupations
from registry.office.recount import DUE_MOVED, recount
from registry.office.registers import NewMember, PoolKind, add_member
from registry.office.steps import take
from registry.rules.terms import Term, deadline
from registry.store.accounts import Account
from registry.store.locks import hold_almanac
from registry.store.milestones import MilestoneRow
from registry.store.procedure import Case, Company
from registry.store.registers import Assessor, Draw, Expert, Supervision, YearNoticeRow

OFF_2027 = "1月1日至4日 2月5日至11日 4月3日至5日 5月1日至5日 6月9日 9月15日 10月1日至7日"
NOTICE = NewNotice(year=2027, basis="示例通知〔2026〕9号", off=OFF_2027, work="1月9日、2月20日")
DAY = date(2026, 12, 7)


def at_day(small: Any, day: date) -> None:
    small.clock.moment = small.clock.moment.replace(year=day.year, month=day.month, day=day.day)


def drafted(small: Any) -> int:
    small.seed_registers()
    with small.write() as session:
        case = start_filing(
            session,
            by=small.who("editor1"),
            context=small.context("editor1"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
        case_id = int(case.case_id)
    small.fill_filing(case_id)
    return case_id


def load(small: Any) -> Any:
    with small.write() as session:
        by, context = small.who("approver"), small.context("approver")
        return load_notice(session, NOTICE, by=by, context=context, today=small.desk.today())


def rightly_due(small: Any, case_id: int) -> bool:
    """Say whether a case has the deadline that the calendar of now gives it."""
    with small.read() as session:
        case, almanac = session.get_one(Case, case_id), read_almanac(session)
        wanted = deadline(almanac.rules.term(Term.FILING_DECISION, DAY), DAY, almanac.days)
        assert not wanted.provisional
        return (case.due_on, case.due_provisional) == (wanted.day, False)


def submit(small: Any, case_id: int, between: Callable[[], None]) -> None:
    """Submit; what is `between` comes after the calendar was read, before anything is written."""
    with small.write() as session:
        case = get_case(session, case_id, small.who("head1"))
        read_almanac(session)
        between()
        take(session, case, "submit", small.doing("head1", case), small.desk)


def test_a_notice_waits_for_a_step_that_counted_by_the_old_calendar(small: Any) -> None:
    at_day(small, DAY)
    case_id = drafted(small)
    moved: list[Any] = []
    loading = threading.Thread(target=lambda: moved.append(load(small).moved))

    def between() -> None:
        loading.start()
        with small.read() as reader:
            small.wait_for_waiters(1, reader)

    submit(small, case_id, between)
    loading.join(60)
    assert [item.case_id for item in moved[0]] == [case_id]
    assert rightly_due(small, case_id)
    with small.read() as session:
        lines = timeline(session, session.get_one(Case, case_id))
    assert [line.event for line in lines] == ["open", "submit", DUE_MOVED]


def test_a_step_waits_for_the_notice_and_counts_by_it(small: Any) -> None:
    at_day(small, DAY)
    case_id = drafted(small)
    step = threading.Thread(target=lambda: submit(small, case_id, lambda: None))
    with small.write() as session:
        by, context = small.who("approver"), small.context("approver")
        load_notice(session, NOTICE, by=by, context=context, today=small.desk.today())
        step.start()
        with small.read() as reader:
            small.wait_for_waiters(1, reader)
    step.join(60)
    assert rightly_due(small, case_id)


def test_steps_and_notices_at_once_never_lock_each_other_out(small: Any) -> None:
    """Whoever comes when: all get through, and every deadline is the calendar's."""
    at_day(small, DAY)
    cases = [drafted_again(small) for _ in range(4)]
    answers: list[str] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
            answers.append("done")
        except Exception as error:  # noqa: BLE001 -- told below
            answers.append(repr(error))

    def again() -> None:
        with small.write() as session:
            hold_almanac(session)
            recount(
                session,
                read_almanac(session),
                reason="每日核对",
                at=small.clock.now(),
                context=small.context("approver"),
            )

    works: list[Callable[[], Any]] = [lambda: load(small), again, lambda: load(small), again]
    works += [lambda case_id=case_id: submit(small, case_id, lambda: None) for case_id in cases]
    threads = [threading.Thread(target=run, args=(work,)) for work in works[::2] + works[1::2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == ["done"] * len(works)
    assert all(rightly_due(small, case_id) for case_id in cases)
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(YearNoticeRow)) == 1


def drafted_again(small: Any) -> int:
    with pytest.MonkeyPatch.context() as patched:
        with small.read() as session:
            if session.scalar(select(func.count()).select_from(Expert)):
                patched.setattr(type(small), "seed_registers", lambda _self: None)
        return drafted(small)


def test_of_two_pools_at_once_one_is_fixed(small: Any, supervised: Any) -> None:
    supervised.plans(3)
    supervised.supervisors(2)

    def fix() -> None:
        with small.write() as session:
            by, context = small.who("clerk"), small.context("clerk")
            fix_pool(session, take=1, avoid=(), by=by, context=context)

    with small.write() as session:
        session.execute(text("INSERT INTO counters VALUES ('draw:2026', 1)"))
    answers = small.at_once(fix, fix, rows="SELECT 1 FROM counters FOR UPDATE")
    assert sorted(answers)[1] == "done"
    assert min(answers).startswith("Refused: 已有抽取名单等待抽取")
    with small.read() as session:
        assert session.scalars(select(Draw.reference)).all() == ["CQ-2026-0001"]


def test_of_two_draws_at_once_one_is_made(small: Any, supervised: Any) -> None:
    supervised.plans(3)
    supervised.supervisors(2)
    by, context = small.who("clerk"), small.context("clerk")
    with small.write() as session:
        draw_id = fix_pool(session, take=2, avoid=(), by=by, context=context).draw_id
    note = supervised.anchor()

    def draw() -> None:
        with small.write() as session:
            make_draw(session, draw_id, note, by=by, context=context)

    answers = small.at_once(draw, draw, rows="SELECT 1 FROM draws FOR UPDATE")
    assert sorted(answers) == ["CaseMoved: 他人已先行抽取，结果见本页", "done"]
    with small.read() as session:
        visits = session.scalars(select(Supervision.reference).order_by(Supervision.reference))
        assert visits.all() == ["DD-2026-0001", "DD-2026-0002"]
        kinds = select(func.count()).select_from(MilestoneRow)
        assert session.scalar(kinds.where(MilestoneRow.kind == "supervision-draw")) == 2


def test_of_two_who_decide_a_sanction_one_does(small: Any, supervised: Any) -> None:
    supervised.list_company()
    batch_id = supervised.issue()
    with small.write() as session:
        by, context = small.who("clerk"), small.context("clerk")
        row = sanctions.propose_revocation(session, batch_id, "造假", by=by, context=context)

    def decide(uphold: bool) -> Callable[[], Any]:
        def work() -> None:
            with small.write() as session:
                by = small.who("approver")
                sanctions.decide(session, row, uphold=uphold, note="理由", by=by, desk=small.desk)

        return work

    answers = small.at_once(
        decide(True), decide(False), rows="SELECT 1 FROM supervisions FOR UPDATE"
    )
    assert sorted(answers) == ["CaseMoved: 他人已先行办理此事项，请刷新后查看", "done"]


def test_a_proposal_is_not_lost_under_a_change_of_the_pilot_list(
    small: Any, supervised: Any
) -> None:
    supervised.list_company()
    today = small.desk.today()
    new = NewChange(fact=Fact.PILOT, value="yes", basis="示例厅函〔2026〕3号", based_on=today)
    with small.write() as session:
        change = propose_change(
            session,
            1,
            new,
            drawable=lambda _char: True,
            by=small.who("clerk"),
            context=small.context("clerk"),
            today=today,
        )
    with small.read() as session:
        before = session.get_one(Company, 1).version

    def pilot() -> None:
        with small.write() as session:
            by, context = small.who("approver"), small.context("approver")
            decide_change(session, change, adopt=True, by=by, context=context)

    def propose() -> None:
        with small.write() as session:
            sanctions.propose_delisting(
                session,
                1,
                sanctions.Ground.UNFIT,
                "不具备条件",
                by=small.who("clerk"),
                context=small.context("clerk"),
                almanac=read_almanac(session),
                today=small.desk.today(),
            )

    answers = small.at_once(pilot, propose, rows="SELECT 1 FROM companies FOR UPDATE")
    assert answers[0] == "done"
    with small.read() as session:
        company = session.get_one(Company, 1)
        assert company.pilot
        assert company.version == before + answers.count("done")
        assert company.state == ("delisting" if answers[1] == "done" else "listed")


def company_of(small: Any) -> None:
    facts = NewCompany(name="深圳市示例模具有限公司", uscc="91449999MA5DEM003B")
    with small.write() as session:
        add_company(session, facts, by=small.who("clerk"), context=small.context("clerk"))


def account_of(small: Any) -> None:
    new = NewAccount(login="second-clerk", role=Role.CLERK, staff_number="GH-2")
    with small.write() as session:
        by, context = small.who("admin"), small.context("admin")
        add_account(session, new, by=by, context=context)


def assessor_of(small: Any) -> None:
    small.helper("plan_office").Planning(small).assessor(900)


@pytest.mark.parametrize(
    ("register", "table"),
    [(company_of, Company), (account_of, Account), (assessor_of, Assessor)],
    ids=["company", "account", "assessor"],
)
def test_who_is_registered_twice_at_once_is_there_once(
    small: Any, register: Any, table: Any, caplog: Any
) -> None:
    """Each looked before the other stored: the database's own rule decides."""
    count = select(func.count()).select_from(table)
    with small.read() as session:
        before = session.scalar(count)
    lock = f"LOCK TABLE {table.__tablename__} IN SHARE MODE"
    answers = small.at_once(*[lambda: register(small)] * 2, rows=lock)
    (said,) = [answer for answer in answers if answer != "done"]
    # Nothing of the row, which holds a person's tag or a company's code.
    assert said.startswith("Overtaken: 他人刚刚登记了同一内容，本次没有保存")
    assert "DETAIL" not in said
    with small.read() as session:
        assert session.scalar(count) == before + 1


def test_numbers_of_the_pool_follow_each_other(small: Any) -> None:
    def add() -> None:
        with small.write() as session:
            new = NewMember(kind=PoolKind.SUPERVISOR, name="督导示", fields="车工")
            add_member(session, new, by=small.who("clerk"), context=small.context("clerk"))

    add()
    answers = small.at_once(*[add] * 4, rows="SELECT 1 FROM counters FOR UPDATE")
    assert answers == ["done"] * 4
    with small.read() as session:
        labels = session.scalars(select(Expert.label).order_by(Expert.label)).all()
    assert len(set(labels)) == 5
    assert [label[-3:] for label in labels] == ["001", "002", "003", "004", "005"]


def test_letters_are_found_whatever_their_case(small: Any) -> None:
    """SQLite's LIKE knows no case of ASCII letters, PostgreSQL's does."""
    small.seed_registers()
    with small.write() as session:
        session.execute(text("UPDATE occupations SET name = 'PLC程序设计员' WHERE edition = 2015"))
    company_of(small)
    with small.read() as session:
        assert search_occupations(session, "plc")[1] == 2
        for actor, action in (("CLERK", ""), ("", "Company-")):
            wanted = Wanted(actor=actor, action=action)
            (line,) = audit_lines(session, wanted, small.who("auditor"))
            assert line.action == "company-add"
