"""Rules at the desks (规则与日历): all there are, in force, to come and gone, with their basis.

Seen by all; the city's approvers make new ones in `rule_forms` and load years in `calendars`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, assert_never

from flask import Blueprint, render_template, url_for

from registry.office.notices import last_library_year, years_known
from registry.office.rules_list import RuleShown, Standing, rules_list, without_rule
from registry.office.unit import Desk
from registry.rules.terms import TermRule, ThresholdRule
from registry.web import calendars, rule_forms
from registry.web.calendars import makes
from registry.web.gate import CASES, decide
from registry.wording_schemes import COUNTINGS, TERMS, THRESHOLDS, TURNS, UNITS

_STANDINGS: Final = {
    Standing.IN_FORCE: ("现行", "good"),
    Standing.TO_COME: ("待施行", "warn"),
    Standing.GONE: ("已被替代", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """One rule in words; ``change`` is where an approver makes the next one."""

    word: str
    value: str
    turn: str
    basis: str
    since: date
    until: date | None
    standing: str
    tone: str
    change: str


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("rules", __name__)
    _listing(routes, desk)
    rule_forms.add_routes(routes, desk)
    calendars.add_routes(routes, desk)
    return routes


def _listing(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/rules")
    @decide(of=CASES)
    def rules() -> str:
        today = desk.today()
        with desk.read() as session:
            lines = [_line(shown) for shown in rules_list(session, today)]
            without = [(term.value, TERMS[term]) for term in without_rule(session)]
            years = years_known(session, today)
        return render_template(
            "rules/list.html",
            lines=lines,
            without=without,
            years=years,
            today=today,
            library=last_library_year(),
            makes=makes(),
        )


def _line(shown: RuleShown) -> RuleLine:
    rule = shown.rule
    standing, tone = _STANDINGS[shown.status]
    match rule:
        case TermRule():
            word, change = TERMS[rule.term], url_for("rules.term", name=rule.term.value)
            value = f"{rule.length} {UNITS[rule.unit]}，{COUNTINGS[rule.counting]}"
            turn = TURNS[rule.turn]
        case ThresholdRule():
            word, unit = THRESHOLDS[rule.threshold]
            change = url_for("rules.threshold", name=rule.threshold.value)
            value = f"不少于 {rule.least} {unit}" + ("" if rule.bars else "（原则上，仅提示）")
            turn = "—"
        case _:
            assert_never(rule)
    return RuleLine(
        word=word,
        value=value,
        turn=turn,
        basis=rule.basis,
        since=rule.since,
        until=shown.until,
        standing=standing,
        tone=tone,
        change=change if shown.status is not Standing.GONE else "",
    )
