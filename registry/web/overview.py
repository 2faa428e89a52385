"""Figures at a glance (统计): cases by state, what is due on which day, numbers given by level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template

from registry.office.almanac import read_almanac
from registry.office.cases import MACHINE_OF
from registry.office.figures import cases_by_state, due_by_day, numbers_given
from registry.office.unit import Desk
from registry.web import charts
from registry.web.gate import CASES, decide, me
from registry.web.words import KINDS, state_tone

DAYS: Final = 20
"""Working days ahead: four weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of case: its list, its name, how many cases there are, the bars of its states."""

    address: str
    word: str
    total: int
    bars: tuple[charts.Bar, ...]


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("overview", __name__)

    @routes.get("/overview")
    @decide(of=CASES)
    def overview() -> str:
        today = desk.today()
        with desk.read() as session:
            counts = cases_by_state(session, me())
            ahead = due_by_day(session, me(), read_almanac(session), today=today, count=DAYS)
            given = numbers_given(session, me())
        kinds = []
        for kind, states in counts.items():
            words = MACHINE_OF[kind].words
            bars = charts.counted(
                ((words[state], count) for state, count in states),
                tones={words[state]: state_tone(state) for state, _ in states},
            )
            total = sum(count for _, count in states)
            address = f"/list/{kind.value}"
            kinds.append(Kind(address=address, word=KINDS[kind.value], total=total, bars=bars))
        return render_template(
            "overview.html",
            kinds=kinds,
            days=charts.days(None, ahead),
            by_level=charts.levels(given),
            by_year=charts.years(given),
        )

    return routes
