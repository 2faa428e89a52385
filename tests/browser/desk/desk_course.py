"""The course of the procedure at both desks, from a company's filing to its certificates.

On the way the filing and the results are returned for correction, and a plan is drawn for a visit.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from registry.cli import demo_filings as filings
from registry.cli import demo_plans as plans
from registry.cli.demo_cast import PRECISION, TURNER
from registry.cli.demo_states import fix_pool
from registry.store.base import read_unit
from registry.store.procedure import Case

SHORT = replace(TURNER, levels="5")
"""One level: the page of the others is the same."""

PEOPLE = 5


def state(walk: Any, case_id: int) -> str:
    """Return the state that a case is in."""
    with read_unit(walk.services.engine) as session:
        return str(session.get_one(Case, case_id).state)


def play(stage: Any) -> dict[str, int]:
    """Play the whole procedure; return the cases by kind, and the draw with its visit."""
    walk = stage.walk
    trade = TURNER if stage.thorough else SHORT
    walk.staff.found(walk.services)
    walk.open_registers()
    walk.admit(PRECISION)
    cases = {"filing": file_application(walk, trade)}
    cases["scheme"] = publish_scheme(walk, trade)
    cases |= hold_plan(stage)
    cases["batch"] = issue_certificates(walk, cases["plan"])
    return cases


def file_application(walk: Any, trade: Any) -> int:
    """Apply, get it back, correct it, send it again, and come onto the list."""
    staff = walk.staff
    case = filings.start_filing(staff, PRECISION, (trade,))
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
    return case


def publish_scheme(walk: Any, trade: Any) -> int:
    """Carry the scheme of an occupation to its publication."""
    walk.wait(1)
    case = filings.start_scheme(walk.staff, PRECISION, trade)
    filings.send_scheme(walk.staff, PRECISION, case)
    filings.assess_scheme(walk.staff, case)
    filings.take_step(walk.staff, "approver", case, "approve", "同意公布")
    assert state(walk, case) == "published"
    walk.schemes[PRECISION.key] = case
    return case


def hold_plan(stage: Any) -> dict[str, int]:
    """Send a plan in, record it, draw it for a visit, and let it be held and visited."""
    walk = stage.walk
    walk.wait(1)
    until = walk.today() + timedelta(days=900)
    plans.add_assessors(walk.staff, PRECISION, TURNER.code, offset=5_000, until=until)
    one = walk.name("main", PRECISION, PEOPLE, 0, "名册.xlsx")
    case = walk.plan(one, walk.today() + timedelta(days=24))
    plans.send_plan(walk.staff, PRECISION, case)
    walk.staff("clerk").get(f"/plans/{case}/return")
    filings.take_step(walk.staff, "clerk", case, "record")
    drawn = draw_visit(stage)
    walk.wait(26)
    assert state(walk, case) == "held"
    return {"plan": case, **drawn}


def draw_visit(stage: Any) -> dict[str, int]:
    """Draw plan and supervisor, who reports; the company answers and the office closes it."""
    staff = stage.walk.staff
    draw = fix_pool(stage.walk)
    stage.services.anchor()
    staff("clerk").send(f"/supervision/draws/{draw}/draw", {})
    listed = staff("supervisor").get("/supervision").text
    visit = int(re.findall(r'href="/supervision/([0-9]+)"', listed)[0])
    for login, step, words in (
        ("supervisor", "finding", {"result": "to-mend", "finding": "考务人员签到不全"}),
        (PRECISION.head, "answer", {"answer": "已整改"}),
        ("clerk", "check", {"check": "已核实"}),
    ):
        staff(login).send(f"/supervision/{visit}/{step}", words)
    return {"draw": draw, "visit": visit}


def send_empty(browser: Any, case: int) -> None:
    """Upload the plan's own table of scores as it was downloaded: no mark is filled in."""
    path = f"/batches/{case}/scores"
    table = browser.download(f"{path}/template")
    browser.open(path)
    browser.choose("scores", "成绩.xlsx", table)
    assert "没有保存" in browser.click(path).text
    assert browser.download(f"{path}/report")


def issue_certificates(walk: Any, plan: int) -> int:
    """Report results, get them back, publish them again, and come to certificates."""
    staff, one = walk.staff, walk.assessments["main"]
    case = plans.start_results(staff, one, plan, walk.sheets / "成绩.xlsx")
    plans.publish_results(staff, PRECISION, case)
    plans.answer_objection(staff, PRECISION, case)
    staff(PRECISION.head).get(f"/batches/{case}/take-back")
    walk.wait(15)
    plans.send_results(staff, PRECISION, case)
    plans.return_results(staff, case, "2 请核对操作技能成绩", "请按逐行意见核对后再报")
    assert state(walk, case) == "returned"
    staff(PRECISION.editor).get(f"/batches/{case}/tasks")
    send_empty(staff(PRECISION.editor), case)
    plans.publish_results(staff, PRECISION, case)
    walk.wait(12)
    plans.send_results(staff, PRECISION, case)
    staff("clerk").get(f"/batches/{case}/withhold")
    plans.prepare_results(staff, case)
    plans.approve_results(staff, case)
    staff("clerk").get(f"/batches/{case}/close")
    plans.issue_results(staff, case)
    return case
