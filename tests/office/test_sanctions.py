"""Sanctions: proposed by one, decided by another, and in force with the decision."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from registry.errors import NotFound, Refused
from registry.office import sanctions, supervising, visits
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, GuardsFailed
from registry.office.form_faults import FormFaults
from registry.office.identity import AccountId, Identity, NotAllowed, Role
from registry.office.revising import Reason, revoke
from registry.office.sanction_effects import Ground
from registry.rules.errors import ForbiddenStep
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate, CertificateState
from registry.store.outbox import UploadKind, UploadRow
from registry.store.procedure import Company
from registry.store.registers import Assessor, Supervision

WHY = "现场查实替考，名单见附件"


@pytest.fixture
def listed(supervised: Any) -> Any:
    supervised.list_company(1)
    return supervised


def delist(small: Any, ground: Ground = Ground.CHEATING, login: str = "clerk") -> int:
    with small.write() as session:
        return sanctions.propose_delisting(
            session,
            1,
            ground,
            WHY,
            by=small.who(login),
            context=small.context(login),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )


def propose(small: Any, use_case: Callable[..., int], *args: Any, login: str = "clerk") -> int:
    with small.write() as session:
        by, context = small.who(login), small.context(login)
        return use_case(session, *args, by=by, context=context)


def decide(small: Any, row_id: int, *, uphold: bool = True, by: Any = None, **more: Any) -> int:
    with small.write() as session:
        return sanctions.decide(
            session,
            row_id,
            uphold=uphold,
            note=more.pop("note", "事实清楚，同意"),
            by=by or small.who("approver"),
            desk=small.desk,
            **more,
        )


def company(small: Any) -> Company:
    with small.read() as session:
        return session.get_one(Company, 1)  # type: ignore[no-any-return]


def stage(small: Any, row_id: int) -> str:
    with small.read() as session:
        return str(session.get_one(Supervision, row_id).state)


@pytest.mark.parametrize(
    ("ground", "until"),
    [
        (Ground.CHEATING, date(2031, 11, 27)),
        (Ground.UNFIT, date(2028, 11, 27)),
        (Ground.IDLE, date(2028, 11, 27)),
    ],
)
def test_a_delisted_company_is_barred_by_the_rule(
    small: Any, listed: Any, ground: Ground, until: date
) -> None:
    row_id = delist(small, ground)
    assert company(small).state == "delisting"
    decide(small, row_id)
    assert (company(small).state, company(small).barred_until) == ("barred", until)
    with small.read() as session:
        actions = session.scalars(select(AuditLine.action)).all()
    assert actions == ["delisting-propose", "delisting-uphold"]


def test_a_dropped_proposal_leaves_the_company_listed(small: Any, listed: Any) -> None:
    row_id = delist(small)
    decide(small, row_id, uphold=False)
    assert (company(small).state, company(small).barred_until) == ("listed", None)
    assert stage(small, row_id) == "dropped"
    delist(small)


def test_a_company_that_was_active_is_not_idle(small: Any, listed: Any) -> None:
    listed.assessed(30)
    with pytest.raises(FormFaults, match="一年内实施过评价"):
        delist(small, Ground.IDLE)
    assert company(small).state == "listed"


@pytest.mark.parametrize("ground", [Ground.VIOLATION, Ground.FRAUD])
def test_a_ground_of_something_else_is_refused(small: Any, listed: Any, ground: Ground) -> None:
    with pytest.raises(FormFaults, match="处理情形"):
        delist(small, ground)


def test_only_a_listed_company_is_delisted_and_once(small: Any, supervised: Any) -> None:
    with pytest.raises(ForbiddenStep):
        delist(small)
    supervised.list_company(1)
    delist(small)
    with pytest.raises(ForbiddenStep, match="拟移出名单"):
        delist(small)


@pytest.mark.parametrize("login", ["approver", "supervisor", "head1", "admin", "auditor"])
def test_only_a_clerk_proposes(small: Any, listed: Any, login: str) -> None:
    with pytest.raises(NotAllowed):
        delist(small, login=login)


@pytest.mark.parametrize("login", ["clerk", "supervisor", "head1", "admin", "auditor"])
def test_only_an_approver_decides(small: Any, listed: Any, login: str) -> None:
    row_id = delist(small)
    with pytest.raises(NotAllowed):
        decide(small, row_id, by=small.who(login))
    assert stage(small, row_id) == "proposed"


@pytest.mark.parametrize("uphold", [True, False])
def test_the_proposer_does_not_decide(small: Any, listed: Any, uphold: bool) -> None:
    """A clerk who has become an approver since is still the same person."""
    row_id = delist(small)
    promoted = Identity(account_id=AccountId(5), login="clerk", role=Role.APPROVER)
    with pytest.raises(GuardsFailed, match="不是同一人"):
        decide(small, row_id, uphold=uphold, by=promoted)
    assert (stage(small, row_id), company(small).state) == ("proposed", "delisting")


@pytest.mark.parametrize("note", ["", " \n", "长" * 2001])
def test_a_decision_has_its_reason(small: Any, listed: Any, note: str) -> None:
    row_id = delist(small)
    with pytest.raises(FormFaults):
        decide(small, row_id, note=note)
    assert stage(small, row_id) == "proposed"


def test_of_two_deciders_at_once_one_wins(small: Any, listed: Any) -> None:
    row_id = delist(small)
    with small.write() as session:
        session.add(
            Account(
                account_id=11,
                login="approver2",
                display=b"",
                role="approver",
                staff_number="GH-011",
                password="!",
                password_at=small.clock.now(),
                created_at=small.clock.now(),
            )
        )
    second = Identity(account_id=AccountId(11), login="approver2", role=Role.APPROVER)

    def attempt(by: Any, uphold: bool) -> str:
        try:
            decide(small, row_id, uphold=uphold, by=by)
        except CaseMoved:
            return "moved"
        return "upheld" if uphold else "dropped"

    with ThreadPoolExecutor(2) as pool:
        tries = [(small.who("approver"), True), (second, False)]
        ended = list(pool.map(lambda one: attempt(*one), tries))
    assert ended.count("moved") == 1
    won = next(end for end in ended if end != "moved")
    assert stage(small, row_id) == won
    assert company(small).state == ("barred" if won == "upheld" else "listed")


def test_the_company_is_heard_before_the_decision(small: Any, listed: Any) -> None:
    row_id = delist(small)
    with small.write() as session:
        by, context = small.who("head1"), small.context("head1")
        visits.answer(session, row_id, "我司申请复核", by=by, context=context)
    decide(small, row_id)
    with small.read() as session:
        context = small.context("auditor")
        seen = supervising.get_item(session, row_id, small.who("auditor"), context)
    assert (seen.text.answer, seen.text.reason) == ("我司申请复核", WHY)
    assert seen.text.decision == "事实清楚，同意"


def test_another_districts_clerk_proposes_nothing(small: Any, supervised: Any) -> None:
    supervised.list_company(2)
    with small.write() as session, pytest.raises(NotFound):
        sanctions.propose_delisting(
            session,
            2,
            Ground.UNFIT,
            WHY,
            by=small.who("clerk-a"),
            context=small.context("clerk-a"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )


def assessor(small: Any, assessor_id: int) -> Assessor:
    with small.read() as session:
        return session.get_one(Assessor, assessor_id)  # type: ignore[no-any-return]


def test_a_violation_disqualifies(small: Any, listed: Any) -> None:
    who = listed.assessor()
    row_id = propose(small, sanctions.propose_disqualification, who, Ground.VIOLATION, WHY)
    assert assessor(small, who).state == "proposed"
    decide(small, row_id)
    assert assessor(small, who).state == "disqualified"
    with pytest.raises(ForbiddenStep):
        propose(small, sanctions.propose_disqualification, who, Ground.VIOLATION, WHY)
    with small.read() as session:
        actions = session.scalars(select(AuditLine.action).where(AuditLine.line_id > 1)).all()
    assert actions == ["assessor-propose-disqualification", "assessor-disqualify"]


def test_two_faults_need_one_on_record(small: Any, listed: Any) -> None:
    who = listed.assessor()
    with pytest.raises(FormFaults, match="尚无失职记录"):
        propose(small, sanctions.propose_disqualification, who, Ground.TWO_FAULTS, WHY)
    with pytest.raises(NotAllowed):
        propose(small, sanctions.record_fault, who, "迟到离岗", login="clerk")
    propose(small, sanctions.record_fault, who, "迟到离岗", login="supervisor")
    assert (assessor(small, who).state, assessor(small, who).faults) == ("faulted", 1)
    row_id = propose(small, sanctions.propose_disqualification, who, Ground.TWO_FAULTS, WHY)
    decide(small, row_id, uphold=False)
    assert assessor(small, who).state == "faulted"


@pytest.mark.parametrize("fault", [False, True])
def test_a_proposal_that_is_dropped_leaves_what_was_before_it(
    small: Any, listed: Any, fault: bool
) -> None:
    who = listed.assessor()
    if fault:
        propose(small, sanctions.record_fault, who, "迟到离岗", login="supervisor")
    before = assessor(small, who)
    row_id = propose(small, sanctions.propose_disqualification, who, Ground.VIOLATION, WHY)
    assert assessor(small, who).state == ("proposed-faulted" if fault else "proposed")
    decide(small, row_id, uphold=False)
    after = assessor(small, who)
    assert (after.state, after.faults) == (before.state, before.faults)
    # It stands as if nothing had been proposed: a fault, or another proposal, is recorded.
    again = propose(small, sanctions.propose_disqualification, who, Ground.VIOLATION, WHY)
    decide(small, again)
    assert assessor(small, who).state == "disqualified"


def test_the_proposer_does_not_disqualify(small: Any, listed: Any) -> None:
    who = listed.assessor()
    row_id = propose(small, sanctions.propose_disqualification, who, Ground.VIOLATION, WHY)
    promoted = Identity(account_id=AccountId(5), login="clerk", role=Role.APPROVER)
    with pytest.raises(GuardsFailed):
        decide(small, row_id, by=promoted)
    assert assessor(small, who).state == "proposed"


def states(small: Any) -> list[int]:
    with small.read() as session:
        return list(session.scalars(select(Certificate.state).order_by(Certificate.status_index)))


def test_a_batch_is_revoked_whole_with_its_upload_rows(small: Any, listed: Any) -> None:
    batch = listed.issue(4)
    with small.write() as session:
        number = session.scalars(select(Certificate.number)).first()
        revoke(session, number, Reason.HOLDER_REQUEST, context=small.context("clerk"))
    row_id = propose(small, sanctions.propose_revocation, batch, WHY)
    assert states(small).count(CertificateState.VALID) == 3
    told: list[tuple[int, int]] = []
    assert decide(small, row_id, progress=lambda done, of: told.append((done, of))) == 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert set(states(small)) == {CertificateState.REVOKED}
    with small.read() as session:
        kinds = session.scalars(select(UploadRow.kind)).all()
        line = session.scalars(
            select(AuditLine).where(AuditLine.action == "revocation-uphold")
        ).one()
    assert list(kinds).count(UploadKind.WITHDRAWAL.value) == 4
    assert line.detail == f"batch {batch}: 3 certificates"


def test_a_dropped_revocation_revokes_nothing(small: Any, listed: Any) -> None:
    row_id = propose(small, sanctions.propose_revocation, listed.issue(), WHY)
    assert decide(small, row_id, uphold=False) == 0
    assert set(states(small)) == {CertificateState.VALID}


def test_a_batch_is_proposed_once_at_a_time(small: Any, listed: Any) -> None:
    batch = listed.issue()
    row_id = propose(small, sanctions.propose_revocation, batch, WHY)
    with pytest.raises(Refused, match="已有待审批"):
        propose(small, sanctions.propose_revocation, f" {batch} ", WHY)
    decide(small, row_id, uphold=False)
    propose(small, sanctions.propose_revocation, batch, WHY)


def test_an_unknown_batch_is_not_there(small: Any, listed: Any) -> None:
    with pytest.raises(NotFound):
        propose(small, sanctions.propose_revocation, "none", WHY)
    with pytest.raises(NotFound):
        propose(small, sanctions.propose_revocation, "", WHY)


def test_a_fault_halfway_leaves_every_certificate_standing(
    small: Any, listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = propose(small, sanctions.propose_revocation, listed.issue(), WHY)

    def fail(done: int, _of: int) -> None:
        if done == 2:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        decide(small, row_id, progress=fail)
    assert (set(states(small)), stage(small, row_id)) == ({CertificateState.VALID}, "proposed")
    small.refusal = Refused("the ledger's head is lost")
    with pytest.raises(Refused, match="lost"):
        decide(small, row_id)
    small.refusal = None
    monkeypatch.setattr("registry.office.sanction_effects.REVOKED_AT_MOST", 2)
    with pytest.raises(Refused, match="超过 2 本"):
        decide(small, row_id)
    assert (set(states(small)), stage(small, row_id)) == ({CertificateState.VALID}, "proposed")


def test_suspended_certificates_are_revoked_too(small: Any, listed: Any) -> None:
    batch = listed.issue()
    with small.write() as session:
        session.scalars(select(Certificate)).first().state = CertificateState.SUSPENDED
    assert decide(small, propose(small, sanctions.propose_revocation, batch, WHY)) == 3
    assert set(states(small)) == {CertificateState.REVOKED}


def test_a_visit_is_nothing_to_decide(small: Any, listed: Any) -> None:
    who = listed.assessor()
    row_id = propose(small, sanctions.record_fault, who, "迟到离岗", login="supervisor")
    with pytest.raises(NotAllowed):
        decide(small, row_id)
