"""The lookup page of the province: one number in, city, state, edition and days out. No names.

A number without a check digit can be mistyped into another's, so the page says what it does not
show, and sends whoever checks a person's certificate to the city's site.
"""

from __future__ import annotations

import json
from typing import Final

from flask import Flask, Response, render_template, request

from registry.centre.publish import Listed, look_up
from registry.centre.starting import Opened
from registry.rules.errors import NumberError
from registry.rules.numbers import parse_number

_FAULTS: Final = {404: "没有这个网页", 405: "请从页面上的按钮查询", 429: "查询过于频繁，请稍后再试"}
_MAX: Final = 64


def install(app: Flask, centre: Opened, api: str) -> None:
    """Add the page, and the same as JSON at `api`."""
    name = centre.settings.name

    def page() -> Response | str:
        typed = request.args.get("number", "")[:_MAX]
        number, found = _find(centre, typed)
        status = 200 if not typed or found else 404
        text = render_template("lookup.html", centre=name, typed=typed, number=number, found=found)
        return Response(text, status)

    def answer() -> Response:
        number, found = _find(centre, request.args.get("number", "")[:_MAX])
        status = 400 if not number else 404 if found is None else 200
        return Response(
            json.dumps(_facts(found), ensure_ascii=False) + "\n",
            status,
            content_type="application/json",
        )

    app.add_url_rule("/", "home", page)
    app.add_url_rule("/lookup", "lookup", page)
    app.add_url_rule(api, "lookup-api", answer)


def fault_page(status: int) -> Response:
    """Answer a fault outside the API in words."""
    words = _FAULTS.get(status, "暂时不能查询，请稍后再试")
    return Response(render_template("fault.html", words=words), status)


def _find(centre: Opened, typed: str) -> tuple[str, Listed | None]:
    try:
        number = str(parse_number(typed))
    except NumberError:
        return "", None
    return number, look_up(centre.home.public, number)


def _facts(found: Listed | None) -> dict[str, object]:
    if found is None:
        return {"found": False}
    return {
        "found": True,
        "city": found.city,
        "site": found.site,
        "state": found.state,
        "edition": found.edition,
        "received": found.received,
        "visible": found.visible,
    }
