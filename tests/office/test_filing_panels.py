"""Who reviews a filing, which experts are asked, and the prefix that two people enter."""

from __future__ import annotations

from typing import Any

import pytest

from registry.errors import Refused
from registry.office import filing_approval, filing_review, votes
from registry.office.almanac import read_almanac
from registry.office.cases import GuardsFailed, read_note, timeline
from registry.office.docket import docket
from registry.office.form_faults import FormFaults
from registry.office.rule_making import NewThreshold, make_threshold
from registry.rules.errors import ForbiddenStep
from registry.rules.terms import Threshold
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company
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


def test_a_panel_is_drawn_once_and_drawn_again_only_with_a_reason(
    small: Any, in_review: int, act: Any
) -> None:
    with small.write() as session:
        for number in range(4, 9):
            label = f"ZJ-{number:03}"
            session.add(Expert(expert_id=number, kind="expert", label=label, fields="", sealed=b""))
        session.get_one(Expert, 8).fields = "钳工、电工"
    act(in_review, "call-experts", "clerk")
    with small.read() as session:
        case = session.get_one(Case, in_review)
        first = {expert.expert_id for expert in votes.experts_to_ask(session, case)}
        note = read_note(timeline(session, case)[-1], small.context("clerk"))
    assert len(first) == 3
    assert 8 in first, "whose field it is, is drawn first"
    assert note.startswith("抽取专家：ZJ-")
    for stranger in set(range(1, 9)) - first:
        with pytest.raises(FormFaults, match="本轮抽取"):
            vote(small, in_review, stranger)
    for expert in first:
        vote(small, in_review, expert, in_favour=False)
    with pytest.raises(ForbiddenStep):
        act(in_review, "call-experts", "clerk")
    with pytest.raises(GuardsFailed, match="说明理由"):
        act(in_review, "redraw-experts", "clerk")
    act(in_review, "redraw-experts", "clerk", "两名专家提出回避")
    with small.read() as session:
        case = session.get_one(Case, in_review)
        counted = votes.tally(session, case)
        assert (counted.in_favour, counted.against, counted.asked) == (0, 0, 3)
        seen = votes.opinions(session, case, small.context("approver"))
        assert [(said.round, said.counts, said.in_favour) for said in seen] == [
            (1, False, False)
        ] * 3
        note = read_note(timeline(session, case)[-1], small.context("clerk"))
        assert note.endswith("理由：两名专家提出回避")


def test_how_many_experts_are_asked_is_a_rule_of_the_day(
    small: Any, in_review: int, act: Any
) -> None:
    new = NewThreshold(
        threshold=Threshold.EXPERTS,
        least=5,
        bars=True,
        basis="示例〔2026〕9号",
        since=small.desk.today(),
        reason="本办调整",
    )
    with small.write() as session:
        context = small.context("approver")
        today = small.desk.today()
        make_threshold(session, new, by=small.who("approver"), context=context, today=today)
    with pytest.raises(Refused, match="不足 5 名"):
        act(in_review, "call-experts", "clerk")


def test_only_the_reviewer_prepares_and_may_be_changed(
    small: Any, in_review: int, act: Any
) -> None:
    with small.write() as session:
        session.get_one(Company, 1).pilot = True
    assign(small, in_review, reviewer=10)
    with pytest.raises(GuardsFailed, match="由分派的审核人员办理"):
        act(in_review, "prepare", "clerk", "拟同意")
    with small.read() as session:
        mine, other = (
            docket(session, small.who(login), read_almanac(session), today=small.desk.today())
            for login in ("clerk-a", "clerk")
        )
    assert [item.case_id for item in mine.assigned] == [in_review]
    assert other.assigned == ()
    assert other.total == 1
    act(in_review, "prepare", "clerk-a", "拟同意")
    with pytest.raises(ForbiddenStep):
        assign(small, in_review)


def test_the_prefix_is_entered_twice_and_must_be_the_same(small: Any, prepared: int) -> None:
    with pytest.raises(FormFaults, match="与经办人登记的机构编码不一致"):
        approve(small, prepared, "Y000044999003")
    assert (state(small, prepared), small.enrolled) == ("prepared", [])
    for login in ("approver", "head1"):
        with pytest.raises(ForbiddenStep):
            enter(small, prepared, "Y000044999003", login)
    enter(small, prepared, "Y000044999003")
    with pytest.raises(FormFaults, match="不一致"):
        approve(small, prepared)
    approve(small, prepared, "Y000044999003")
    with small.read() as session:
        assert session.get_one(Company, 1).prefix == "Y000044999003"
        assert session.get_one(Issuer, "Y000044999003").levels == "543"


@pytest.mark.parametrize(
    ("in_favour", "against", "asked", "wanted", "passed"),
    [
        (2, 1, 3, 2, True),
        (2, 0, 3, 2, False),
        (2, 2, 4, 2, False),
        (3, 2, 5, 4, False),
        (3, 2, 5, 2, True),
        (0, 0, 0, 0, False),
    ],
)
def test_the_whole_panel_speaks_and_more_than_half_and_enough_are_in_favour(
    in_favour: int, against: int, asked: int, wanted: int, passed: bool
) -> None:
    counted = votes.Tally(in_favour=in_favour, against=against, asked=asked, wanted=wanted)
    assert counted.passed is passed
