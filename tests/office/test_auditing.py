"""The audit trail: a broken line is named, the ledger remembers the head, auditors alone read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from registry.office.audit_chain import Verdict, anchor_audit, link_audit, verify_audit
from registry.office.auditing import PAGE, Wanted, audit_lines, note_refusal
from registry.office.identity import NotAllowed
from registry.office.milestones import open_milestone
from registry.store.audit import AuditLine, AuditLink
from registry.store.milestones import MilestoneRow
from signing.milestone import MilestoneKind, facts_bytes, facts_commitment

KIND = MilestoneKind.SUPERVISION_DRAW


def write_lines(small: Any, count: int, login: str = "clerk") -> None:
    for number in range(count):
        with small.write() as session:
            note_refusal(
                session,
                small.who(login),
                action="cases.step",
                subject=f"/cases/{number}",
                code="guards-failed",
                context=small.context(login),
            )


def link(small: Any) -> Any:
    with small.write() as session:
        return link_audit(session)


def anchored(small: Any) -> Any:
    with small.write() as session:
        return anchor_audit(session, kind=KIND, context=small.desk.context())


def check(small: Any) -> Any:
    with small.read() as session:
        return verify_audit(session, small.desk.context(), small.logged)


def test_a_chain_is_whole_and_says_what_it_did_not_check(small: Any) -> None:
    assert link(small) is None
    assert check(small).verdict is Verdict.CANNOT_SAY
    write_lines(small, 7)
    assert check(small).verdict is Verdict.CANNOT_SAY
    head = link(small)
    assert head.line_id == 7
    assert link(small) == head
    write_lines(small, 2)
    found = check(small)
    assert (found.verdict, found.linked, found.unlinked) == (Verdict.INTACT, 7, 2)
    assert link(small).digest != head.digest
    assert check(small).linked == 9


@pytest.mark.parametrize(
    "column", ["action", "actor", "at", "detail", "result", "source", "subject"]
)
def test_a_changed_line_is_named(small: Any, column: str) -> None:
    write_lines(small, 5)
    link(small)
    value = small.clock.now() + timedelta(microseconds=1) if column == "at" else "x"
    with small.write() as session:
        session.execute(update(AuditLine).where(AuditLine.line_id == 3).values({column: value}))
    found = check(small)
    assert (found.verdict, found.broken_at, found.linked) == (Verdict.BROKEN, 3, 2)


def test_a_line_taken_out_or_put_in_is_named(small: Any) -> None:
    write_lines(small, 5)
    link(small)
    with small.write() as session:
        line = session.get_one(AuditLine, 3)
        kept = {c.name: getattr(line, c.name) for c in AuditLine.__table__.columns}
        session.execute(delete(AuditLink).where(AuditLink.line_id == 3))
    assert check(small).broken_at == 3
    with small.write() as session:
        session.execute(delete(AuditLine).where(AuditLine.line_id == 3))
    assert check(small).broken_at == 4
    with small.write() as session:
        session.add(AuditLine(**{**kept, "subject": "/cases/9"}))
    assert check(small).broken_at == 3


def test_links_without_their_lines_are_named(small: Any) -> None:
    write_lines(small, 5)
    link(small)
    with small.write() as session:
        session.execute(text("PRAGMA defer_foreign_keys=ON"))
        session.execute(delete(AuditLine).where(AuditLine.line_id == 5))
        session.flush()
        found = verify_audit(session, small.desk.context(), frozenset())
        session.rollback()
    assert (found.verdict, found.broken_at) == (Verdict.BROKEN, 5)


def test_a_chain_made_anew_contradicts_the_ledger(small: Any) -> None:
    write_lines(small, 5)
    assert anchored(small) is not None
    assert check(small).anchored == 5
    with small.write() as session:
        session.execute(delete(AuditLink))
        session.execute(update(AuditLine).where(AuditLine.line_id == 2).values(subject="x"))
        link_audit(session)
    found = check(small)
    assert (found.verdict, found.broken_at) == (Verdict.BROKEN, 5)


def test_an_end_cut_off_contradicts_the_ledger(small: Any) -> None:
    write_lines(small, 5)
    anchored(small)
    with small.write() as session:
        session.execute(delete(AuditLink).where(AuditLink.line_id > 2))
        session.execute(delete(AuditLine).where(AuditLine.line_id > 2))
    found = check(small)
    assert (found.verdict, found.broken_at, found.linked) == (Verdict.BROKEN, 5, 2)


def test_who_takes_the_milestones_out_too_is_found_by_the_log(small: Any) -> None:
    """The whole database is the attacker's: lines, links and heads are made anew together."""
    write_lines(small, 5)
    anchored(small)
    with small.read() as session:
        opened = open_milestone(session.scalars(select(MilestoneRow)).one(), small.desk.context())
    commit = facts_commitment(opened.opening, facts_bytes(opened.facts)).hex()
    small.logged = frozenset({(5, commit)})
    assert check(small).verdict is Verdict.INTACT
    with small.write() as session:
        session.execute(delete(MilestoneRow))
        session.execute(delete(AuditLink))
        session.execute(update(AuditLine).where(AuditLine.line_id == 2).values(subject="x"))
        link_audit(session)
    found = check(small)
    assert (found.verdict, found.broken_at) == (Verdict.BROKEN, 5)


def test_without_the_log_nothing_is_called_intact(small: Any) -> None:
    write_lines(small, 5)
    anchored(small)
    small.logged = None
    found = check(small)
    assert found.verdict is Verdict.CANNOT_SAY
    assert found.why


def test_the_head_goes_to_the_ledger_once_a_day(small: Any) -> None:
    assert anchored(small) is None
    write_lines(small, 1)
    assert anchored(small) is not None
    assert anchored(small) is None
    small.clock.moment += timedelta(hours=20)
    assert anchored(small) is not None
    with small.read() as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.action == "audit-anchor")).all()
        assert [line.subject for line in lines] == ["AUDIT-1", "AUDIT-2"]
    assert check(small).verdict is Verdict.INTACT


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)))
def test_any_text_can_be_linked(small: Any, texts: list[str]) -> None:
    with small.write() as session:
        session.execute(delete(AuditLink))
        session.execute(delete(AuditLine))
        for said in texts:
            session.add(
                AuditLine(at=small.clock.now(), actor=said, action=said, subject=said, detail=said)
            )
        link_audit(session)
    assert check(small).linked == len(texts)


def test_lines_are_found_by_day_actor_action_and_result(small: Any) -> None:
    write_lines(small, 2)
    small.clock.moment += timedelta(hours=14)  # past midnight in China
    write_lines(small, 1, "approver")

    def found(**wanted: Any) -> list[int]:
        with small.read() as session:
            shown = audit_lines(session, Wanted(**wanted), small.who("auditor"))
        return [line.line_id for line in shown]

    assert found() == [3, 2, 1]
    assert found(since=date(2026, 11, 27)) == [3]
    assert found(until=date(2026, 11, 26)) == [2, 1]
    assert found(actor="clerk") == [2, 1]
    assert found(actor="%") == []
    assert found(action="cases") == [3, 2, 1]
    assert found(result="done") == []
    assert found(before=3) == [2, 1]
    assert found(since=date(2026, 11, 26), before=2, result="refused") == [1]


def test_a_page_goes_on_where_the_last_ended(small: Any) -> None:
    with small.write() as session:
        for _ in range(PAGE + 3):
            note_refusal(
                session,
                small.who("clerk"),
                action="a",
                subject="b",
                code="c",
                context=small.context("clerk"),
            )
    with small.read() as session:
        first = audit_lines(session, Wanted(), small.who("auditor"))
        rest = audit_lines(session, Wanted(before=first[-1].line_id), small.who("auditor"))
    assert [len(first), len(rest)] == [PAGE, 3]


@pytest.mark.parametrize("login", ["editor1", "head1", "clerk", "approver", "supervisor", "admin"])
def test_auditors_alone_read(small: Any, login: str) -> None:
    with small.read() as session, pytest.raises(NotAllowed):
        audit_lines(session, Wanted(), small.who(login))


def test_a_districts_auditor_would_see_other_tenants_and_sees_nothing(small: Any) -> None:
    auditor = replace(small.who("auditor"), district="4403A")
    with small.read() as session, pytest.raises(NotAllowed, match="市级"):
        audit_lines(session, Wanted(), auditor)
