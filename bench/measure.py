"""Timing and a throw-away home for the benchmarks; figures are CPU seconds beside wall seconds."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from registry.cli.home import Home, Settings
from registry.cli.services import Services
from registry.cli.setup import enrol, init_home

STEADY = 2.0
"""A side whose slowest round took more than this many times its fastest gives no ratio."""
PREFIX = "Y000044999001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """CPU and wall seconds of one piece of work, children's CPU included."""

    cpu: float
    wall: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(cpu=self.cpu + other.cpu, wall=self.wall + other.wall)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(cpu=self.cpu - other.cpu, wall=self.wall - other.wall)


def now() -> Spent:
    """Return the CPU and wall time used so far."""
    cpu = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        cpu += used.ru_utime + used.ru_stime
    return Spent(cpu=cpu, wall=time.perf_counter())


def timed(work: Callable[[], object]) -> Spent:
    """Do ``work`` and return what it took."""
    before = now()
    work()
    return now() - before


def steady(rounds: list[float]) -> bool:
    """Whether the rounds are close enough together for a ratio to mean anything."""
    return max(rounds) <= STEADY * min(rounds)


def ratio(upper: list[float], lower: list[float]) -> str:
    """Return the ratio of the medians, or why there is none."""
    if not (steady(upper) and steady(lower)):
        return "not steady enough to say (a side's max/min is over 2)"
    return f"{statistics.median(upper) / statistics.median(lower):.2f}"


def make_services(folder: Path) -> Services:
    """Return an open home with one company."""
    home = Home(path=folder / "home", environ={})
    settings = Settings(
        office="示例市鉴定办", base_url="http://127.0.0.1:8000", database="sqlite", direct=True
    )
    init_home(home, settings)
    services = Services.open(home)
    enrol(
        services,
        name="深圳市示例精密制造有限公司",
        uscc="91449999MA5DEM0015",
        prefix=PREFIX,
        levels="5,4,3,2,1",
    )
    return services


def today() -> datetime:
    """Return the time that the checks are made at."""
    return datetime.now(UTC)
