"""Change requests on the first page: for whom they wait, how many, and the first last day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from registry.office.almanac import read_almanac
from registry.office.change_due import NONE, ChangesDue, changes_due
from registry.office.change_steps import steps_open_to
from registry.store.holders import ChangeRequest

STAFF = ("clerk", "clerk-a", "approver", "editor1", "head1", "editor2")


@pytest.fixture
def changing(small: Any, office_helper: Any) -> Any:
    supervised = office_helper("supervising_office").Supervised(small)
    return office_helper("change_office").Changing(small, supervised)


def due(small: Any, login: str) -> ChangesDue:
    with small.read() as session:
        return changes_due(
            session, small.who(login), read_almanac(session), today=small.desk.today()
        )


def counts(small: Any) -> dict[str, int]:
    return {login: due(small, login).total for login in STAFF}


def waits(small: Any, **wanted: int) -> None:
    assert counts(small) == dict.fromkeys(STAFF, 0) | {
        n.replace("_", "-"): k for n, k in wanted.items()
    }


def test_a_request_stands_at_whose_turn_it_is(changing: Any, small: Any, browse: Any) -> None:
    waits(small)
    assert "等待我办理的证书变更" not in browse("clerk").get("/")
    request = changing.ask("editor1")
    waits(small, clerk=1, clerk_a=1)
    page = browse("clerk").get("/")
    assert '<a href="/requests">办理证书变更申请</a>' in page
    assert "1 件</td>" in page
    # 2026-11-26 and ten working days.
    assert "截止2026年12月10日" in page
    assert "还有 10 个工作日" in page
    assert "<b>1</b>待办公室办理" in page
    assert "没有待办公室办理的事项" not in page
    changing.take(request, "return")
    waits(small, editor1=1, head1=1)
    assert "补正后重新计算" in browse("editor1").get("/")
    assert due(small, "editor1").due_on is None
    version = changing.row(request).version
    browse("editor1").post(
        f"/requests/{request}/resubmit", version=version, **{"note-resubmit": "已补正"}
    )
    changing.check(request)
    waits(small, clerk=1, clerk_a=1)
    changing.take(request, "prepare")
    waits(small, approver=1)
    assert "等待我办理的证书变更" in browse("approver").get("/")
    assert "等待我办理的证书变更" not in browse("clerk").get("/")


def test_what_the_machine_opens_to_a_person_is_what_waits(changing: Any, small: Any) -> None:
    """Each state, of each origin: the count against the table of steps, read the long way."""
    request = changing.ask()
    for state in ("received", "returned", "checked", "prepared", "refusal", "approved", "refused"):
        for origin in ("holder", "company", "office"):
            with small.write() as session:
                row = session.get_one(ChangeRequest, request)
                row.state, row.origin = state, origin
            for login in STAFF:
                by = small.who(login)
                seen = by.company_id is None or origin == "company"
                steps = steps_open_to(changing.row(request), by) if seen else ()
                # What was sent back waits for whoever is to hand it in again.
                mine = [step for step in steps if state != "returned" or step.event == "resubmit"]
                theirs = state == "returned" and origin == "holder" and by.company_id is None
                other = login == "editor2"
                wanted = int(bool(mine) and not theirs and not other)
                assert due(small, login).total == wanted, (state, origin, login)


def test_the_first_day_and_what_is_late_are_told(changing: Any, small: Any, browse: Any) -> None:
    today, requests = small.desk.today(), [changing.ask(number=n) for n in changing.numbers]
    days = (today - timedelta(days=3), today + timedelta(days=1), date(2027, 1, 4))
    with small.write() as session:
        for request, day in zip(requests, days, strict=True):
            row = session.get_one(ChangeRequest, request)
            row.due_on, row.due_provisional = day, day.year == 2027
    found = due(small, "clerk")
    assert (found.total, found.late, found.soon) == (3, 1, 1)
    assert found.days == days
    assert (found.due_on, found.due_provisional, found.working_days) == (days[0], False, -3)
    page = browse("clerk").get("/")
    assert "已逾期 1 件" in page
    assert re.search('<li class="late"><b>1</b>已逾期', page)
    assert "已逾期：截止2026年11月23日" in page
    columns = re.findall(r"<li><b>([0-9]+)</b><svg.*?<span>(.*?)<br>", page)
    assert columns[:3] == [("1", "逾期"), ("0", "11/26"), ("1", "11/27")]
    # On Sunday what was due on Friday is late, though no working day has gone by.
    small.clock.moment += timedelta(days=3)
    found = due(small, "clerk")
    assert (found.late, found.soon, found.due_on) == (2, 0, days[0])
    small.clock.moment -= timedelta(days=3)
    with small.write() as session:
        # The term of what was sent back does not run, however old its day.
        session.get_one(ChangeRequest, requests[0]).state = "returned"
        session.get_one(ChangeRequest, requests[1]).state = "prepared"
    found = due(small, "clerk")
    assert (found.total, found.late, found.due_on, found.due_provisional) == (2, 0, days[2], True)
    assert "暂定" in browse("clerk").get("/")


def test_who_handles_none_is_told_none(changing: Any, small: Any) -> None:
    changing.ask()
    assert due(small, "auditor") == due(small, "supervisor") == NONE
