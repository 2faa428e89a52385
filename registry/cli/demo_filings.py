"""The demo's filings (企业备案申请) and schemes (评价方案), page by page as people do it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from registry.cli.demo_staff import Staff
from registry.office.filing_form import REQUIRED

EXPERT: Final = re.compile(r'(?:<option|name="expert") value="([1-9][0-9]*)"')
OPINIONS: Final = 3

_YES: Final = "yes"
_CONDITIONS: Final = {
    "insured_staff": "520",
    "managers": "2",
    "experts": "5",
    "supervisors": "2",
    **dict.fromkeys(("registered_here", "good_standing", "mechanisms", "pay_rules"), _YES),
}
_STATIONS: Final = {"stations": "12", "assessors": "4", "applicants": "60", "reason": "主体工种"}
_LEVEL_PARTS: Final = (
    ("theory", "30", True),
    ("skill", "40", True),
    ("safety", "20", True),
    ("ethics", "5", False),
    ("performance", "5", False),
)
"""Way of assessing, weight, whether failing it fails all."""

_REVIEWED: Final = "21"
"""Technicians' levels (技师、高级技师), which the national standard has reviewed as a whole."""

_REVIEW_PARTS: Final = (
    ("theory", "30", True),
    ("skill", "40", True),
    ("safety", "10", True),
    ("ethics", "5", False),
    ("performance", "5", False),
    ("review", "10", True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """An occupation that a company asks for, with the levels."""

    code: str
    name: str
    direction: str
    levels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A made-up company: its people's logins are ``editor`` and ``head`` before its ``key``."""

    key: str
    name: str
    uscc: str
    prefix: str
    business: str
    trades: tuple[Trade, ...]

    @property
    def editor(self) -> str:
        """The login of who fills in."""
        return f"editor-{self.key}"

    @property
    def head(self) -> str:
        """The login of who sends in."""
        return f"head-{self.key}"


def start_filing(staff: Staff, firm: Firm, trades: Iterable[Trade]) -> int:
    """Fill in a whole application; return the case's number."""
    editor = staff(firm.editor)
    case = editor.send("/filings/new", {}).number
    facts = {
        "address": "示例市示例区示例路 1 号",
        "legal_person": "赵示例",
        "contact": "钱示例",
        "phone": "0755-00000001",
        "main_business": firm.business,
        "scope": f"{firm.business}、销售",
    }
    editor.fill(f"/filings/{case}/company", facts)
    editor.fill(f"/filings/{case}/conditions", _CONDITIONS)
    for trade in trades:
        levels = {f"level-{level}": _YES for level in trade.levels}
        fields = {"occupation": trade.code, "direction": trade.direction, **levels, **_STATIONS}
        editor.fill(f"/filings/{case}/occupations", fields)
    for paper in REQUIRED:
        file = ("file", f"{paper.value}.pdf", _paper(f"{firm.key} {paper.value}"))
        editor.send(f"/cases/{case}/documents", {"kind": paper.value}, [file])
    return case


def send_filing(staff: Staff, firm: Firm, case: int) -> None:
    """Send a filled application in."""
    staff(firm.head).fill(f"/filings/{case}/check", {})


def return_filing(staff: Staff, case: int, section: str, words: str) -> None:
    """Return an application with what is to be mended."""
    staff("clerk").fill(f"/filings/{case}/return", {f"fix-{section}": words})


def review_filing(staff: Staff, case: int, *, opinions: int = OPINIONS) -> None:
    """Accept, assign, call experts to the site and record so many opinions."""
    clerk = staff("clerk")
    take_step(staff, "clerk", case, "accept")
    page = clerk.get(f"/filings/{case}/assign")
    reviewer = page.only(re.compile(r'name="reviewer" value="([0-9]+)"'))
    clerk.fill(f"/filings/{case}/assign", {"reviewer": reviewer})
    take_step(staff, "clerk", case, "call-experts")
    record_opinions(staff, f"/filings/{case}/votes", opinions, "场地、设备和考评人员与申请一致")


def approve_filing(staff: Staff, case: int, prefix: str) -> None:
    """Let the clerk enter the province's prefix, and another person approve with it."""
    staff("clerk").fill(f"/filings/{case}/prefix", {"prefix": prefix})
    staff("approver").fill(f"/filings/{case}/approve", {"prefix": prefix, "note": "同意备案"})


def record_opinions(staff: Staff, path: str, count: int, words: str) -> None:
    """Record opinions in favour, one expert after another."""
    clerk = staff("clerk")
    for _ in range(count):
        expert = clerk.get(path).only(EXPERT)
        clerk.fill(path, {"expert": expert, "answer": "for", "opinion": words})


def start_scheme(staff: Staff, firm: Firm, trade: Trade) -> int:
    """Fill in a scheme for all levels of an occupation; return the case's number."""
    editor = staff(firm.editor)
    occupation = f"{trade.code}|{trade.direction}"
    case = editor.send("/schemes/new", {"occupation": occupation}).number
    standard = {
        "standard_kind": "national",
        "standard": f"国家职业技能标准 {trade.name}",
        "standard_number": trade.code,
    }
    editor.fill(f"/schemes/{case}/standard", standard)
    for level in trade.levels:
        editor.fill(f"/schemes/{case}/levels/{level}", _level_fields(level))
    return case


def _level_fields(level: str) -> dict[str, str]:
    unused = {
        f"{what}-{kind}": "0" for what in ("weight", "pass") for kind in ("credits", "review")
    }
    fields = {"total_mark": "60", **unused}
    for kind, weight, veto in _REVIEW_PARTS if level in _REVIEWED else _LEVEL_PARTS:
        fields |= {f"use-{kind}": _YES, f"weight-{kind}": weight, f"pass-{kind}": "60"}
        fields |= {f"veto-{kind}": _YES} if veto else {}
    return fields


def send_scheme(staff: Staff, firm: Firm, case: int) -> None:
    """Send a filled scheme in."""
    staff(firm.head).fill(f"/schemes/{case}/check", {})


def assess_scheme(staff: Staff, case: int) -> None:
    """Let experts assess a scheme and the clerk prepare the decision."""
    take_step(staff, "clerk", case, "call-experts")
    record_opinions(staff, f"/schemes/{case}/votes", OPINIONS, "评价内容不低于国家职业技能标准")
    take_step(staff, "clerk", case, "prepare", "拟同意公布")


def take_step(staff: Staff, login: str, case: int, event: str, note: str = "") -> None:
    """Press a step's button on the case's page."""
    browser = staff(login)
    version = browser.get(f"/cases/{case}").version
    fields = {"version": version, f"note-{event}": note}
    browser.send(f"/cases/{case}/steps/{event}", fields)


def _paper(words: str) -> bytes:
    return (
        f"%PDF-1.7\n% {words}\n"
        "1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n"
        "2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj\n"
        "3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>> endobj\n"
        "trailer <</Root 1 0 R>>\n%%EOF\n"
    ).encode()
