"""A scheme from its opening to its publication, and each thing that keeps it back."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office import schemes
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, GuardsFailed, read_form, timeline
from registry.office.directory import directory
from registry.office.identity import NotAllowed
from registry.office.milestones import list_milestones, open_milestone
from registry.office.plans import scheme_facts
from registry.office.published import published_schemes
from registry.office.scheme_form import scheme_of
from registry.office.scheme_review import record_opinion
from registry.office.schemes import SchemeNotReady
from registry.office.votes import Said
from registry.rules.errors import ForbiddenStep
from registry.rules.scheme import PartKind, SchemeFault
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company

CODE = "6-18-01-01"


def state(small: Any, case_id: int) -> str:
    with small.read() as session:
        return str(session.get_one(Case, case_id).state)


def ready(small: Any, scheming: Any, **changed: str) -> int:
    scheming.list_company()
    case_id: int = scheming.start()
    scheming.fill(case_id, **changed)
    return case_id


def at_experts(small: Any, scheming: Any) -> int:
    case_id = ready(small, scheming)
    scheming.pool()
    scheming.step(case_id, "submit", "head1")
    scheming.step(case_id, "call-experts", "clerk")
    return case_id


def test_a_scheme_goes_its_way_to_publication(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.publish()
    assert state(small, case_id) == "published"
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert case.reference == "FA-2026-0001"
        assert case.title == "车工（数控车工） 评价方案：四级/中级工、三级/高级工"
        assert (case.turn, case.due_on, case.outcome) == (None, None, "published")
        (milestone,) = list_milestones(session, case.reference)
        facts = open_milestone(milestone, small.context("clerk")).facts
        document = hashlib.sha256(read_form(case, small.context("clerk"))).hexdigest()
        assert (facts.kind.value, facts.date, facts.document) == ("scheme", "2026-11-26", document)
        lines = timeline(session, case)
        assert lines[-1].milestone_id == milestone.milestone_id
        assert [line.event for line in lines if line.event == "record-vote"] == ["record-vote"] * 3


def test_what_is_published_is_what_plans_rest_on(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.publish()
    context = small.context("clerk")
    with small.read() as session:
        (found,) = published_schemes(session, context)
        assert (found.case_id, found.levels, found.form.direction) == (case_id, "43", "数控车工")
        assert (found.company_id, found.form.occupation_code) == (1, CODE)
        (third,) = (level for level in found.form.levels if level.level == "3")
        scheme = scheme_of(third)
        assert {part.kind: part.weight for part in scheme.parts}[PartKind.SKILL] == 50
        facts = scheme_facts(session.get_one(Case, case_id), context)
        assert (facts.occupation_code, facts.levels) == (CODE, ("4", "3"))
        (public,) = published_schemes(session, context)
        assert (public.company, public.since) == (
            "深圳市示例精密制造有限公司",
            small.desk.today(),
        )


def test_the_directory_names_what_has_a_published_scheme_and_nothing_else(
    small: Any, scheming: Any
) -> None:
    scheming.list_company()
    context = small.context("clerk")
    with small.write() as session:
        session.add(
            Issuer(
                prefix="Y000044999001",
                name="深圳市示例精密制造有限公司",
                uscc="91449999MA5DEM0015",
                levels="43",
                added_at=small.clock.now(),
            )
        )
        session.flush()
        session.get_one(Company, 1).prefix = "Y000044999001"
    filed_on = small.desk.today()

    def listed() -> list[tuple[str, str, date]]:
        with small.read() as session:
            (entry,) = directory(session, context)
            return [(one.code, one.levels, one.since) for one in entry.occupations]

    assert listed() == []
    scheming.later(days=3)
    first = scheming.publish("4")
    assert listed() == [(CODE, "4", small.desk.today())]
    assert small.desk.today() > filed_on
    second = scheming.publish("3")
    assert [levels for _, levels, _ in listed()] == ["43"]
    scheming.step(first, "end", "approver", "不再评价")
    assert [levels for _, levels, _ in listed()] == ["3"]
    scheming.step(second, "end", "approver", "不再评价")
    assert listed() == []


def test_a_company_off_the_list_has_no_published_scheme(small: Any, scheming: Any) -> None:
    scheming.list_company()
    scheming.publish()
    context = small.context("clerk")
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
    with small.read() as session:
        assert published_schemes(session, context) == ()
    scheming.later(days=800)
    scheming.list_company()
    with small.read() as session:
        assert published_schemes(session, context) == ()


def test_a_newer_scheme_stands_beside_the_older(small: Any, scheming: Any) -> None:
    scheming.list_company()
    older = scheming.publish()
    newer = scheming.publish("3")
    with small.read() as session:
        found = published_schemes(session, small.context("clerk"))
    assert {(one.case_id, one.levels) for one in found} == {(older, "43"), (newer, "3")}


def test_a_scheme_needs_a_filed_occupation(small: Any, scheming: Any) -> None:
    with pytest.raises(GuardsFailed, match="企业在备案名单内"):
        scheming.start()
    scheming.list_company()
    with small.write() as session, pytest.raises(Refused, match="须重新申请备案"):
        schemes.start_scheme(
            session,
            "6-31-01-03",
            "",
            by=small.who("editor1"),
            context=small.context("editor1"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
    with pytest.raises(NotFound):
        scheming.start("clerk")
    with small.read() as session:
        offered = schemes.may_start(session, small.who("editor1"), small.context("editor1"))
        assert [(item.code, item.levels) for item in offered] == [(CODE, "43")]
        assert schemes.may_start(session, small.who("editor2"), small.context("editor2")) == ()


def test_a_level_that_is_not_filed_is_not_there(small: Any, scheming: Any) -> None:
    scheming.list_company("43")
    case_id = scheming.start()
    with pytest.raises(NotFound, match="不在已备案的等级"):
        scheming.fill(case_id, "1")


def test_levels_of_two_filings_add_up(small: Any, scheming: Any) -> None:
    scheming.list_company("43")
    scheming.list_company("2")
    case_id = scheming.start()
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert schemes.offered_levels(session, case, small.context("editor1")) == "432"


@pytest.mark.parametrize(
    ("changed", "fault", "part"),
    [
        ({"weight-theory": "20"}, SchemeFault.WEIGHTS_SUM, None),
        ({"pass-skill": "50"}, SchemeFault.NATIONAL_PART_WEAKENED, PartKind.SKILL),
        ({"veto-theory": "no"}, SchemeFault.NATIONAL_PART_WEAKENED, PartKind.THEORY),
        (
            {"use-theory": "no", "weight-skill": "80"},
            SchemeFault.NATIONAL_PART_MISSING,
            PartKind.THEORY,
        ),
        ({"pass-safety": "101"}, SchemeFault.MARK_RANGE, PartKind.SAFETY),
        ({"total_mark": "0"}, SchemeFault.MARK_RANGE, None),
    ],
)
def test_a_scheme_that_falls_short_is_not_sent_in(
    small: Any, scheming: Any, changed: dict[str, str], fault: SchemeFault, part: PartKind | None
) -> None:
    case_id = ready(small, scheming, **changed)
    with pytest.raises(SchemeNotReady) as refused:
        scheming.step(case_id, "submit", "head1")
    found = [
        (item.level, item.finding.fault, item.finding.part)
        for item in refused.value.preview.findings
    ]
    assert found == [("4", fault, part), ("3", fault, part)]
    with small.read() as session:
        case = session.get_one(Case, case_id)
        seen = schemes.preview(session, case, small.context("editor1"))
    assert seen.findings == refused.value.preview.findings
    assert state(small, case_id) == "draft"


def test_a_departure_with_a_reason_is_sent_in(small: Any, scheming: Any) -> None:
    case_id = ready(small, scheming, **{"pass-skill": "50", "reason-skill": "采用过程考核"})
    scheming.step(case_id, "submit", "head1")
    assert state(small, case_id) == "submitted"


def test_an_unfilled_scheme_is_not_sent_in(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.start()
    with pytest.raises(SchemeNotReady) as refused:
        scheming.step(case_id, "submit", "head1")
    seen = refused.value.preview
    assert (seen.standard_missing, seen.levels_missing) == (True, True)


def test_a_company_that_left_the_list_sends_nothing_in(small: Any, scheming: Any) -> None:
    case_id = ready(small, scheming)
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
    with pytest.raises(SchemeNotReady, match="企业在备案名单内"):
        scheming.step(case_id, "submit", "head1")


def test_a_scheme_of_a_company_that_left_the_list_is_not_published(
    small: Any, scheming: Any
) -> None:
    case_id = at_experts(small, scheming)
    scheming.say(case_id, True, True, True)
    scheming.step(case_id, "prepare", "clerk")
    with small.write() as session:
        session.get_one(Company, 1).state = "barred"
    with pytest.raises(GuardsFailed, match="企业在备案名单内"):
        scheming.step(case_id, "approve", "approver")
    assert state(small, case_id) == "prepared"


@pytest.mark.parametrize(
    ("answers", "heard"),
    [
        ((), False),
        ((True, True), False),
        ((True, True, False), True),
        ((True, False, False), True),
    ],
)
def test_the_whole_panel_speaks_and_most_of_it_in_favour_publishes(
    small: Any, scheming: Any, answers: tuple[bool, ...], heard: bool
) -> None:
    case_id = at_experts(small, scheming)
    scheming.say(case_id, *answers)
    if not heard:
        with pytest.raises(GuardsFailed, match="专家评估已完成"):
            scheming.step(case_id, "prepare", "clerk")
        return
    scheming.step(case_id, "prepare", "clerk", "拟办")
    if answers.count(True) > 1:
        scheming.step(case_id, "approve", "approver")
        assert state(small, case_id) == "published"
        return
    with pytest.raises(GuardsFailed, match="专家评估通过"):
        scheming.step(case_id, "approve", "approver")
    # What the experts are against is refused, with reasons and four eyes; not returned for ever.
    scheming.step(case_id, "reject", "approver", "专家评估未通过")
    assert state(small, case_id) == "rejected"


def test_opinions_on_what_was_changed_since_count_no_more(small: Any, scheming: Any) -> None:
    case_id = at_experts(small, scheming)
    scheming.say(case_id, True, True, True)
    scheming.step(case_id, "return", "clerk", "权重说明不足")
    scheming.fill(case_id, "3")
    scheming.step(case_id, "submit", "head1")
    scheming.step(case_id, "call-experts", "clerk")
    with pytest.raises(GuardsFailed, match="专家评估已完成"):
        scheming.step(case_id, "prepare", "clerk")
    scheming.say(case_id, True, True, True)
    scheming.step(case_id, "prepare", "clerk")
    assert state(small, case_id) == "prepared"


def test_an_opinion_belongs_to_a_scheme_the_clerk_may_see(small: Any, scheming: Any) -> None:
    case_id = at_experts(small, scheming)
    said = Said(expert_id=scheming.experts[0], in_favour=True, opinion="同意")
    context = small.context("clerk")
    with small.write() as session:
        filing = session.query(Case).filter(Case.kind == "filing").one()
        doing = small.doing("clerk", filing)
        with pytest.raises(NotFound):
            record_opinion(session, filing.case_id, said, doing=doing, context=context)
        case = session.get_one(Case, case_id)
        with pytest.raises(ForbiddenStep):
            record_opinion(
                session, case_id, said, doing=small.doing("approver", case), context=context
            )


def test_a_reason_is_demanded_and_not_longer_than_is_kept(small: Any, scheming: Any) -> None:
    case_id = at_experts(small, scheming)
    with pytest.raises(GuardsFailed, match="已说明理由"):
        scheming.step(case_id, "return", "clerk", " ")
    with pytest.raises(Refused, match="不能超过"):
        scheming.step(case_id, "return", "clerk", "理" * 1001)
    scheming.say(case_id, True, True, True)
    scheming.step(case_id, "prepare", "clerk")
    scheming.step(case_id, "reject", "approver", "与主营业务无关")
    assert state(small, case_id) == "rejected"


def test_a_published_scheme_is_ended_by_another_than_prepared_it(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.publish()
    scheming.step(case_id, "end", "approver", "企业停止评价该职业")
    assert state(small, case_id) == "ended"
    with small.read() as session:
        assert published_schemes(session, small.context("clerk")) == ()


def test_of_two_editors_at_once_one_wins(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.start()
    with small.read() as session:
        stale = session.get_one(Case, case_id)
        doing = small.doing("editor1", stale)
    scheming.fill(case_id)
    context = small.context("editor1")
    with small.write() as session:
        case = session.get_one(Case, case_id)
        with pytest.raises(CaseMoved):
            schemes.drop_level(session, case, "4", doing=doing, context=context)


def test_other_tenants_and_other_kinds_are_not_there(small: Any, scheming: Any) -> None:
    scheming.list_company()
    case_id = scheming.start()
    with small.read() as session:
        filing = session.query(Case).filter(Case.kind == "filing").one()
        for login, wanted in (("editor2", case_id), ("admin", case_id), ("clerk", filing.case_id)):
            with pytest.raises(NotFound):
                schemes.get_scheme(session, wanted, small.who(login))
    with small.write() as session:
        case = session.get_one(Case, case_id)
        with pytest.raises(NotAllowed):
            schemes.save_standard(
                session,
                case,
                {"standard_kind": "national", "standard": "一", "standard_number": "二"},
                doing=small.doing("clerk", case),
                context=small.context("clerk"),
            )
