"""A company and the office play the procedure in Chromium, from filing to issued certificates.

In between the filing and the results are returned for correction. Every page of both desks is
looked at on the way, every kind of refusal too: none breaks WCAG 2.2 AA, none is too wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from registry.cli.demo_cast import PRECISION
from registry.store.base import read_unit
from registry.store.certificates import Certificate

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was left of the play."""

    stage: Any
    cases: dict[str, int]


@pytest.fixture(
    scope="module",
    params=["each page once", pytest.param("each state of each page", marks=pytest.mark.soak)],
)
def played(
    request: pytest.FixtureRequest,
    _cheap_hashes: None,
    open_stage: Callable[..., Any],
    beside: Callable[[str], Any],
) -> Iterator[Played]:
    """Play the whole, once for all tests."""
    course, visits = beside("desk_course"), beside("desk_visits")
    with open_stage(thorough=request.param != "each page once") as stage:
        cases = course.play(stage)
        visits.visit(stage, cases)
        visits.take_downloads(stage, cases)
        visits.refuse(stage, cases)
        yield Played(stage=stage, cases=cases)


def test_certificates_are_issued_by_clicks(played: Played) -> None:
    with read_unit(played.stage.services.engine) as session:
        numbers = session.scalars(select(Certificate.number)).all()
    assert len(numbers) == 5
    assert all(number.startswith(PRECISION.prefix) for number in numbers)


def test_no_page_has_a_fault(played: Played) -> None:
    assert played.stage.looker.passed > 1000
    assert played.stage.looker.found == []


def test_no_page_was_left_out(played: Played, beside: Any) -> None:
    """A route that nobody went to is a page that nobody looked at."""
    visits = beside("desk_visits")
    routes = {
        rule.rule
        for rule in played.stage.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api/", "/static/"))
    }
    looker = played.stage.looker
    looked = {route for route, status in looker.looked if status == 200}
    assert routes - looked - looker.taken == visits.ELSEWHERE
    assert looker.taken == visits.DOWNLOADS
    assert {status for _, status in looker.looked} >= visits.REFUSALS
