"""Draws of quality supervision (双随机、一公开, 七（四）): shown, and given out to be checked.

The registry publishes `draws/index.json` and beside it one file for each draw, which
`certreg draw verify` checks against the log alone. A missing index is no draw yet; a damaged one is
trouble of the service.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from flask import Blueprint, Response, render_template
from werkzeug.exceptions import NotFound

from verify_web.errors import ServiceTrouble
from verify_web.security import PUBLIC_HEADERS

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE: Final = 8 << 20
"""Longest file read, in bytes."""

MAX_AGE: Final = 300
_REFERENCE: Final = re.compile(r"CQ-[0-9]{4}-[0-9]{4,8}", re.ASCII)
_Text = Annotated[str, msgspec.Meta(max_length=80)]


class Visit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drawn plan, and in a word what was found; "" if the plan was not carried out."""

    plan: _Text
    result: _Text


class Draw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draw whose visits are over."""

    reference: _Text
    visits: tuple[Visit, ...]


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The published draws, as of the day `on`."""

    draws: tuple[Draw, ...]
    on: date | None
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


def blueprint(public_dir: Path) -> Blueprint:
    """Routes /draws and /draws/<reference>.json."""
    routes = Blueprint("draws", __name__)
    folder = public_dir / "draws"

    @routes.get("/draws")
    def page() -> str:
        return render_template("draws.html", index=_index(folder))

    @routes.get("/draws/<reference>.json")
    def data(reference: str) -> Response:
        if _REFERENCE.fullmatch(reference) is None and reference != "index":
            raise NotFound
        found = _read(folder / f"{reference}.json")
        if found is None:
            raise NotFound
        headers = {"Cache-Control": f"public, max-age={MAX_AGE}", **PUBLIC_HEADERS}
        return Response(found, content_type="application/json", headers=headers)

    return routes


def _index(folder: Path) -> Index:
    data = _read(folder / "index.json")
    if data is None:
        return Index(draws=(), on=None)
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ServiceTrouble("draws/index.json is damaged") from None


def _read(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError:
        raise ServiceTrouble("a file of the draws cannot be read") from None
    if len(data) > MAX_FILE:
        raise ServiceTrouble("a file of the draws is too long")
    return data
