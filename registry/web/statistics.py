"""Talent statistics, subsidy candidates and throughput on pages and as spreadsheets (统计)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from registry.office.almanac import read_almanac
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.statistics import Line, Statistics, statistics
from registry.office.subsidies import MOST, PAGE, SEES_NAMES, SOON, candidates
from registry.office.throughput import throughput
from registry.office.unit import Desk
from registry.web import charts
from registry.web.cases import page_asked
from registry.web.gate import CASES, decide, me
from registry.web.spreadsheets import workbook_download
from registry.web.statistics_sheets import statistics_book, subsidy_book

SHOWN: Final = 15
"""Companies and occupations drawn one by one; the spreadsheet has them all."""

HEADS: Final = ("全国可查", "尚未可查", "暂停")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One chart: its caption and its lines; ``long``: names that may take two lines."""

    caption: str
    rows: tuple[charts.Split, ...]
    long: bool = False


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("statistics", __name__, url_prefix="/statistics")
    _figures(routes, desk)
    _subsidy(routes, desk)
    return routes


def _figures(routes: Blueprint, desk: Desk) -> None:
    @routes.get("")
    @decide(of=CASES)
    def index() -> str:
        today = desk.today()
        with desk.read() as session:
            almanac = read_almanac(session)
            found = statistics(session, me(), today=today)
            steps = throughput(session, me(), almanac, now=desk.clock.now())
            ready = candidates(session, me(), almanac, desk.context(me()), today=today, size=0)
        return render_template(
            "statistics/index.html",
            found=found,
            tables=_tables(found),
            heads=HEADS,
            steps=steps,
            ready=ready,
        )

    @routes.get("/table")
    @decide(of=CASES)
    def table() -> Response:
        with desk.read() as session:
            found = statistics(session, me(), today=desk.today())
            steps = throughput(session, me(), read_almanac(session), now=desk.clock.now())
        return workbook_download(statistics_book(found, steps), f"人才统计-{found.on}.xlsx")


def _subsidy(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/subsidy")
    @decide(of=CASES)
    def subsidy() -> str:
        page = page_asked()
        with desk.read() as session:
            found = candidates(
                session,
                me(),
                read_almanac(session),
                desk.context(me()),
                today=desk.today(),
                page=page,
            )
        return render_template(
            "statistics/subsidy.html",
            found=found,
            names=me().role in SEES_NAMES,
            soon=SOON,
            page=page,
            pages=-(-found.total // PAGE),
        )

    @routes.get("/subsidy/table")
    @decide(of=SEES_NAMES)
    def subsidy_table() -> Response:
        today = desk.today()
        note_disclosure(desk, Disclosed.SUBSIDY, "subsidy", me())
        with desk.read() as session:
            found = candidates(
                session,
                me(),
                read_almanac(session),
                desk.context(me()),
                today=today,
                size=MOST,
                whole_names=True,
            )
        return workbook_download(subsidy_book(found, today), f"补贴申领期限-{today}.xlsx")


def _tables(found: Statistics) -> tuple[Table, ...]:
    lists = (
        ("按辖区（本）", found.districts, "其余 {n} 个辖区", False),
        ("按等级（本）", found.levels, "其余 {n} 个等级", False),
        ("按企业（本）", found.companies, "其余 {n} 家企业", True),
        ("按职业（本）", found.occupations, "其余 {n} 个职业", True),
    )
    few = tuple(
        Table(
            caption=caption,
            rows=charts.split(charts.first_few(_rows(lines), SHOWN, rest)),
            long=long,
        )
        for caption, lines, rest, long in lists
    )
    months = Table(caption="按发证月份（本）", rows=charts.split(_rows(found.months)))
    return (*few, months)


def _rows(lines: Iterable[Line]) -> list[tuple[str, tuple[int, ...]]]:
    return [(one.label, (one.seen, one.waiting, one.suspended)) for one in lines]
