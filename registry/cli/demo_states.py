"""What the demo leaves open at both desks: a case in each state that somebody has to act on."""

from __future__ import annotations

import re
from datetime import timedelta

from registry.cli import demo_filings as filings
from registry.cli import demo_plans as plans
from registry.cli.demo_cast import BEGINNERS, FITTER, GRINDER, MILLER, POWER, PRECISION, STAMPER
from registry.cli.demo_sheets import faulty_roster, write_roster
from registry.cli.demo_walk import Walk

_PLAN = re.compile(r"(JH-[0-9]{4}-[0-9]{4,})")
_SECOND = re.compile(r"DD-001、(DD-[0-9]{3})")
_AHEAD = timedelta(days=40)
"""More than ten working days, whatever holidays lie between."""


def leave_filings(walk: Walk) -> None:
    """Leave applications filled in, submitted, returned, with the experts, and to be approved."""
    staff = walk.staff
    for firm in BEGINNERS:
        walk.admit(firm)
    cases = [filings.start_filing(staff, firm, firm.trades) for firm in BEGINNERS]
    filings.start_filing(staff, POWER, (FITTER,))
    for firm, case in zip(BEGINNERS, cases, strict=True):
        filings.send_filing(staff, firm, case)
    _submitted, returned, visited, prepared = cases
    words = "参保证明所列人数与申请表不一致，请核对后重新上传"
    filings.return_filing(staff, returned, "documents", words)
    filings.review_filing(staff, visited, opinions=1)
    filings.review_filing(staff, prepared)
    filings.take_step(staff, "clerk", prepared, "prepare", "拟同意备案")


def leave_schemes(walk: Walk) -> None:
    """Leave schemes filled in, sent in, with the experts, and to be approved."""
    staff = walk.staff
    filings.start_scheme(staff, PRECISION, MILLER)
    sent = [filings.start_scheme(staff, PRECISION, trade) for trade in (GRINDER, STAMPER, FITTER)]
    for case in sent:
        filings.send_scheme(staff, PRECISION, case)
    _submitted, called, prepared = sent
    filings.take_step(staff, "clerk", called, "call-experts")
    filings.assess_scheme(staff, prepared)


def leave_plans(walk: Walk) -> list[str]:
    """Leave plans sent in, returned, recorded, and one whose roster is refused: say its faults."""
    staff, first = walk.staff, walk.today() + _AHEAD
    cases = []
    for place, state in enumerate(("submitted", "returned", "recorded")):
        one = walk.name(f"plan-{state}", PRECISION, 6, 3_000 + 100 * place, f"计划-{state}.xlsx")
        case = walk.plan(one, first)
        plans.send_plan(staff, PRECISION, case)
        cases.append(case)
    plans.return_plan(staff, cases[1], "3 请补充参保单位", "名册有误，请按逐行意见修改")
    filings.take_step(staff, "clerk", cases[2], "record")
    faulty = walk.name("faulty", POWER, 25, 9_500, "03-有问题的名单.xlsx")
    write_roster(faulty.roster, faulty_roster())
    draft = plans.draft_plan(staff, faulty, first)
    return plans.put_roster(staff, faulty, draft)


def fix_pool(walk: Walk) -> int:
    """Fix the pool of a draw: the recorded plan, and one supervisor who has an account."""
    clerk = walk.staff("clerk")
    page = clerk.get("/supervision/draws/new")
    plan, second = page.only(_PLAN), page.only(_SECOND)
    fields = {"take": "1", "avoid": f"{plan} {second}"}
    return clerk.send("/supervision/draws/new", fields).number


def leave_visit(walk: Walk, draw: int) -> None:
    """Draw by the checkpoint over the pool; the visit waits for its supervisor."""
    walk.staff("clerk").send(f"/supervision/draws/{draw}/draw", {})
