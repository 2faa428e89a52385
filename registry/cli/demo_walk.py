"""The demo's days in their order: the procedure from filings to certificates, true to its terms.

Day by day the clock is moved on to where the next step may be taken, up to now. What a term
demands is left to the desks: a step that comes too early or too late is refused, and ends the demo.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from registry.cli import demo_filings as filings
from registry.cli import demo_plans as plans
from registry.cli.batches import CHINA
from registry.cli.demo_browser import DemoClock
from registry.cli.demo_cast import ELECTRICIAN, POWER, PRECISION, TURNER
from registry.cli.demo_filings import Firm
from registry.cli.demo_people import demo_people
from registry.cli.demo_plans import Assessment
from registry.cli.demo_sheets import roster_rows, write_roster
from registry.cli.demo_staff import Staff
from registry.cli.services import Services
from registry.office.identity import Role
from registry.office.plan_steps import hold_due_plans
from registry.store.base import write_unit

BEGUN: Final = 58
"""Days ago on which the procedure began."""

_RANGE: Final = re.compile(
    r'<li><span class="mono">(Y[0-9]{21})</span>(?: 至 <span class="mono">(Y[0-9]{21})</span>)?'
)
_UNTIED: Final = re.compile(r'href="(/experts/[0-9]+/account)"')
_SMALL: Final = 4
"""People of a plan that is there for its state alone."""

STATES: Final = ("draft", "publicity", "returned", "submitted", "prepared", "approved")
"""The states in which results are left, beside those that were issued."""


@dataclass(slots=True, kw_only=True)  # not frozen: it changes as the demo goes on
class Walk:
    """The demo's course: it remembers cases by what they are for."""

    services: Services
    staff: Staff
    clock: DemoClock
    sheets: Path
    step: Callable[[], None]
    schemes: dict[str, int] = field(default_factory=dict)
    assessments: dict[str, Assessment] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)

    def today(self) -> date:
        """Return the day in China that the demo has come to."""
        return self.clock.moment.astimezone(CHINA).date()

    def wait(self, days: int) -> None:
        """Let days pass, and let time take the steps that it takes."""
        self.clock.moment += timedelta(days=days)
        with write_unit(self.services.engine) as session:
            hold_due_plans(session, self.services.context, self.today())
        self.step()

    def admit(self, firm: Firm) -> None:
        """Put a company into the office's record, and give it its two accounts."""
        self.staff("clerk").send("/companies", {"name": firm.name, "uscc": firm.uscc})
        self.staff.add(firm.editor, Role.COMPANY_EDITOR, firm.uscc)
        self.staff.add(firm.head, Role.COMPANY_HEAD, firm.uscc)

    def open_registers(self) -> None:
        """Fill the catalogue of occupations, and the pool of experts."""
        clerk = self.staff("clerk")
        clerk.send("/occupations/starter", {})
        for kind, names in (("expert", "甲乙丙丁"), ("supervisor", "戊己")):
            for name in names:
                fields = {"kind": kind, "name": f"示例{name}", "fields": "车工、电工、钳工"}
                clerk.send("/experts", fields)
        tie = clerk.get("/experts").only(_UNTIED)
        clerk.send(tie, {"login": "supervisor"})

    def list_companies(self) -> None:
        """Carry both companies from their applications onto the list (备案名单)."""
        cases = {}
        for firm in (PRECISION, POWER):
            self.admit(firm)
            cases[firm.key] = filings.start_filing(self.staff, firm, firm.trades)
            filings.send_filing(self.staff, firm, cases[firm.key])
        self.wait(2)
        for case in cases.values():
            filings.review_filing(self.staff, case)
            filings.take_step(self.staff, "clerk", case, "prepare", "拟同意备案")
        self.wait(1)
        for firm in (PRECISION, POWER):
            filings.approve_filing(self.staff, cases[firm.key], firm.prefix)

    def publish_schemes(self) -> None:
        """Carry one scheme of each company to its publication."""
        self.wait(2)
        for firm, trade in ((PRECISION, TURNER), (POWER, ELECTRICIAN)):
            case = filings.start_scheme(self.staff, firm, trade)
            filings.send_scheme(self.staff, firm, case)
            self.schemes[firm.key] = case
        self.wait(3)
        for case in self.schemes.values():
            filings.assess_scheme(self.staff, case)
        self.wait(2)
        for case in self.schemes.values():
            filings.take_step(self.staff, "approver", case, "approve", "同意公布")

    def hold_plans(self) -> None:
        """Send plans in ahead of their time, record them, and wait until they were held."""
        self.wait(2)
        until = self.today() + timedelta(days=900)
        plans.add_assessors(self.staff, PRECISION, TURNER.code, offset=5_000, until=until)
        plans.add_assessors(self.staff, POWER, ELECTRICIAN.code, offset=5_100, until=until)
        self.name_assessments()
        first = self.today() + timedelta(days=24)
        for name, one in self.assessments.items():
            case = self.plan(one, first)
            plans.send_plan(self.staff, one.firm, case)
            self.plans[name] = case
        self.wait(2)
        for case in self.plans.values():
            filings.take_step(self.staff, "clerk", case, "record")
        self.wait(24)

    def plan(self, one: Assessment, first: date) -> int:
        """Draft a plan with its roster."""
        case = plans.draft_plan(self.staff, one, first)
        plans.put_roster(self.staff, one, case)
        return case

    def name_assessments(self) -> None:
        """Write the rosters: sixty and twenty-five people, and a few for each other state."""
        self.name("main", PRECISION, 60, 0, "01-精密制造-60人.xlsx")
        self.name("power", POWER, 25, 1_000, "02-电力设备-25人.csv")
        for place, state in enumerate(STATES):
            self.name(state, PRECISION, _SMALL, 2_000 + 100 * place, f"名册-{state}.xlsx")

    def name(self, name: str, firm: Firm, count: int, offset: int, file: str) -> Assessment:
        """Write a roster of a company's people."""
        people = demo_people(count, offset=offset, issued=self.today())
        roster = self.sheets / file
        write_roster(roster, roster_rows(people))
        one = Assessment(
            firm=firm,
            trade=firm.trades[0],
            scheme=self.schemes[firm.key],
            people=people,
            roster=roster,
        )
        self.assessments[name] = one
        return one

    def report_results(self) -> None:
        """Carry results through publicity, filing and review to where each is left."""
        for name, one in self.assessments.items():
            sheet = self.sheets / f"成绩-{name}.xlsx"
            case = plans.start_results(self.staff, one, self.plans[name], sheet)
            self.results[name] = case
            if name not in ("draft", "publicity"):
                plans.publish_results(self.staff, one.firm, case)
        plans.answer_objection(self.staff, PRECISION, self.results["main"])
        self.wait(15)
        for name, case in self.results.items():
            if name not in ("draft", "publicity"):
                plans.send_results(self.staff, self.assessments[name].firm, case)
        plans.publish_results(self.staff, PRECISION, self.results["publicity"])
        self.wait(1)
        rows = "2 操作技能成绩与录像不符，请核对"
        plans.return_results(self.staff, self.results["returned"], rows, "请按逐行意见核对后再报")
        for name in ("main", "power", "prepared", "approved"):
            plans.prepare_results(self.staff, self.results[name])
        self.wait(1)
        for name in ("main", "power", "approved"):
            plans.approve_results(self.staff, self.results[name])
        for name in ("main", "power"):
            plans.issue_results(self.staff, self.results[name])

    def ranges(self, name: str) -> list[tuple[str, str]]:
        """Return first and last number by level of issued results, as the company's page has it."""
        firm, case = self.assessments[name].firm, self.results[name]
        found = _RANGE.findall(self.staff(firm.editor).get(f"/batches/{case}/issued").text)
        return [(first, last or first) for first, last in found]


def with_clock(services: Services, clock: DemoClock) -> Services:
    """Return the services with the demo's clock in the place of the machine's."""
    return replace(services, context=replace(services.context, clock=clock))
