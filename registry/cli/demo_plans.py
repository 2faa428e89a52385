"""The demo's plans (实施计划) and results (评价结果), page by page as people do it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from registry.cli.demo_browser import REFUSED
from registry.cli.demo_filings import Firm, Trade, take_step
from registry.cli.demo_people import DemoPerson, demo_id, demo_name
from registry.cli.demo_sheets import write_scores
from registry.cli.demo_staff import Staff

ASSESSORS: Final = 3
_SITE: Final = {"site_name_1": "一号实训车间", "site_address_1": "示例市示例区示例路 1 号"}
_WORKING_HOURS: Final = "40"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A plan with its people: who it is of, by which scheme, which trade, and the roster's file."""

    firm: Firm
    trade: Trade
    scheme: int
    people: Sequence[DemoPerson] = field(repr=False)
    roster: Path

    @property
    def levels(self) -> list[str]:
        """The levels that are asked for."""
        return sorted({person.level for person in self.people}, reverse=True)


def add_assessors(staff: Staff, firm: Firm, codes: str, *, offset: int, until: date) -> None:
    """Register a company's assessors for occupations."""
    for place in range(offset, offset + ASSESSORS):
        fields = {
            "name": demo_name(place),
            "id_type": "resident-id",
            "id_number": demo_id(place),
            "occupations": codes,
            "certificate": f"KP-{place}",
            "valid_until": until.isoformat(),
        }
        staff(firm.editor).send("/assessors/new", fields)


def draft_plan(staff: Staff, of: Assessment, first: date) -> int:
    """Open a plan and fill in days, sites, assessors and training; return the case's number."""
    editor = staff(of.firm.editor)
    case = editor.send("/plans/new", {"scheme": str(of.scheme)}).number
    levels = {f"level-{level}": "yes" for level in of.levels}
    days = {"first_day": first.isoformat(), "last_day": (first + timedelta(days=1)).isoformat()}
    editor.fill(f"/plans/{case}/times", {**days, **levels, **_SITE})
    editor.fill(f"/plans/{case}/assessors", {"assessor": _assessors(staff, of, case)})
    training = {
        "hours": _WORKING_HOURS,
        "content": "岗位技能提升",
        "training_first": (first - timedelta(days=9)).isoformat(),
        "training_last": (first - timedelta(days=5)).isoformat(),
    }
    editor.fill(f"/plans/{case}/training", training)
    return case


def put_roster(staff: Staff, of: Assessment, case: int) -> list[str]:
    """Upload the roster; return the faults of one that is refused."""
    editor, path = staff(of.firm.editor), f"/plans/{case}/roster"
    version = editor.get(path).version
    file = ("roster", of.roster.name, of.roster.read_bytes())
    answer = editor.post(path, {"version": version}, [file])
    return answer.faults if answer.status == REFUSED else []


def send_plan(staff: Staff, firm: Firm, case: int) -> None:
    """Send a filled plan in."""
    staff(firm.head).fill(f"/plans/{case}/check", {})


def return_plan(staff: Staff, case: int, rows: str, note: str) -> None:
    """Return a plan with words on single rows of its roster."""
    staff("clerk").fill(f"/plans/{case}/return", {"note": note, "rows": rows})


def start_results(staff: Staff, of: Assessment, plan: int, sheet: Path) -> int:
    """Open the results of a held plan, upload marks and list the evidence; return the case."""
    editor = staff(of.firm.editor)
    case = editor.send("/batches/new", {"plan": str(plan)}).number
    write_scores(sheet, of.people, reference=f"{of.firm.key.upper()}-{plan}")
    file = ("scores", sheet.name, sheet.read_bytes())
    editor.fill(f"/batches/{case}/scores", {}, [file])
    lines = [
        f"{kind},{words},{hashlib.sha256(f'{case} {words}'.encode()).hexdigest()},{size}"
        for kind, words, size in (
            ("文档", "理论试卷和评分表", 734_003),
            ("视频", "操作技能考核全程录像", 1_288_490_188),
        )
    ]
    editor.fill(f"/batches/{case}/evidence", {"manifest": "\n".join(lines)})
    return case


def publish_results(staff: Staff, firm: Firm, case: int) -> None:
    """Begin the publicity inside the company."""
    staff(firm.head).fill(f"/batches/{case}/publish", {})


def answer_objection(staff: Staff, firm: Firm, case: int) -> None:
    """Record an objection and how it was handled."""
    editor = staff(firm.editor)
    said = {"objection": "一名员工申请复核操作技能成绩"}
    page = editor.get(f"/batches/{case}/publicity")
    editor.send(f"/batches/{case}/objections", {**said, "version": page.version})
    page = editor.get(f"/batches/{case}/publicity")
    handled = {"handling-1": "已由另两名考评人员复核录像，成绩无误，本人已签字确认"}
    editor.send(f"/batches/{case}/objections/1", {**handled, "version": page.version})


def send_results(staff: Staff, firm: Firm, case: int) -> None:
    """File the results after their publicity."""
    staff(firm.head).fill(f"/batches/{case}/check", {})


def return_results(staff: Staff, case: int, rows: str, note: str) -> None:
    """Return results with words on single rows."""
    staff("clerk").fill(f"/batches/{case}/return", {"note": note, "rows": rows})


def prepare_results(staff: Staff, case: int) -> None:
    """Let the clerk find the results sound."""
    staff("clerk").fill(f"/batches/{case}/review", {"note": "经核对无误，拟同意"})


def approve_results(staff: Staff, case: int) -> None:
    """Let another person approve the results."""
    take_step(staff, "approver", case, "approve", "同意备案")


def issue_results(staff: Staff, case: int) -> None:
    """Issue the certificates of approved results."""
    staff("clerk").fill(f"/batches/{case}/issue", {})


def _assessors(staff: Staff, of: Assessment, case: int) -> list[str]:
    page = staff(of.firm.editor).get(f"/plans/{case}/assessors").text
    places = page.split('name="assessor" value="')[1:]
    return [place.partition('"')[0] for place in places]
