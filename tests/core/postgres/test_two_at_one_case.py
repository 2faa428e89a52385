"""On PostgreSQL two people act on one case at once: one wins, the other is told what changed."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select, text

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.approving import issue_approved
from registry.office.cases import CaseKind, get_case, open_case
from registry.office.document_files import Examiner, receive
from registry.office.document_vault import vault_of
from registry.office.documents import add_document, documents_of, remove_document
from registry.office.filing_approval import carry_approval
from registry.office.filings import start_filing
from registry.office.plan_steps import hold_due_plans
from registry.office.steps import take
from registry.store.audit import AuditLine
from registry.store.certificates import Batch, Certificate
from registry.store.milestones import MilestoneRow
from registry.store.procedure import Case, CaseEvent, Company

CASES = "SELECT 1 FROM cases FOR UPDATE"


def steps_of(small: Any, case_id: int) -> list[str]:
    with small.read() as session:
        query = select(CaseEvent.event).where(CaseEvent.case_id == case_id)
        return list(session.scalars(query.order_by(CaseEvent.event_id)))


def step(small: Any, case_id: int, event: str, login: str, version: int | None = None) -> None:
    with small.write() as session:
        case = get_case(session, case_id, small.who(login))
        doing = small.doing(login, case, "理由")
        if version is not None:
            doing = type(doing)(by=doing.by, version=version, note=doing.note)
        take(session, case, event, doing, small.desk)


def filing(small: Any, login: str = "editor1") -> int:
    with small.write() as session:
        case = start_filing(
            session,
            by=small.who(login),
            context=small.context(login),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
        return int(case.case_id)


def submitted(small: Any) -> int:
    small.seed_registers()
    case_id = filing(small)
    small.fill_filing(case_id)
    step(small, case_id, "submit", "head1")
    return case_id


def version_of(small: Any, case_id: int) -> int:
    with small.read() as session:
        return int(session.get_one(Case, case_id).version)


def told(answers: list[str]) -> str:
    """Give what the loser was told; there is one winner."""
    assert answers.count("done") == 1, answers
    (said,) = [answer for answer in answers if answer != "done"]
    return said


def test_accepted_and_withdrawn_at_once(small: Any) -> None:
    case_id = submitted(small)
    seen = version_of(small, case_id)
    answers = small.at_once(
        lambda: step(small, case_id, "accept", "clerk", seen),
        lambda: step(small, case_id, "withdraw", "head1", seen),
        rows=CASES,
    )
    said = told(answers)
    last = steps_of(small, case_id)[-1]
    done = {
        "accept": "办公室经办人已受理，现为“已受理”",
        "withdraw": "企业负责人已撤回，现为“已撤回”",
    }
    assert said == f"CaseMoved: 他人已先行办理：{done[last]}。请刷新后再办理"
    assert version_of(small, case_id) == seen + 1


def test_of_two_approvals_at_once_one_is_recorded(small: Any, assessing: Any) -> None:
    batch = assessing.submitted()
    assessing.prepare(batch)
    seen = assessing.small.doing("approver", _case(small, batch))

    def approve() -> None:
        assessing.approve(batch, "approver", doing=seen)

    said = told(small.at_once(approve, approve, rows=CASES))
    assert said.startswith("CaseMoved: 他人已先行办理：办公室审批人已")
    assert "请刷新后再办理" in said
    assert steps_of(small, batch).count("approve") == 1
    with small.read() as session:
        kinds = select(func.count()).select_from(MilestoneRow)
        assert session.scalar(kinds.where(MilestoneRow.kind == "approval")) == 1


def _case(small: Any, case_id: int) -> Case:
    with small.read() as session:
        case: Case = session.get_one(Case, case_id)
        return case


def test_of_two_issues_at_once_one_issues_and_again_is_recognised(
    small: Any, assessing: Any
) -> None:
    batch = assessing.approved()
    seen = small.doing("clerk", _case(small, batch))
    results: list[bool] = []

    def issue() -> None:
        results.append(assessing.act(issue_approved, batch, "clerk", doing=seen).recognised)

    # The second is no refusal: it is shown what the first one issued.
    assert small.at_once(issue, issue, rows=CASES) == ["done", "done"]
    assert sorted(results) == [False, True]
    assert steps_of(small, batch).count("issue") == 1
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(Batch)) == 1
        numbers = session.scalars(select(Certificate.number).order_by(Certificate.number))
        assert [number[16:] for number in numbers] == ["000001", "000002"]


def test_a_company_struck_off_while_a_batch_is_issued_gets_none(small: Any, assessing: Any) -> None:
    batch = assessing.approved()
    answers: list[str] = []

    def issue() -> None:
        try:
            assessing.issue(batch)
        except Refused as error:
            answers.append(str(error))

    other = threading.Thread(target=issue)
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
        session.flush()
        other.start()
        with small.read() as reader:
            small.wait_for_waiters(1, reader)
    other.join(60)
    (said,) = answers
    assert "企业不在备案名单内" in said
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == 0


def test_two_filings_of_one_company_approved_at_once_list_it_once(
    small: Any, assessing: Any
) -> None:
    first, second = submitted(small), filing(small)
    small.fill_filing(second)
    step(small, second, "submit", "head1")
    with small.write() as session:
        session.get_one(Company, 1).pilot = True
    doings = {}
    for case_id in (first, second):
        step(small, case_id, "accept", "clerk")
        with small.write() as session:
            session.get_one(Case, case_id).state = "in-review"
            session.get_one(Case, case_id).prefix = "Y000044999001"
        step(small, case_id, "prepare", "clerk")
        doings[case_id] = small.doing("approver", _case(small, case_id))

    def approve(case_id: int) -> Any:
        return lambda: carry_approval(small.desk, case_id, "Y000044999001", doings[case_id])

    answers = small.at_once(
        approve(first), approve(second), rows="SELECT 1 FROM companies FOR UPDATE"
    )
    assert answers == ["done", "done"]
    with small.read() as session:
        company = session.get_one(Company, 1)
        assert (company.state, company.version) == ("listed", 2)
        assert {session.get_one(Case, case_id).state for case_id in doings} == {"approved"}


def test_one_approves_while_the_company_is_barred(small: Any, assessing: Any) -> None:
    case_id = submitted(small)
    step(small, case_id, "accept", "clerk")
    with small.write() as session:
        session.get_one(Company, 1).pilot = True
        session.get_one(Case, case_id).state = "in-review"
        session.get_one(Case, case_id).prefix = "Y000044999001"
    step(small, case_id, "prepare", "clerk")
    doing = small.doing("approver", _case(small, case_id))
    answers: list[str] = []

    def approve() -> None:
        try:
            carry_approval(small.desk, case_id, "Y000044999001", doing)
        except Refused as error:
            answers.append(str(error))

    other = threading.Thread(target=approve)
    with small.write() as session:
        company = session.get_one(Company, 1)
        company.state, company.barred_until = "barred", date(2031, 11, 27)
        session.flush()
        other.start()
        with small.read() as reader:
            small.wait_for_waiters(1, reader)
    other.join(60)
    assert "2031年11月27日前不予受理" in answers[0]
    with small.read() as session:
        assert session.get_one(Company, 1).state == "barred"
        assert session.get_one(Case, case_id).state == "prepared"


def test_numbers_of_cases_opened_at_once_have_no_gap(small: Any) -> None:
    """Half of those who open one are refused afterwards; their numbers go to others."""

    def opened(login: str, whole: bool) -> Any:
        def work() -> None:
            by = small.who(login)
            with small.write() as session:
                company = session.get_one(Company, by.company_id)
                open_case(
                    session,
                    CaseKind.PLAN,
                    company,
                    title="车工",
                    form=b"{}",
                    by=by,
                    context=small.context(login),
                )
                if not whole:
                    raise Refused("not after all")

        return work

    with small.write() as session:
        session.execute(text("INSERT INTO counters VALUES ('case:plan:2026', 1)"))
    works = [opened(f"editor{1 + turn % 2}", turn % 3 > 0) for turn in range(9)]
    answers = small.at_once(*works, rows="SELECT 1 FROM counters FOR UPDATE")
    assert answers.count("done") == 6
    with small.read() as session:
        references = session.scalars(select(Case.reference).order_by(Case.reference)).all()
    assert references == [f"JH-2026-{number:04}" for number in range(1, 7)]


def test_one_plan_gets_one_batch(small: Any, assessing: Any) -> None:
    plan = assessing.held_plan()

    def begin() -> None:
        assessing.open(plan)

    said = told(small.at_once(begin, begin, rows=CASES))
    assert said.startswith("Refused: 此计划的评价结果已在办理，编号 JG-2026-0001")


def test_a_plan_is_stopped_or_held_and_not_both(small: Any, assessing: Any) -> None:
    assessing.planning.prepare()
    plan = int(assessing.planning.draft())
    step(small, plan, "submit", "head1")
    step(small, plan, "record", "clerk")
    day = date(2026, 12, 23)
    assessing.at(day)
    seen = version_of(small, plan)

    def hold() -> None:
        with small.write() as session:
            hold_due_plans(session, small.desk.context(), day)

    answers = small.at_once(hold, lambda: step(small, plan, "stop", "approver", seen), rows=CASES)
    assert answers[0] == "done"
    events = steps_of(small, plan)
    if answers[1] == "done":
        assert events[-1] == "stop"
    else:
        assert answers[1].startswith("CaseMoved: 他人已先行办理：系统已")
        assert events[-1] == "hold"
    assert len({"stop", "hold"} & set(events)) == 1
    with small.read() as session:
        assert session.get_one(Case, plan).state == {"stop": "stopped", "hold": "held"}[events[-1]]


PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def test_the_same_paper_sent_twice_at_once_is_there_once(small: Any) -> None:
    case_id = filing(small)
    received = receive(
        vault_of(small.desk),
        case_id,
        "材料.pdf",
        BytesIO(PDF),
        examiner=Examiner(look=lambda _path: ""),
        now=small.clock.now(),
    )

    def send() -> None:
        with small.write() as session:
            case = get_case(session, case_id, small.who("editor1"))
            context = small.context("editor1")
            by = small.who("editor1")
            add_document(session, case, "licence", received, by=by, context=context)

    assert told(small.at_once(send, send, rows=CASES)).endswith("同一文件已经上传过")
    with small.read() as session:
        assert len(documents_of(session, session.get_one(Case, case_id))) == 1


def test_no_paper_goes_missing_while_an_application_is_submitted(small: Any) -> None:
    small.seed_registers()
    case_id = filing(small)
    small.fill_filing(case_id)
    with small.read() as session:
        paper = documents_of(session, session.get_one(Case, case_id))[0].document_id
    answers: list[str] = []

    def submit() -> None:
        try:
            step(small, case_id, "submit", "head1")
        except Refused as error:
            answers.append(str(error))

    other = threading.Thread(target=submit)
    with small.write() as session:
        case = get_case(session, case_id, small.who("editor1"))
        context = small.context("editor1")
        remove_document(session, case, paper, by=small.who("editor1"), context=context)
        session.flush()
        other.start()
        with small.read() as reader:
            small.wait_for_waiters(1, reader)
    other.join(60)
    (said,) = answers
    assert "缺少材料" in said
    assert steps_of(small, case_id) == ["open"]


def test_every_step_has_one_audit_line_however_many_tried(small: Any) -> None:
    case_id = submitted(small)
    seen = version_of(small, case_id)
    answers = small.at_once(
        *[lambda: step(small, case_id, "accept", "clerk", seen) for _ in range(5)], rows=CASES
    )
    assert answers.count("done") == 1
    with small.read() as session:
        actions = select(func.count()).where(AuditLine.action == "filing-accept")
        assert session.scalar(actions) == 1
    assert steps_of(small, case_id) == ["open", "submit", "accept"]


@pytest.mark.parametrize("ahead", [1, 400])
def test_time_goes_by_chinas_days_whatever_the_server_s_zone(small: Any, ahead: int) -> None:
    """A server in another zone gives the same days and the same moments back."""
    database = small.engine.url.database
    with small.engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {database} SET timezone TO 'America/Los_Angeles'"))
        connection.commit()
    small.engine.dispose()
    small.clock.moment += timedelta(days=ahead, hours=13, microseconds=7)
    case_id = submitted(small)
    with small.read() as session:
        assert session.scalar(text("SHOW timezone")) == "America/Los_Angeles"
        case = session.get_one(Case, case_id)
        assert case.changed_at == small.clock.moment
        assert case.received_on == small.desk.today()
        assert session.scalar(select(func.count()).where(CaseEvent.at == small.clock.moment)) == 2
