"""On PostgreSQL a company is struck off while its cases go on: either before or after, never both.

Whoever strikes it off holds the company and then takes its cases; a step that held its case and
then asked for the company would wait for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.office import sanctions
from registry.office.almanac import read_almanac
from registry.office.answers import Answer, Asked, begin, keep
from registry.office.approving import issue_approved
from registry.office.cases import get_case
from registry.office.plan_steps import hold_due_plans
from registry.office.recount import recount
from registry.office.steps import take
from registry.store.answers import ApiAnswer
from registry.store.certificates import Certificate
from registry.store.locks import hold_almanac
from registry.store.procedure import Case, Company

OVER = date(2026, 12, 31)
Work = Callable[[], Any]


def proposed(small: Any) -> int:
    with small.write() as session:
        row: int = sanctions.propose_delisting(
            session,
            1,
            sanctions.Ground.CHEATING,
            "组织舞弊",
            by=small.who("clerk"),
            context=small.context("clerk"),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
        return row


def works_of(small: Any, assessing: Any) -> dict[str, Work]:
    """Make a case for each of a company's steps, and give the steps."""
    begun = small.clock.now()
    approved = assessing.approved()
    small.clock.moment = begun
    prepared = assessing.submitted()
    assessing.prepare(prepared)
    small.clock.moment = begun
    held = assessing.held_plan()
    small.clock.moment = begun
    draft = int(assessing.planning.draft())
    assessing.at(OVER)
    row = proposed(small)
    doings = {
        case_id: small.doing(login, _case(small, case_id), "理由")
        for case_id, login in ((approved, "clerk"), (prepared, "approver"))
    }

    def strike_off() -> None:
        with small.write() as session:
            by = small.who("approver")
            sanctions.decide(session, row, uphold=True, note="清楚", by=by, desk=small.desk)

    def submit() -> None:
        with small.write() as session:
            case = get_case(session, draft, small.who("head1"))
            take(session, case, "submit", small.doing("head1", case, "逾期理由"), small.desk)

    def daily() -> None:
        with small.write() as session:
            hold_due_plans(session, small.desk.context(), small.desk.today())
        with small.write() as session:
            hold_almanac(session)
            context, now = small.desk.context(), small.clock.now()
            recount(session, read_almanac(session), reason="每日核对", at=now, context=context)

    return {
        "strike off": strike_off,
        "issue": lambda: assessing.act(issue_approved, approved, "clerk", doing=doings[approved]),
        "approve": lambda: assessing.approve(prepared, doing=doings[prepared]),
        "open": lambda: assessing.open(held),
        "submit": submit,
        "daily": daily,
    }


def _case(small: Any, case_id: int) -> Case:
    with small.read() as session:
        case: Case = session.get_one(Case, case_id)
        return case


@pytest.mark.parametrize(
    "rows",
    ["SELECT 1 FROM companies FOR UPDATE", "SELECT 1 FROM cases FOR UPDATE"],
    ids=["company-held", "cases-held"],
)
def test_everybody_gets_through_and_what_lapses_has_lapsed(
    small: Any, assessing: Any, rows: str
) -> None:
    works = works_of(small, assessing)
    answers = small.at_once(*works.values(), rows=rows)
    said = dict(zip(works, answers, strict=True))
    assert said["strike off"] == "done"
    assert said["daily"] == "done"
    for name in ("issue", "approve", "open", "submit"):
        kind = said[name].partition(":")[0]
        assert kind in {"done", "CaseMoved", "BatchNotReady", "PlanNotReady", "GuardsFailed"}, said
    with small.read() as session:
        assert session.get_one(Company, 1).state == "barred"
        # A company off the list plans nothing, and draws up no results.
        open_ones = select(func.count()).where(
            Case.kind.in_(["plan", "batch"]), Case.state.in_(["draft", "returned", "publicity"])
        )
        assert session.scalar(open_ones) == 0
        issued = session.scalar(select(func.count()).select_from(Certificate))
        assert issued == (2 if said["issue"] == "done" else 0)


def test_of_two_requests_with_one_key_one_is_carried_out(small: Any) -> None:
    context = small.context("clerk")
    asked = Asked(
        account=small.who("clerk").account_id,
        key_hash=hashlib.sha256(b"key").digest(),
        request_hash=hashlib.sha256(b"request").digest(),
    )
    turns: list[Any] = []
    answers = small.at_once(
        *[lambda: turns.append(begin(small.desk, asked, context))] * 2,
        rows="LOCK TABLE api_answers IN SHARE MODE",
    )
    (late,) = [answer for answer in answers if answer != "done"]
    assert late.startswith("InProgress: 同一 Idempotency-Key 的请求正在办理")
    (turn,) = turns
    with small.write() as session:
        keep(session, turn, Answer(status=200, body=b"{}"), context)
    assert begin(small.desk, asked, context) == Answer(status=200, body=b"{}")
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(ApiAnswer)) == 1
