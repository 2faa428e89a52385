"""The directory of companies on file (备案企业目录, notice 六（一）2 and （二）): read, and shown.

The registry publishes it as `directory.json`; no person is in it. A missing or damaged file is
trouble of the service, never an empty directory: that would strike every company off the list.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from flask import Blueprint, Response, render_template

from signing.wording import Words, level_words
from verify_web.errors import ServiceTrouble
from verify_web.security import PUBLIC_HEADERS

if TYPE_CHECKING:
    from pathlib import Path

MAX_DIRECTORY: Final = 8 << 20
"""Longest file read, in bytes."""

MAX_AGE: Final = 300

_Text = Annotated[str, msgspec.Meta(max_length=400)]


class Occupation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An occupation that a company may assess; `levels` are symbols, the lowest first."""

    code: _Text
    direction: _Text
    levels: _Text
    name: _Text
    since: date

    @property
    def level_names(self) -> tuple[Words, ...]:
        """The levels by name, the lowest first."""
        return tuple(map(level_words, self.levels))


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A company on the list, with the day since which it is."""

    listed: date
    name: _Text
    occupations: tuple[Occupation, ...]
    prefix: _Text
    uscc: _Text


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The directory as of the day `on`."""

    companies: tuple[Company, ...]
    on: date
    v: Annotated[int, msgspec.Meta(ge=1, le=1)]


def blueprint(public_dir: Path) -> Blueprint:
    """Routes /directory and /directory.json."""
    routes = Blueprint("directory", __name__)

    @routes.get("/directory")
    def page() -> str:
        found = msgspec.json.decode(_read(public_dir), type=Directory)
        return render_template("directory.html", directory=found)

    @routes.get("/directory.json")
    def data() -> Response:
        headers = {"Cache-Control": f"public, max-age={MAX_AGE}", **PUBLIC_HEADERS}
        return Response(_read(public_dir), content_type="application/json", headers=headers)

    return routes


def _read(public_dir: Path) -> bytes:
    """Read the file and see that it is one. Raises ServiceTrouble."""
    try:
        with (public_dir / "directory.json").open("rb") as file:
            data = file.read(MAX_DIRECTORY + 1)
        msgspec.json.decode(data, type=Directory)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        raise ServiceTrouble("directory.json is missing or damaged") from None
    return data
