"""From filed results to certificates: each missing link, each wrong person, each second click."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from keys.model import KeyState
from registry.errors import AlreadyHeld, NotFound, Refused
from registry.office.approving import issued_results, review
from registry.office.batches import BatchNotReady
from registry.office.cases import CaseMoved, GuardsFailed, get_case, timeline
from registry.office.certificates import open_certificate
from registry.office.issuer_keys import KeyNotActive, end_key
from registry.office.issuing import find_batch
from registry.office.milestones import list_milestones, open_milestone
from registry.office.publicity import start_publicity, submit_batch
from registry.office.results import result_lines
from registry.office.sealing import SigningFault
from registry.office.steps import take
from registry.rules.errors import ForbiddenStep
from registry.rules.findings import FindingCode
from registry.store.audit import AuditLine
from registry.store.certificates import Batch, Certificate
from registry.store.log import EventGroup
from registry.store.organisations import Issuer
from registry.store.procedure import Case, CasePerson, Company

PREFIX = "Y000044999001"


def certificates(small: Any) -> int:
    with small.read() as session:
        return int(session.query(Certificate).count())


def see(small: Any, case_id: int, **more: Any) -> Any:
    with small.read() as session:
        return review(
            session,
            session.get_one(Case, case_id),
            drawable=more.get("drawable", lambda _char: True),
            context=small.context("clerk"),
            today=small.desk.today(),
        )


def test_an_approved_batch_becomes_certificates_of_who_passed(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    done = assessing.issue(case_id)
    head = f"{PREFIX}264"
    assert (done.count, done.recognised) == (2, False)
    assert done.ranges == ((f"{head}000001", f"{head}000002"),)
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.outcome, case.turn) == ("issued", done.batch_id, None)
        batch = session.get_one(Batch, done.batch_id)
        assert (batch.approval, batch.prefix) == (case.reference, PREFIX)
        context = small.context("clerk")
        records = [open_certificate(c, context).record for c in session.query(Certificate)]
        assert {record.name for record in records} == {"员工一", "员工丁"}
        one = records[0]
        assert (one.occupation, one.direction, one.level) == ("车工", "数控车工", "4")
        assert (one.issued, one.admission) == ("2026-12-31", "JH-2026-0001-0001")
        (approval,) = [
            open_milestone(m, context).facts
            for m in list_milestones(session, case.reference)
            if m.kind == "approval"
        ]
        assert approval.date == "2026-12-31"
        assert [line.event for line in timeline(session, case)] == [
            *("open", "publish", "submit", "prepare", "approve", "issue")
        ]


def test_a_second_click_finds_what_the_first_one_issued(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with small.read() as session:
        same = small.doing("clerk", session.get_one(Case, case_id))
    first = assessing.issue(case_id, doing=same)
    assessing.wait(3)
    second = assessing.issue(case_id, doing=same)
    assert (second.batch_id, second.ranges, second.recognised) == (
        first.batch_id,
        first.ranges,
        True,
    )
    assert certificates(small) == 2


def test_two_clicks_at_once_issue_once(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with small.read() as session:
        case = session.get_one(Case, case_id)
        stale = small.doing("clerk", case)
    with small.write() as session:
        session.get_one(Case, case_id).version += 1
    with pytest.raises(CaseMoved):
        assessing.issue(case_id, doing=stale)
    assert (certificates(small), assessing.state(case_id)) == (0, "approved")


def test_a_fault_while_issuing_leaves_nothing_and_can_be_repeated(
    small: Any, assessing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = assessing.approved()
    from registry.office import approving

    def breaks(*_args: Any, **_more: Any) -> None:
        raise SigningFault("made by the test")

    with monkeypatch.context() as patch:
        # After the certificates were inserted, before the end of the transaction.
        patch.setattr(approving, "issued_results", breaks)
        with pytest.raises(SigningFault):
            assessing.issue(case_id)
    assert (certificates(small), assessing.state(case_id)) == (0, "approved")
    with small.read() as session:
        assert session.query(EventGroup).filter_by(kind="issue").count() == 0
        assert session.query(AuditLine).filter_by(action="batch-issue").count() == 0
    assert assessing.issue(case_id).ranges[0][0].endswith("000001")


def test_nothing_is_signed_when_the_ledger_says_no(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    small.refusal = Refused("登记日志有分叉，暂停签发")
    with pytest.raises(Refused, match="暂停签发"):
        assessing.issue(case_id)
    assert (certificates(small), assessing.state(case_id)) == (0, "approved")


def test_a_key_that_was_revoked_signs_nothing(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with small.write() as session:
        end_key(session, small.signer.info.key_id, KeyState.REVOKED, context=small.desk.context())
    with pytest.raises(KeyNotActive, match="请联系系统管理员更换密钥"):
        assessing.issue(case_id)
    assert (certificates(small), assessing.state(case_id)) == (0, "approved")


@pytest.mark.parametrize("state", ["draft", "publicity", "submitted", "returned", "prepared"])
def test_only_an_approved_batch_is_issued(small: Any, assessing: Any, state: str) -> None:
    case_id = assessing.submitted()
    with small.write() as session:
        session.get_one(Case, case_id).state = state
    with pytest.raises(ForbiddenStep):
        assessing.issue(case_id)
    assert certificates(small) == 0


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("plan", "尚未实施完毕"),
        ("scheme-ended", "未公布，或者已停用"),
        ("scheme-draft", "未公布，或者已停用"),
        ("scheme-other", "不是本企业的"),
        ("company-barred", "不在备案名单内"),
        ("company-prefix", "没有机构编码"),
    ],
)
@pytest.mark.parametrize("step", ["approve", "issue"])
def test_each_missing_link_is_refused(
    small: Any, assessing: Any, broken: str, says: str, step: str
) -> None:
    case_id = assessing.submitted() if step == "approve" else assessing.approved()
    if step == "approve":
        assessing.prepare(case_id)
    with small.write() as session:
        plan = session.get_one(Case, session.get_one(Case, case_id).parent_id)
        scheme, company = session.get_one(Case, plan.parent_id), session.get_one(Company, 1)
        match broken:
            case "plan":
                plan.state = "recorded"
            case "scheme-ended":
                scheme.state = "ended"
            case "scheme-draft":
                scheme.state = "draft"
            case "scheme-other":
                scheme.company_id = 2
            case "company-barred":
                company.state = "barred"
            case _:
                company.prefix = None
    act = assessing.approve if step == "approve" else assessing.issue
    with pytest.raises(BatchNotReady, match=says):
        act(case_id)
    assert certificates(small) == 0


def test_persons_changed_after_approval_get_nothing(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    with small.write() as session:
        session.query(CasePerson).filter_by(case_id=case_id, passed=False).one().passed = True
    with pytest.raises(BatchNotReady, match="与登记的不一致"):
        assessing.issue(case_id)
    with small.write() as session:
        row = session.query(CasePerson).filter_by(case_id=case_id).order_by(CasePerson.row)[0]
        session.delete(row)
    with pytest.raises(BatchNotReady, match="与登记的不一致"):
        assessing.issue(case_id)


def test_nobody_approves_what_they_prepared_nor_the_company(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.prepare(case_id)
    for login in ("clerk", "head1"):
        with pytest.raises(ForbiddenStep):
            assessing.approve(case_id, login)
    with small.write() as session:
        session.get_one(Case, case_id).prepared_by = 6
    with pytest.raises(GuardsFailed, match="不是同一人"):
        assessing.approve(case_id, "approver")


def test_a_return_is_seen_by_row_and_goes_through_publicity_again(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.submitted()
    with pytest.raises(GuardsFailed, match="已说明理由"):
        assessing.give_back(case_id, "clerk", {3: "录像缺失"}, "")
    assessing.give_back(case_id, "clerk", {3: "录像缺失"}, "补充录像")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.turn, case.due_on) == ("returned", "company", date(2027, 1, 8))
        from registry.office.batches import basis_of

        context = small.context("editor1")
        schemes = basis_of(session, case, context).schemes
        found = [line for line in result_lines(session, case, schemes, context) if line.finding]
        assert [(line.row, line.name, line.finding) for line in found] == [(3, "员**", "录像缺失")]
    assessing.at(date(2027, 1, 4))
    assessing.act(start_publicity, case_id, "head1")
    assessing.at(date(2027, 1, 12))
    assessing.act(submit_batch, case_id, "head1")
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    assert assessing.issue(case_id).ranges[0][0].startswith(f"{PREFIX}274")


def test_sent_back_inside_the_office_its_term_goes_on(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.prepare(case_id)
    assessing.at(date(2027, 1, 6))
    assessing.give_back(case_id, "approver", {}, "请核对第 2 行")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.due_on) == ("submitted", date(2027, 1, 8))


def test_the_review_names_who_holds_such_a_certificate(small: Any, assessing: Any) -> None:
    assessing.issue(assessing.approved())
    small.clock.moment = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
    again = assessing.submitted()
    seen = see(small, again)
    assert not seen.sound
    held = [found for found in seen.findings.listed if found.code is FindingCode.ALREADY_HELD]
    assert [(found.where.row, found.where.column) for found in held] == [
        (2, "id_number"),
        (3, "id_number"),
    ]
    with pytest.raises(GuardsFailed, match="名册无错误"):
        assessing.prepare(again)
    with small.write() as session:
        session.get_one(Case, again).state = "prepared"
        session.get_one(Case, again).prepared_by = 5
    assessing.approve(again, "approver")
    with pytest.raises(AlreadyHeld, match="已持有同一职业同一等级"):
        assessing.issue(again)
    assert (certificates(small), assessing.state(again)) == (2, "approved")


def test_a_name_the_fonts_lack_and_a_level_not_filed_for(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    seen = see(small, case_id, drawable=lambda char: char != "丁")
    assert [(f.where.row, f.code) for f in seen.findings.listed] == [
        (3, FindingCode.NAME_NOT_DRAWABLE)
    ]
    with small.write() as session:
        session.get_one(Issuer, PREFIX).levels = "5"
    assert {f.code for f in see(small, case_id).findings.listed} == {FindingCode.LEVEL_OUT_OF_SCOPE}


def test_where_nobody_passed_there_is_nothing_to_issue(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan(people=1))
    assessing.scores(case_id, assessing.rows(case_id, ("30", "30")))
    assessing.evidence(case_id)
    assessing.publish(case_id)
    assessing.at(date(2026, 12, 31))
    assessing.act(submit_batch, case_id, "head1")
    assert see(small, case_id).sound
    assessing.prepare(case_id)
    assessing.approve(case_id, "approver")
    with pytest.raises(Refused, match="没有合格人员"):
        assessing.issue(case_id)
    with small.read() as session, pytest.raises(NotFound, match="尚未发证"):
        issued_results(session, session.get_one(Case, case_id))


def test_a_rejected_batch_makes_room_for_another(small: Any, assessing: Any) -> None:
    case_id = assessing.submitted()
    assessing.prepare(case_id)
    with small.write() as session:
        case = get_case(session, case_id, small.who("approver"))
        doing = small.doing("approver", case, "现场录像不实")
        take(session, case, "reject", doing, small.desk)
        plan = int(case.parent_id)
    assert assessing.state(case_id) == "rejected"
    assert assessing.open(plan) != case_id


def test_a_list_issued_by_another_way_is_not_taken_for_this_one(small: Any, assessing: Any) -> None:
    case_id = assessing.approved()
    done = assessing.issue(case_id)
    with small.write() as session:
        batch = session.get_one(Batch, done.batch_id)
        assert find_batch(session, prefix=PREFIX, digest=batch.content_digest) is batch
        batch.approval = "另一批文"
        session.get_one(Case, case_id).state = "approved"
    with pytest.raises(Refused, match="本批次没有再发"):
        assessing.issue(case_id)
