"""Open data (开放数据): the office's counts of certificates, shown and given out as files.

The registry publishes `open/certificates.json` once a quarter, and beside it one csv for each
table. Small counts are withheld there already; this page adds nothing up. No file is no figures
yet; a damaged one is trouble of the service.
"""

from __future__ import annotations

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

MAX_AGE: Final = 3600
TYPES: Final = {
    "certificates.json": "application/json",
    "certificates-by-district.csv": "text/csv; charset=utf-8",
    "certificates-by-occupation.csv": "text/csv; charset=utf-8",
    "certificates-by-month.csv": "text/csv; charset=utf-8",
}
"""The files that are given out, with their types."""

_Text = Annotated[str, msgspec.Meta(max_length=400)]
_Count = Annotated[int, msgspec.Meta(ge=-1)]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line; -1 stands for a count that is withheld."""

    counts: tuple[_Count, ...]
    label: _Text
    total: _Count


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table; its columns are the levels of the document."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{1,20}\Z")]
    rows: tuple[Row, ...]
    title: _Text


class OpenData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures as of a quarter's end."""

    as_of: date
    least: int
    levels: tuple[_Text, ...]
    tables: tuple[Table, ...]
    total: _Count
    totals: tuple[_Count, ...]
    v: Annotated[int, msgspec.Meta(ge=1, le=1)]


def blueprint(public_dir: Path) -> Blueprint:
    """Routes /open and /open/<file>."""
    routes = Blueprint("open_data", __name__)
    folder = public_dir / "open"

    @routes.get("/open")
    def page() -> str:
        return render_template("open_data.html", found=_document(folder))

    @routes.get("/open/<name>")
    def data(name: str) -> Response:
        if name not in TYPES:
            raise NotFound
        found = _read(folder / name)
        if found is None:
            raise NotFound
        headers = {"Cache-Control": f"public, max-age={MAX_AGE}", **PUBLIC_HEADERS}
        return Response(found, content_type=TYPES[name], headers=headers)

    return routes


def _document(folder: Path) -> OpenData | None:
    data = _read(folder / "certificates.json")
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=OpenData)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ServiceTrouble("open/certificates.json is damaged") from None


def _read(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError:
        raise ServiceTrouble("a file of the open data cannot be read") from None
    if len(data) > MAX_FILE:
        raise ServiceTrouble("a file of the open data is too long")
    return data
