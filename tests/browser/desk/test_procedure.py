"""A company and the office play the procedure in Chromium, from filing to issued certificates.

In between the filing and the results are returned for correction. No page breaks WCAG 2.2 AA.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.cli import demo_filings as filings
from registry.cli import demo_plans as plans
from registry.cli.demo_cast import PRECISION, TURNER
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from registry.store.procedure import Case

# A hundred pages at two widths take minutes: the procedure over HTTP is in the suite all the same
# (tests/cli plays the demo), and `test_looker` shows that faults would be found.
pytestmark = [pytest.mark.browser, pytest.mark.soak]


def state(walk: Any, case_id: int) -> str:
    with read_unit(walk.services.engine) as session:
        return str(session.get_one(Case, case_id).state)


def file_application(walk: Any) -> None:
    staff = walk.staff
    case = filings.start_filing(staff, PRECISION, (TURNER,))
    filings.send_filing(staff, PRECISION, case)
    filings.return_filing(staff, case, "company", "注册地址请与营业执照一致")
    assert state(walk, case) == "returned"
    staff(PRECISION.editor).fill(f"/filings/{case}/company", {"address": "示例市示例区示例路 2 号"})
    filings.send_filing(staff, PRECISION, case)
    walk.wait(1)
    filings.review_filing(staff, case)
    filings.take_step(staff, "clerk", case, "prepare", "拟同意备案")
    filings.approve_filing(staff, case, PRECISION.prefix)
    assert state(walk, case) == "approved"


def publish_scheme(walk: Any) -> int:
    walk.wait(1)
    case = filings.start_scheme(walk.staff, PRECISION, TURNER)
    filings.send_scheme(walk.staff, PRECISION, case)
    filings.assess_scheme(walk.staff, case)
    filings.take_step(walk.staff, "approver", case, "approve", "同意公布")
    assert state(walk, case) == "published"
    walk.schemes[PRECISION.key] = case
    return case


def hold_plan(walk: Any) -> int:
    walk.wait(1)
    until = walk.today() + timedelta(days=900)
    plans.add_assessors(walk.staff, PRECISION, TURNER.code, offset=5_000, until=until)
    one = walk.name("main", PRECISION, 5, 0, "名册.xlsx")
    case = walk.plan(one, walk.today() + timedelta(days=24))
    plans.send_plan(walk.staff, PRECISION, case)
    filings.take_step(walk.staff, "clerk", case, "record")
    walk.wait(26)
    assert state(walk, case) == "held"
    return int(case)


def issue_certificates(walk: Any, plan: int) -> int:
    staff, one = walk.staff, walk.assessments["main"]
    case = plans.start_results(staff, one, plan, walk.sheets / "成绩.xlsx")
    plans.publish_results(staff, PRECISION, case)
    plans.answer_objection(staff, PRECISION, case)
    walk.wait(15)
    plans.send_results(staff, PRECISION, case)
    plans.return_results(staff, case, "2 请核对操作技能成绩", "请按逐行意见核对后再报")
    assert state(walk, case) == "returned"
    staff(PRECISION.editor).get(f"/batches/{case}/tasks")
    plans.publish_results(staff, PRECISION, case)
    walk.wait(12)
    plans.send_results(staff, PRECISION, case)
    plans.prepare_results(staff, case)
    plans.approve_results(staff, case)
    plans.issue_results(staff, case)
    return case


def test_from_filing_to_certificates(walk: Any, looker: Any) -> None:
    file_application(walk)
    publish_scheme(walk)
    case = issue_certificates(walk, hold_plan(walk))
    assert state(walk, case) == "issued"
    with read_unit(walk.services.engine) as session:
        numbers = session.scalars(select(Certificate.number)).all()
    assert len(numbers) == 5
    assert all(number.startswith(PRECISION.prefix) for number in numbers)
    for login in ("clerk", "approver", "supervisor", "auditor", PRECISION.editor, "admin"):
        paths = ("/me",) if login == "admin" else ("/", "/me")
        for path in paths:
            walk.staff(login).get(path)
    for path in (
        *("/list/filing", "/list/scheme", "/list/plan", "/list/batch"),
        *("/companies", "/assessors", "/occupations", "/experts", "/rules", "/supervision"),
    ):
        walk.staff("clerk").get(path)
    walk.staff("auditor").get("/audit")
    assert len(looker.seen) > 60
    assert looker.found == []
