"""Changing a certificate by request: four eyes, old and new linked, all in one transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, text

from registry.errors import NotFound, Refused
from registry.office import change_deciding as deciding
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, Doing, GuardsFailed
from registry.office.change_list import recount_requests
from registry.office.change_making import resubmit
from registry.office.change_steps import claim, timeline
from registry.office.identity import NotAllowed, Role
from registry.office.persons import UnknownPerson
from registry.rules.calendar import WorkingDays, YearNotice
from registry.rules.errors import ForbiddenStep
from registry.store.audit import AuditLine
from registry.store.certificates import CertificateState
from registry.store.holders import ChangeRequest
from registry.store.outbox import UploadKind, UploadRow
from signing.record import edition_digest

PAPER = b"%PDF-1.4 \xff a paper"


@pytest.fixture
def changing(small: Any, supervised: Any, beside: Any) -> Any:
    return beside("change_office").Changing(small, supervised)


def uploads(small: Any) -> list[tuple[int, str]]:
    with small.read() as session:
        return [
            (row.status_index, row.kind)
            for row in session.scalars(select(UploadRow).order_by(UploadRow.status_index))
            if row.kind != UploadKind.NEW
        ]


def test_a_correction_from_the_request_to_the_next_edition(small: Any, changing: Any) -> None:
    request_id = changing.ask(changes={"name": "欧阳示范"}, document=PAPER, cause="name-changed")
    row = changing.row(request_id)
    # 2026-11-26 and ten working days.
    assert (str(row.due_on), row.state, row.origin) == ("2026-12-10", "received", "office")
    changing.check(request_id, cause="name-changed", changes={"name": "欧阳示范"})
    changing.take(request_id, "prepare")
    done = changing.approve(request_id)
    one, two = changing.records()
    assert (done.number, done.edition) == (one.record.number, 2)
    assert two.record.name == "欧阳示范"
    assert two.record.previous == edition_digest(one.envelope.payload)
    # The old values stay, sealed, in the edition that was replaced.
    assert one.row.state == CertificateState.SUPERSEDED
    assert one.record.name != "欧阳示范"
    assert uploads(small) == [(done.status_index, UploadKind.CORRECTION)]
    row = changing.row(request_id)
    assert (row.state, row.edition, row.edition_made) == ("carried-out", 1, 2)
    assert row.decided_by == small.who("approver").account_id
    with small.read() as session:
        lines = session.scalars(select(AuditLine).order_by(AuditLine.line_id)).all()
        assert [(line.actor, line.action) for line in lines][-6:] == [
            ("account:clerk", "change-open-correction"),
            ("account:clerk", "change-check"),
            ("account:clerk", "change-prepare"),
            ("account:approver", "change-approve"),
            ("account:approver", "change-carry-out"),
            ("account:approver", "correct"),
        ]
        assert "欧阳" not in str([vars(line) for line in lines])


@pytest.mark.parametrize(
    "case",
    [
        ("reissue", "lost", CertificateState.VALID, [UploadKind.CORRECTION]),
        ("withdrawal", "issued-in-error", CertificateState.REVOKED, [UploadKind.WITHDRAWAL]),
        ("suspension", "disputed", CertificateState.SUSPENDED, []),
    ],
)
def test_each_kind_is_done_by_its_own_use_case(small: Any, changing: Any, case: Any) -> None:
    kind, cause, state, owed = case
    request_id = changing.prepared(kind=kind, cause=cause, changes={})
    changing.approve(request_id)
    last = changing.records()[-1]
    assert last.row.state == state
    assert last.row.edition == (2 if kind == "reissue" else 1)
    assert [kind for _index, kind in uploads(small)] == owed


def test_what_was_suspended_is_restored(changing: Any) -> None:
    changing.approve(changing.prepared(kind="suspension", cause="disputed", changes={}))
    restored = changing.prepared(kind="restoration", cause="cleared", changes={})
    changing.approve(restored)
    assert changing.records()[-1].row.state == CertificateState.VALID


def test_nobody_approves_what_they_handled(small: Any, changing: Any) -> None:
    """Neither as the same account, nor by another account with the same staff number."""
    request_id = changing.prepared()
    twin = changing.account("clerk-too", Role.APPROVER, "GH-005")
    nameless = changing.account("somebody", Role.APPROVER, "")
    before = changing.standing()
    for by in (twin, nameless):
        version = changing.row(request_id).version
        doing = Doing(by=by, version=version, note="同意")
        tools, context = changing.tools("approver"), small.context("approver")
        refused = pytest.raises((GuardsFailed, UnknownPerson))
        with refused, small.write() as session:
            deciding.approve(session, request_id, doing, tools)
        with refused, small.write() as session:
            deciding.take(session, request_id, "reject", doing, context=context)
    with pytest.raises(NotAllowed):
        changing.approve(request_id, "clerk")
    assert changing.standing() == before
    changing.approve(request_id)


def test_who_asked_for_the_office_does_not_decide_either(small: Any, changing: Any) -> None:
    """Another clerk prepared it; the approver's person put it down with an earlier account."""
    request_id = changing.ask("clerk")
    twin = changing.account("asker-too", Role.APPROVER, "GH-005")
    changing.check(request_id, "clerk-a")
    changing.take(request_id, "prepare", "clerk-a")
    doing = Doing(by=twin, version=changing.row(request_id).version, note="同意")
    with pytest.raises(GuardsFailed, match="不是同一人"), small.write() as session:
        deciding.approve(session, request_id, doing, changing.tools("approver"))


def test_of_two_who_act_at_once_one_wins(small: Any, changing: Any) -> None:
    request_id = changing.prepared()
    seen = changing.row(request_id).version
    changing.approve(request_id)
    before = changing.standing()
    doing = changing.doing(request_id, "approver", version=seen)
    with pytest.raises(CaseMoved), small.write() as session:
        deciding.approve(session, request_id, doing, changing.tools("approver"))
    context = small.context("approver")
    with pytest.raises(CaseMoved), small.write() as session:
        deciding.take(session, request_id, "reject", doing, context=context)
    assert changing.standing() == before


def test_two_approvers_in_one_moment_make_one_edition(small: Any, changing: Any) -> None:
    """Each in a thread and a transaction of its own, on the version both have on their screens."""
    request_id = changing.prepared()
    second = changing.account("approver-too", Role.APPROVER, "GH-077")
    version, together = changing.row(request_id).version, Barrier(2)

    def decide(by: Any) -> str:
        doing, tools = Doing(by=by, version=version, note="同意"), changing.tools("approver")
        together.wait()
        try:
            with small.write() as session:
                deciding.approve(session, request_id, doing, tools)
        except CaseMoved:
            return "moved"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(decide, (small.who("approver"), second)))
    assert sorted(told) == ["done", "moved"]
    assert len(changing.records()) == 2


def test_a_request_that_moved_after_it_was_read_is_not_claimed(small: Any, changing: Any) -> None:
    """Where two transactions run side by side, the version in the row decides."""
    request_id = changing.ask()
    with small.write() as session:
        row = session.get_one(ChangeRequest, request_id)
        session.execute(text("UPDATE change_requests SET version = 2"))
        with pytest.raises(CaseMoved, match="他人已先行办理"):
            claim(session, row)


def test_two_requests_for_one_certificate_do_not_pass_each_other(changing: Any) -> None:
    """The second was checked on an edition that is no more: it must be looked at again."""
    with_paper = {"changes": {"name": "欧阳示范"}, "cause": "name-changed", "document": PAPER}
    first = changing.ask("editor1", **with_paper)
    second = changing.from_holder()
    changing.check(second)
    changing.take(second, "prepare")
    changing.check(first, cause="name-changed", changes={"name": "欧阳示范"})
    changing.take(first, "prepare")
    changing.approve(first)
    with pytest.raises(GuardsFailed, match="检查无误"):
        changing.approve(second)
    changing.take(second, "return", "approver")
    changing.check(second)
    changing.take(second, "prepare")
    changing.approve(second)
    assert [one.record.name for one in changing.records()][1:] == ["欧阳示范", "欧阳示范"]
    assert changing.records()[-1].record.direction == "设备维修"


@pytest.mark.parametrize("place", ["before", "signer", "flush"])
def test_a_fault_between_leaves_nothing_of_the_approval(
    small: Any, changing: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = changing.prepared()
    before, signer = changing.standing(), small.signer

    def fail(*_args: object, **_more: object) -> Any:
        raise ZeroDivisionError

    if place == "before":
        small.refusal = ZeroDivisionError()
    elif place == "signer":
        small.signer = None
    else:
        monkeypatch.setattr(deciding, "_answer", fail)
    with pytest.raises((ZeroDivisionError, AttributeError)):
        changing.approve(request_id)
    assert changing.standing() == before
    assert changing.row(request_id).state == "prepared"
    monkeypatch.undo()
    small.refusal, small.signer = None, signer
    assert changing.approve(request_id).edition == 2


def test_what_is_approved_for_later_is_carried_out_once(small: Any, changing: Any) -> None:
    request_id = changing.prepared()
    assert changing.approve(request_id, now=False) is None
    assert changing.row(request_id).state == "approved"
    assert uploads(small) == []
    number = changing.numbers[0]
    for kind, other in ((deciding.Kind.WITHDRAWAL, number), (deciding.Kind.CORRECTION, "Y1")):
        with pytest.raises(Refused, match="another"), small.write() as session:
            deciding.carry_out_at_machine(session, request_id, kind, other, changing.tools("clerk"))
    with small.write() as session:
        done = deciding.carry_out_at_machine(
            session, request_id, deciding.Kind.CORRECTION, number, changing.tools("clerk")
        )
    assert done.edition == 2
    with pytest.raises(ForbiddenStep), small.write() as session:
        deciding.carry_out_at_machine(
            session, request_id, deciding.Kind.CORRECTION, number, changing.tools("clerk")
        )
    with pytest.raises(ForbiddenStep):
        changing.carry_out(request_id)
    assert len(changing.records()) == 2


def test_nothing_is_carried_out_that_was_not_approved(small: Any, changing: Any) -> None:
    request_id = changing.prepared()
    with pytest.raises(ForbiddenStep), small.write() as session:
        deciding.carry_out_at_machine(
            session,
            request_id,
            deciding.Kind.CORRECTION,
            changing.numbers[0],
            changing.tools("clerk"),
        )
    with pytest.raises(NotFound), small.write() as session:
        deciding.carry_out_at_machine(
            session, 99, deciding.Kind.CORRECTION, changing.numbers[0], changing.tools("clerk")
        )


def test_an_approval_is_taken_back_and_what_changed_meanwhile_is_seen(changing: Any) -> None:
    request_id = changing.prepared()
    changing.approve(request_id, now=False)
    other = changing.prepared(kind="suspension", cause="disputed", changes={})
    changing.approve(other)
    # Suspended since: a correction no longer fits.
    with pytest.raises(GuardsFailed, match="检查无误"):
        changing.carry_out(request_id)
    changing.take(request_id, "withdraw-approval", "approver")
    assert changing.row(request_id).state == "received"
    changing.take(request_id, "propose-refusal")
    changing.take(request_id, "reject", "approver", "证书已暂停")
    assert changing.row(request_id).state == "refused"


def test_what_is_sent_back_comes_back_and_the_term_begins_anew(small: Any, changing: Any) -> None:
    request_id = changing.ask("editor1")
    changing.take(request_id, "return", note="请附说明")
    small.clock.moment += timedelta(days=7)
    for login in ("clerk", "editor2"):
        doing = changing.doing(request_id, login)
        with pytest.raises(NotAllowed), small.write() as session:
            resubmit(session, request_id, PAPER, doing, context=small.context(login))
    with small.write() as session:
        doing = changing.doing(request_id, "editor1")
        resubmit(session, request_id, PAPER, doing, context=small.context("editor1"))
    row = changing.row(request_id)
    assert (row.state, str(row.received_on)) == ("received", "2026-11-26")
    assert (str(row.due_from), str(row.due_on)) == ("2026-12-03", "2026-12-17")
    assert row.document_kind == "pdf"


def test_a_calendar_that_changes_moves_the_last_day_and_says_so(small: Any, changing: Any) -> None:
    request_id = changing.ask()
    ended = changing.prepared(kind="suspension", cause="disputed", changes={})
    changing.approve(ended)
    off = frozenset({date(2026, 12, 1), date(2026, 12, 2)})
    longer = WorkingDays({2026: YearNotice(year=2026, basis="示例通知", off=off, work=frozenset())})
    for moved in (1, 0):
        with small.write() as session:
            almanac = replace(read_almanac(session), days=longer)
            told = recount_requests(
                session,
                almanac,
                reason="示例通知",
                at=small.clock.now(),
                context=small.context("clerk"),
            )
            assert told == moved
    assert str(changing.row(request_id).due_on) == "2026-12-14"
    assert str(changing.row(ended).due_on) == "2026-12-10"
    with small.read() as session:
        row = session.get_one(ChangeRequest, request_id)
        last = timeline(session, row, small.who("clerk"), small.context("clerk"))[-1]
    assert last.word == "期限调整"
    assert last.note == "办理期限由 2026-12-10 调整为 2026-12-14（依据：示例通知）"
