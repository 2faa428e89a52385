"""Serves the log as C2SP tlog-tiles lays it out, from the published directory.

Anyone can follow the log with tools that are not ours. A path is matched against the tile
grammar before a file name is made of it, so nothing outside `log/` can be asked for. A
production site lets a static server do this; the headers are the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort

from signing.errors import MalformedTile
from signing.tlog.tiles import parse_tile_path
from verify_web.security import PUBLIC_HEADERS

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT_MAX_AGE: Final = 5
"""Seconds; tlog-tiles asks for seconds at most, or a new batch stays unseen."""

TRUST_MAX_AGE: Final = 300

_LOG_NAME: Final = re.compile("log(?:[2-9]|[1-9][0-9])?")
"""A frozen log stays where it was; the one that follows it has the next number."""

IMMUTABLE: Final = "public, max-age=31536000, immutable"


def blueprint(public_dir: Path) -> Blueprint:
    """Routes /log/checkpoint, /log/tile/…, the same of later logs, and /trust/…; missing is 404."""
    routes = Blueprint("log", __name__)

    @routes.get("/<log>/<any(checkpoint, successor):name>")
    @routes.get("/<log>/<any('checkpoint.witnessed', 'log.policy'):name>")
    def note(log: str, name: str) -> Response:
        return _text(_log_folder(public_dir, log) / name, CHECKPOINT_MAX_AGE)

    @routes.get("/<log>/tile/<path:tile>")
    def tile(log: str, tile: str) -> Response:
        path = f"tile/{tile}"
        try:
            parse_tile_path(path)
        except MalformedTile:
            abort(404)
        body = _read(_log_folder(public_dir, log) / path)
        return Response(
            body,
            content_type="application/octet-stream",
            headers={"Cache-Control": IMMUTABLE, **PUBLIC_HEADERS},
        )

    @routes.get("/trust/log.policy")
    def policy() -> Response:
        return _text(public_dir / "trust" / "log.policy", TRUST_MAX_AGE)

    @routes.get("/trust/issuers.json")
    def issuers() -> Response:
        body = _read(public_dir / "trust" / "issuers.json")
        return Response(body, content_type="application/json", headers=_headers(TRUST_MAX_AGE))

    return routes


def _log_folder(public_dir: Path, name: str) -> Path:
    """Give a log's folder; 404 for anything but `log`, `log2`, `log3` and so on."""
    if not _LOG_NAME.fullmatch(name):
        abort(404)
    return public_dir / name


def _text(path: Path, max_age: int) -> Response:
    return Response(
        _read(path), content_type="text/plain; charset=utf-8", headers=_headers(max_age)
    )


def _headers(max_age: int) -> dict[str, str]:
    return {"Cache-Control": f"public, max-age={max_age}", **PUBLIC_HEADERS}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        # A directory of that name, or a tile not published yet: either way, not there.
        abort(404)
