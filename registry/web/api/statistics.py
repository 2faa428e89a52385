"""Statistics at the machine API (统计): talent counts, subsidy candidates, working days a step."""

from __future__ import annotations

from datetime import date

from registry.office import statistics, subsidies
from registry.office.almanac import read_almanac
from registry.office.statistics import Line
from registry.office.subsidies import Candidate
from registry.office.throughput import Step, throughput
from registry.web.api.cases import Page
from registry.web.api.endpoint import Call, Given, Nothing, Table, Taken
from registry.web.gate import CASES

TABLE = Table("statistics")


class Talent(Given, frozen=True, kw_only=True):
    """Valid certificates: ``seen`` nationally counts, ``waiting`` and ``suspended`` are beside.

    ``whole`` is the sum of each list.
    """

    on: date
    whole: Line
    districts: tuple[Line, ...]
    companies: tuple[Line, ...]
    occupations: tuple[Line, ...]
    levels: tuple[Line, ...]
    months: tuple[Line, ...]


class PageQuery(Taken, frozen=True, kw_only=True):
    """Which page of 50."""

    page: Page = 1


class Subsidy(Given, frozen=True, kw_only=True):
    """Certificates within the term for a claim, those that end first in front; names masked.

    ``ready`` can claim, ``waiting`` are not shown nationally yet; ``soon`` and ``pressing`` of
    these have no more than 30 days left.
    """

    candidates: tuple[Candidate, ...]
    total: int
    ready: int
    soon: int
    waiting: int
    pressing: int


class Times(Given, frozen=True, kw_only=True):
    """Working days that each step took, of what was finished in the last twelve months."""

    steps: tuple[Step, ...]


@TABLE.get("/statistics", roles=CASES, takes=Nothing, gives=Talent)
def show_statistics(call: Call, _: Nothing) -> Talent:
    """Show statistics (人才统计)."""
    with call.desk.read() as session:
        found = statistics.statistics(session, call.by, today=call.desk.today())
    return Talent(
        on=found.on,
        whole=found.whole,
        districts=found.districts,
        companies=found.companies,
        occupations=found.occupations,
        levels=found.levels,
        months=found.months,
    )


@TABLE.get("/statistics/subsidy", roles=CASES, takes=PageQuery, gives=Subsidy)
def list_subsidy(call: Call, given: PageQuery) -> Subsidy:
    """List subsidy candidates (技能提升补贴申领期限)."""
    with call.desk.read() as session:
        found = subsidies.candidates(
            session,
            call.by,
            read_almanac(session),
            call.context,
            today=call.desk.today(),
            page=given.page,
        )
    return Subsidy(
        candidates=found.listed,
        total=found.total,
        ready=found.ready,
        soon=found.soon,
        waiting=found.waiting,
        pressing=found.pressing,
    )


@TABLE.get("/statistics/times", roles=CASES, takes=Nothing, gives=Times)
def show_times(call: Call, _: Nothing) -> Times:
    """Show times (办理用时)."""
    with call.desk.read() as session:
        almanac = read_almanac(session)
        return Times(steps=throughput(session, call.by, almanac, now=call.desk.clock.now()))
