"""The spot check (抽查) of the national lookup: a random sample, ticked by a clerk with the day.

The clerk asks the national site by hand, number and name, as everybody does; nothing is asked by
a program. The list shows names, so that each showing of it leaves a line.
"""

from __future__ import annotations

import re
from datetime import date
from random import Random
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.errors import NotFound, Refused
from registry.office.disclosures import Disclosed, note_disclosure
from registry.office.identity import Role
from registry.office.spot_check import names_of
from registry.office.unit import Desk
from registry.upload.visible import (
    Unseen,
    mark_seen,
    sample_unseen,
    stands_still,
    unseen_count,
)
from registry.web.exchange import READERS, demand_city, doing_of
from registry.web.gate import decide, me

SAMPLE: Final = 10
"""Certificates of one sample: what a person looks up in a quarter of an hour."""

_SEED: Final = re.compile("[0-9a-f]{16}", re.ASCII)
_NUMBER: Final = re.compile("[0-9A-Z]{22}", re.ASCII)


def install(routes: Blueprint, desk: Desk) -> None:
    """Add the routes."""

    @routes.get("/visibility")
    @decide(of=READERS)
    def spot_check() -> str:
        return _page(desk)

    @routes.post("/visibility")
    @decide(Role.CLERK)
    def tick() -> Response | tuple[str, int]:
        demand_city(me())
        numbers = [one for one in request.form.getlist("seen") if _NUMBER.fullmatch(one)]
        day = _day(request.form.get("day", ""))
        if not numbers or day is None:
            fault = "请勾选已查到的证书" if not numbers else "日期请按 2026-01-31 的样式填写"
            return _page(desk, fault, field="day" if numbers else "seen"), 422
        try:
            new = 0
            with desk.write() as session:
                for number in numbers[: 10 * SAMPLE]:
                    new += mark_seen(session, number, day, doing_of(desk, me()))
        except (Refused, NotFound) as refused:
            return _page(desk, str(refused), field="day"), 422
        return redirect(url_for("uploads.spot_check", done=new), 303)


def _page(desk: Desk, fault: str = "", *, field: str = "") -> str:
    demand_city(me())
    seed = request.values.get("seed", "")
    clerk = me().role is Role.CLERK
    with desk.read() as session:
        waiting = unseen_count(session)
        ahead = stands_still(session, desk.today())
        drawn: list[tuple[Unseen, str]] = []
        if clerk and _SEED.fullmatch(seed):
            # The seed was drawn by the desk: the same page shows the same list until it is done.
            found = sample_unseen(session, Random(int(seed, 16)), size=SAMPLE)  # noqa: S311
            indices = [one.status_index for one in found]
            names = names_of(session, indices, desk.context(me()))
            drawn = [(one, names[one.status_index]) for one in found]
    if drawn:
        note_disclosure(desk, Disclosed.VISIBILITY, "visibility", me(), number=len(drawn))
    return render_template(
        "uploads/visibility.html",
        waiting=waiting,
        ahead=ahead,
        drawn=drawn,
        seed=seed if drawn else "",
        fresh=desk.random(8).hex(),
        today=desk.today(),
        day=request.form.get("day", desk.today().isoformat())[:10],
        done=request.args.get("done", type=int),
        clerk=clerk,
        fault=fault,
        field=field,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
