"""The whole procedure on PostgreSQL, by the use cases the pages call: from filing to sanction."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.office import evaluations, sanctions, visits
from registry.office.almanac import read_almanac
from registry.office.approving import issued_results
from registry.office.audit_chain import Verdict, link_audit, verify_audit
from registry.office.case_list import cases_of
from registry.office.cases import CaseKind, timeline
from registry.office.directory import directory
from registry.office.docket import docket
from registry.office.draws import draw_file, fix_pool, list_draws, make_draw
from registry.office.filing_approval import carry_approval, record_prefix
from registry.office.filing_review import assign
from registry.office.filings import Barred, start_filing
from registry.office.plan_steps import hold_due_plans
from registry.office.published import published_schemes
from registry.office.sanctions import Ground
from registry.office.steps import take
from registry.office.supervising import Result
from registry.office.votes import Said, record_vote
from registry.rules.scores_sheet import NONE
from registry.store.certificates import Certificate, CertificateState
from registry.store.log import EventGroup
from registry.store.outbox import UploadRow
from registry.store.procedure import Case, Company
from registry.store.registers import Occupation, Supervision

PREFIX = "Y000044999001"
CODE = "6-18-01-01"
STARTED, OVER = date(2026, 12, 23), date(2026, 12, 31)
MARKS = ("theory", "skill", "safety", "ethics", "performance")


class Course:
    """One company's way through the procedure; every step in a transaction of its own."""

    def __init__(self, small: Any, planning: Any, scheming: Any, assessing: Any) -> None:
        self.small, self.planning = small, planning
        self.scheming, self.assessing = scheming, assessing

    def step(self, case_id: int, event: str, login: str, note: str = "") -> None:
        with self.small.write() as session:
            case = session.get_one(Case, case_id)
            take(session, case, event, self.small.doing(login, case, note), self.small.desk)

    def file(self) -> int:
        """File and be listed: experts called, two of three in favour."""
        small = self.small
        small.seed_registers()
        with small.write() as session:
            session.add(
                Occupation(
                    edition=2015,
                    code=CODE,
                    name="车工",
                    directions="数控车工",
                    levels="54321",
                    national=False,
                )
            )
        with small.write() as session:
            context, today = small.context("editor1"), small.desk.today()
            almanac, by = read_almanac(session), small.who("editor1")
            filing = start_filing(session, by=by, context=context, almanac=almanac, today=today)
            case_id = int(filing.case_id)
        small.fill_filing(case_id, occupation=CODE, direction="数控车工")
        self.step(case_id, "submit", "head1")
        self.step(case_id, "accept", "clerk")
        with small.write() as session:
            case = session.get_one(Case, case_id)
            doing, context = small.doing("clerk", case), small.context("clerk")
            assign(session, case, 5, doing=doing, context=context)
        self.step(case_id, "call-experts", "clerk")
        for expert, in_favour in ((1, True), (2, False), (3, True)):
            with small.write() as session:
                case = session.get_one(Case, case_id)
                said = Said(expert_id=expert, in_favour=in_favour, opinion="现场评估意见")
                doing, context = small.doing("clerk", case), small.context("clerk")
                record_vote(session, case, said, doing=doing, context=context)
        self.step(case_id, "prepare", "clerk", "拟同意")
        with small.write() as session:
            case = session.get_one(Case, case_id)
            doing, context = small.doing("clerk", case), small.context("clerk")
            record_prefix(session, case, PREFIX, doing=doing, context=context)
        with small.read() as session:
            doing = small.doing("approver", session.get_one(Case, case_id), "同意备案")
        carry_approval(small.desk, case_id, PREFIX, doing)
        return case_id

    def publish_scheme(self) -> None:
        self.scheming.experts = [1, 2, 3]
        self.planning.scheme = self.scheming.publish()
        self.planning.assessors = [self.planning.assessor(900 + serial) for serial in range(3)]

    def hold(self) -> int:
        plan = int(self.planning.draft(people=3))
        self.step(plan, "submit", "head1")
        self.step(plan, "record", "clerk")
        return plan

    def assess(self, plan: int) -> int:
        """Hold the plan, register results of which the last is a failure, publish and file them."""
        small, assessing = self.small, self.assessing
        assessing.at(STARTED)
        with small.write() as session:
            held = hold_due_plans(session, small.desk.context(), STARTED)
        assert len(held.held) == 1
        batch = int(assessing.open(plan))
        rows = assessing.rows(batch, ("80", "75.5"), ("66", "60"), ("90", "59.9"))
        for _row, cells in rows:
            cells.update({f"mark_{kind}": "88" for kind in MARKS[2:]}, safety_record=NONE)
        checked = assessing.scores(batch, rows)
        assert (checked.acceptable, checked.passed) == (True, 2), checked.findings
        assessing.evidence(batch)
        assessing.publish(batch)
        assessing.at(OVER)
        assessing.act(_submit, batch, "head1")
        return batch


def _submit(session: Any, case: Any, doing: Any, desk: Any) -> None:
    from registry.office.publicity import submit_batch

    submit_batch(session, case, doing, desk)


@pytest.fixture
def course(small: Any, planning: Any, scheming: Any, assessing: Any) -> Course:
    return Course(small, planning, scheming, assessing)


def test_from_filing_to_certificates_and_to_their_end(course: Course, supervised: Any) -> None:
    small, assessing = course.small, course.assessing
    filing = course.file()
    course.publish_scheme()
    plan = course.hold()
    _drawn_and_visited(course, supervised, plan)
    batch = course.assess(plan)
    assessing.prepare(batch)
    course.step(batch, "approve", "approver", "同意备案")
    done = assessing.issue(batch)
    assert (done.count, done.recognised) == (2, False)
    assert assessing.issue(batch).recognised
    with small.read() as session:
        numbers = session.scalars(select(Certificate.number).order_by(Certificate.number)).all()
        assert numbers == [f"{PREFIX}264000001", f"{PREFIX}264000002"]
        assert issued_results(session, session.get_one(Case, batch)).ranges == (
            (numbers[0], numbers[1]),
        )
        assert session.scalar(select(func.count()).select_from(UploadRow)) == 2
        lines = [line.event for line in timeline(session, session.get_one(Case, batch))]
        assert lines == ["open", "publish", "submit", "prepare", "approve", "issue"]
        (entry,) = directory(session, small.desk.context())
        assert [(held.code, held.levels) for held in entry.occupations] == [(CODE, "43")]
        (found,) = published_schemes(session, small.desk.context())
        assert (found.form.occupation_code, found.levels) == (CODE, "43")
        _lists_agree(small, session, {filing, plan, batch, course.planning.scheme})
    _sanctioned(course, done.batch_id)
    with small.write() as session:
        link_audit(session)
    with small.read() as session:
        checked = verify_audit(session, small.desk.context(), frozenset())
    assert (checked.verdict, checked.unlinked) == (Verdict.INTACT, 0)


def _drawn_and_visited(course: Course, supervised: Any, plan: int) -> None:
    small = course.small
    supervised.supervisors(2)
    clerk, context = small.who("clerk"), small.context("clerk")
    with small.write() as session:
        draw = fix_pool(session, take=1, avoid=(), by=clerk, context=context)
        draw_id = draw.draw_id
    note = supervised.anchor()
    with small.write() as session:
        paper = make_draw(session, draw_id, note, by=clerk, context=context)
    (pair,) = paper.drawn
    with small.read() as session:
        assert pair.plan == session.get_one(Case, plan).reference
        (view,) = list_draws(session, clerk)
        assert view.result == paper
        row = session.scalars(select(Supervision)).one()
        assert draw_file(session, session.get_one(type(draw), draw_id), context)
    visitor = supervised.visitors[pair.supervisor]
    with small.write() as session:
        visits.report_visit(
            session, row.supervision_id, Result.SERIOUS, "试卷雷同", by=visitor, context=context
        )
    with small.write() as session:
        head = small.who("head1")
        visits.answer(session, row.supervision_id, "情况属实", by=head, context=context)


def _lists_agree(small: Any, session: Any, cases: set[int]) -> None:
    almanac, today = read_almanac(session), small.desk.today()
    for login in ("editor1", "clerk", "auditor"):
        by = small.who(login)
        found = docket(session, by, almanac, today=today)
        assert found.late + found.soon <= found.total + len(found.others)
        listed = {
            item.case_id
            for kind in CaseKind
            for item in cases_of(session, by, almanac, today=today, kind=kind)[0]
        }
        assert listed == cases
    assert docket(session, small.who("editor2"), almanac, today=today).total == 0


def _sanctioned(course: Course, batch_id: str) -> None:
    """Cheating was found: the certificates are revoked and the company is off the list."""
    small, today = course.small, course.small.desk.today()
    clerk, context = small.who("clerk"), small.context("clerk")
    with small.write() as session:
        almanac = read_almanac(session)
        revocation = sanctions.propose_revocation(
            session, batch_id, "组织舞弊", by=clerk, context=context
        )
        delisting = sanctions.propose_delisting(
            session,
            1,
            Ground.CHEATING,
            "组织舞弊",
            by=clerk,
            context=context,
            almanac=almanac,
            today=today,
        )
    for row, count in ((revocation, 2), (delisting, 0)):
        with small.write() as session:
            approver = small.who("approver")
            revoked = sanctions.decide(
                session, row, uphold=True, note="事实清楚", by=approver, desk=small.desk
            )
        assert revoked == count
    with small.read() as session:
        states = set(session.scalars(select(Certificate.state)))
        assert states == {CertificateState.REVOKED}
        company = session.get_one(Company, 1)
        assert (company.state, company.barred_until) == ("barred", date(2032, 1, 1))
        assert directory(session, context) == ()
        due = evaluations.due_evaluations(session, clerk, read_almanac(session), today=today)
        assert due == ()
        assert session.scalar(select(func.count()).where(EventGroup.first_index.is_(None)))
    with small.write() as session, pytest.raises(Barred, match="2032年1月1日前"):
        start_filing(
            session,
            by=small.who("editor1"),
            context=context,
            almanac=read_almanac(session),
            today=today + timedelta(1),
        )
