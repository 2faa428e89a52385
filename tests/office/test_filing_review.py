"""The office's side: terms, votes, four eyes, and an approval that a crash cannot split."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest

from registry.errors import Refused
from registry.office import directory, filing_approval, filing_review, filings, votes
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, Doing, GuardsFailed, read_form
from registry.office.form_faults import FormFaults
from registry.office.milestones import list_milestones, open_milestone
from registry.rules.errors import ForbiddenStep, PrefixError
from registry.store.audit import AuditLine
from registry.store.organisations import Issuer
from registry.store.procedure import Case, CaseEvent, Company
from registry.store.registers import Expert

PREFIX = "Y000044999001"


def state(small: Any, case_id: int) -> str:
    with small.read() as session:
        return str(session.get_one(Case, case_id).state)


def assign(small: Any, case_id: int, reviewer: int = 5, login: str = "clerk") -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing, context = small.doing(login, case), small.context(login)
        filing_review.assign(session, case, reviewer, doing=doing, context=context)


def vote(small: Any, case_id: int, expert: int, in_favour: bool = True, text: str = "符合") -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        said = votes.Said(expert_id=expert, in_favour=in_favour, opinion=text)
        doing, context = small.doing("clerk", case), small.context("clerk")
        votes.record_vote(session, case, said, doing=doing, context=context)


def enter(small: Any, case_id: int, prefix: str = PREFIX, login: str = "clerk") -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing, context = small.doing(login, case), small.context(login)
        filing_approval.record_prefix(session, case, prefix, doing=doing, context=context)


def approve(small: Any, case_id: int, prefix: str = PREFIX, login: str = "approver") -> None:
    with small.read() as session:
        doing = small.doing(login, session.get_one(Case, case_id), "同意备案")
    filing_approval.carry_approval(small.desk, case_id, prefix, doing)


@pytest.fixture
def in_review(small: Any, new_filing: Any, act: Any) -> int:
    case_id = int(new_filing())
    act(case_id, "submit", "head1")
    act(case_id, "accept", "clerk")
    assign(small, case_id)
    return case_id


@pytest.fixture
def prepared(small: Any, in_review: int, act: Any) -> int:
    act(in_review, "call-experts", "clerk")
    for expert, for_it in ((1, True), (2, True), (3, False)):
        vote(small, in_review, expert, for_it)
    enter(small, in_review)
    act(in_review, "prepare", "clerk", "拟同意")
    return in_review


def test_an_approved_filing_lists_and_enrols_the_company(small: Any, prepared: int) -> None:
    approve(small, prepared, " y0000 44999 001 ")
    with small.read() as session:
        case = session.get_one(Case, prepared)
        company = session.get_one(Company, 1)
        assert (case.state, case.outcome, case.turn) == ("approved", "approved", None)
        assert (company.state, company.prefix) == ("listed", PREFIX)
        assert company.listed_on == date(2026, 11, 26)
        assert small.enrolled == [(company.name, company.uscc, PREFIX)]
        (stone,) = list_milestones(session, case.reference)
        facts = open_milestone(stone, small.context("clerk")).facts
        form = read_form(case, small.context("clerk"))
        assert facts.document == hashlib.sha256(form).hexdigest()
        assert (facts.kind, facts.date) == ("filing", "2026-11-26")
        last = session.query(CaseEvent).order_by(CaseEvent.event_id.desc()).first()
        assert last.milestone_id == stone.milestone_id
        actions = [line.action for line in session.query(AuditLine)]
        assert actions.count("filing-approve") == 1


def test_the_deadline_stays_the_one_of_receipt(small: Any, in_review: int, act: Any) -> None:
    small.clock.moment = small.clock.moment.replace(month=12, day=3)
    act(in_review, "call-experts", "clerk")
    with small.read() as session:
        assert session.get_one(Case, in_review).due_on == date(2026, 12, 23)


def test_experts_must_have_seen_the_site(small: Any, in_review: int, act: Any) -> None:
    with pytest.raises(GuardsFailed, match="专家现场评估"):
        act(in_review, "prepare", "clerk", "拟同意")
    act(in_review, "call-experts", "clerk")
    vote(small, in_review, 1)
    vote(small, in_review, 2)
    with pytest.raises(GuardsFailed, match="专家现场评估"):
        act(in_review, "prepare", "clerk", "拟同意")


def test_a_site_the_experts_are_against_can_only_be_refused(
    small: Any, in_review: int, act: Any
) -> None:
    act(in_review, "call-experts", "clerk")
    for expert, for_it in ((1, True), (2, False), (3, False)):
        vote(small, in_review, expert, for_it)
    act(in_review, "prepare", "clerk", "专家意见未过半数")
    with pytest.raises(GuardsFailed, match="未通过"):
        approve(small, in_review)
    assert small.enrolled == []
    with pytest.raises(GuardsFailed, match="说明理由"):
        act(in_review, "reject", "approver")
    act(in_review, "reject", "approver", "专家现场评估未通过")
    with small.read() as session:
        assert session.get_one(Case, in_review).outcome == "rejected"
        assert session.get_one(Company, 1).state == "unlisted"


def test_a_pilot_company_needs_no_site_review(small: Any, in_review: int, act: Any) -> None:
    with small.write() as session:
        session.get_one(Company, 1).pilot = True
    with pytest.raises(Refused, match="不再组织专家现场评估"):
        act(in_review, "call-experts", "clerk")
    act(in_review, "prepare", "clerk", "拟同意")
    with pytest.raises(GuardsFailed, match="尚未登记"):
        approve(small, in_review)
    enter(small, in_review)
    approve(small, in_review)
    assert state(small, in_review) == "approved"


def test_votes_are_of_experts_of_the_pool_once_a_round(
    small: Any, in_review: int, act: Any
) -> None:
    act(in_review, "call-experts", "clerk")
    with small.write() as session:
        session.get_one(Expert, 3).active = False
        for number, kind in ((4, "supervisor"), (5, "expert")):
            session.add(
                Expert(expert_id=number, kind=kind, label=f"ZJ-{number}", fields="", sealed=b"")
            )
    vote(small, in_review, 1, True, "张示例认为符合")
    with pytest.raises(Refused, match="已登记"):
        vote(small, in_review, 1)
    for stranger in (3, 4, 5, 99):
        with pytest.raises(FormFaults, match="专家库"):
            vote(small, in_review, stranger)
    with pytest.raises(FormFaults, match="请填写专家意见"):
        vote(small, in_review, 2, True, "  ")
    with small.read() as session:
        case = session.get_one(Case, in_review)
        (said,) = votes.opinions(session, case, small.context("clerk"))
        assert (said.label, said.opinion) == ("ZJ-001", "张示例认为符合")
        assert [e.label for e in votes.experts_to_ask(session, case)] == ["ZJ-002"]
        assert "张示例".encode() not in session.query(votes.Vote).one().opinion


def test_votes_on_an_application_that_was_changed_since_count_no_more(
    small: Any, prepared: int, act: Any
) -> None:
    act(prepared, "return", "approver", "请补充")
    with small.read() as session:
        assert votes.tally(session, session.get_one(Case, prepared)).passed
    act(prepared, "return", "clerk", "请补正工位")
    act(prepared, "submit", "head1")
    act(prepared, "accept", "clerk")
    assign(small, prepared)
    with small.read() as session:
        case = session.get_one(Case, prepared)
        assert votes.tally(session, case) == votes.Tally(in_favour=0, against=0, asked=0, wanted=2)
    act(prepared, "call-experts", "clerk")
    vote(small, prepared, 1)
    with small.read() as session:
        case = session.get_one(Case, prepared)
        assert votes.tally(session, case) == votes.Tally(in_favour=1, against=0, asked=3, wanted=2)
        # What was said before is seen by whoever decides.
        seen = votes.opinions(session, case, small.context("approver"))
        assert [(said.round, said.counts) for said in seen] == [(2, True), *[(1, False)] * 3]


def test_who_prepared_does_not_approve(small: Any, prepared: int) -> None:
    with small.write() as session:
        session.get_one(Case, prepared).prepared_by = 6
    with pytest.raises(GuardsFailed, match="不是同一人"):
        approve(small, prepared)
    assert (state(small, prepared), small.enrolled) == ("prepared", [])


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", PrefixError),
        ("Y00004499900", PrefixError),
        ("Y000099999001", PrefixError),
        ("Y000044999002", FormFaults),
    ],
)
def test_a_prefix_not_given_to_this_company_is_refused(
    small: Any, prepared: int, typed: str, error: type[Exception]
) -> None:
    other = Issuer(
        prefix="Y000044999002",
        name="深圳市示例电力设备有限公司",
        uscc="91449999MA5DEM0028",
        levels="5",
        added_at=small.clock.now(),
    )
    with small.write() as session:
        session.add(other)
    with pytest.raises(error):
        approve(small, prepared, typed)
    assert (state(small, prepared), small.enrolled) == ("prepared", [])


def test_enrolment_that_fails_changes_nothing(small: Any, prepared: int) -> None:
    small.refusal = RuntimeError("power cut")
    with pytest.raises(RuntimeError):
        approve(small, prepared)
    assert state(small, prepared) == "prepared"
    small.refusal = None
    approve(small, prepared)
    assert state(small, prepared) == "approved"


def test_a_crash_between_enrolment_and_approval_is_taken_up_again(
    small: Any, prepared: int, monkeypatch: Any
) -> None:
    def crash(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(filing_approval, "approve", crash)
        with pytest.raises(RuntimeError):
            approve(small, prepared)
    with small.read() as session:
        assert session.get(Issuer, PREFIX) is not None
        assert session.get_one(Company, 1).state == "unlisted"
        assert directory.directory(session, small.context("clerk")) == ()
    with pytest.raises(FormFaults, match=f"已记录为 {PREFIX}"):
        approve(small, prepared, "Y000044999003")
    approve(small, prepared)
    # Enrolling again is what writes a trust folder that the crash may have left behind.
    assert len(small.enrolled) == 2
    assert state(small, prepared) == "approved"
    with small.read() as session:
        assert session.query(Issuer).count() == 1


def test_of_two_approvers_at_once_one_wins_and_the_company_is_enrolled_once(
    small: Any, prepared: int, monkeypatch: Any
) -> None:
    with small.read() as session:
        doing = small.doing("approver", session.get_one(Case, prepared))
    enrol = small.desk.enrol

    def faster(name: str, uscc: str, prefix: str, levels: str) -> None:
        monkeypatch.setitem(small.__dict__, "desk", plain)
        enrol(name, uscc, prefix, levels)
        approve(small, prepared)
        raise Refused("recorded already")

    from dataclasses import replace

    plain = small.desk
    slow = replace(small.desk, enrol=faster)
    with pytest.raises((CaseMoved, ForbiddenStep)):
        filing_approval.carry_approval(slow, prepared, PREFIX, doing)
    with small.read() as session:
        assert len(list_milestones(session)) == 1
        assert session.query(Issuer).count() == 1


def test_barred_companies_are_neither_accepted_nor_approved(
    small: Any, prepared: int, new_filing: Any, act: Any
) -> None:
    waiting = filings_waiting(small, act)
    with small.write() as session:
        company = session.get_one(Company, 1)
        company.state, company.barred_until = "barred", date(2028, 11, 27)
    with pytest.raises(filings.Barred, match="2028年11月27日前"):
        act(waiting, "accept", "clerk")
    with pytest.raises(filings.Barred, match="2028年11月27日前"):
        approve(small, prepared)
    small.clock.moment = small.clock.moment.replace(year=2028, day=27)
    approve(small, prepared)
    with small.read() as session:
        company = session.get_one(Company, 1)
        assert (company.state, company.listed_on) == ("listed", date(2028, 11, 27))


def filings_waiting(small: Any, act: Any) -> int:
    """Copy nothing: a second application, filled in from the first, is put in as submitted."""

    with small.write() as session:
        case = filings.start_filing(
            session,
            by=small.who("editor1"),
            context=small.context("editor1"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
        case.state = "submitted"
        return int(case.case_id)


def test_a_case_is_assigned_to_a_clerk_who_may_see_it(
    small: Any, new_filing: Any, act: Any
) -> None:
    case_id = new_filing("editor2")
    act(case_id, "submit", "head2")
    act(case_id, "accept", "clerk")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert [a.login for a in filing_review.reviewers(session, case)] == ["clerk"]
    for wrong in (10, 6, 1, 99):
        with pytest.raises(FormFaults, match="请选择审核人员"):
            assign(small, case_id, wrong)
    assign(small, case_id)
    with small.read() as session:
        assert session.get_one(Case, case_id).assigned_to == 5


def test_reasons_of_a_return_are_joined_by_section() -> None:
    note = filing_review.return_note({"fix-company": " 地址不一致 ", "fix-other": "缺页"})
    assert note == "【企业基本情况】地址不一致\n【其他】缺页"
    with pytest.raises(FormFaults, match="至少在一处"):
        filing_review.return_note({"fix-company": "  "})
    with pytest.raises(FormFaults, match="合计不能超过"):
        filing_review.return_note({"fix-company": "字" * 999})


def test_a_listed_company_files_again_for_a_new_occupation(
    small: Any, prepared: int, filing_fields: Any, act: Any
) -> None:
    approve(small, prepared)
    small.clock.moment = small.clock.moment.replace(month=12, day=1)
    again = filings_waiting(small, act)
    with small.write() as session:
        case = session.get_one(Case, again)
        case.state = "draft"
        values = filing_fields["occupation"] | {"direction": "工具钳工"}
        doing, context = small.doing("editor1", case), small.context("editor1")
        filings.add_occupation(session, case, values, doing=doing, context=context)
        session.get_one(Company, 1).pilot = True
        case.state, case.prepared_by = "prepared", 5
    approve(small, again)
    assert len(small.enrolled) == 1
    with small.read() as session:
        (entry,) = directory.directory(session, small.context("clerk"))
        company = session.get_one(Company, 1)
        filed = directory.occupations_on_file(session, company, small.context("clerk"))
    assert (company.listed_on, company.prefix) == (date(2026, 11, 26), PREFIX)
    # Filed for is not yet assessed: no scheme of these is published.
    assert entry.occupations == ()
    assert [(o.direction, o.levels, o.since) for o in filed] == [
        ("工具钳工", "543", date(2026, 12, 1)),
        ("装配钳工", "543", date(2026, 11, 26)),
    ]
    published = directory.directory_json((entry,), on=date(2026, 12, 1)).decode()
    assert '"listed":"2026-11-26"' in published
    assert '"occupations":[]' in published
    assert "钱示例" not in published
    assert "0755" not in published


def test_a_delisted_company_leaves_the_directory(small: Any, prepared: int) -> None:
    approve(small, prepared)
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
    with small.read() as session:
        assert directory.directory(session, small.context("clerk")) == ()


def test_a_stale_page_approves_nothing(small: Any, prepared: int) -> None:
    doing = Doing(by=small.who("approver"), version=1)
    with pytest.raises(CaseMoved):
        filing_approval.carry_approval(small.desk, prepared, PREFIX, doing)
    assert small.enrolled == []
