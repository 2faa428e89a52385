"""Serves the status files, by the certificate's status index or by their own name.

A file is about 4,096 certificates at once and holds no personal data, so it may be fetched and
kept by anyone; an offline verifier takes it beside the certificate (`certverify --status`). What
the site cannot read as a status file it does not pass on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort

from signing.errors import MalformedStatus
from signing.statusfile import MAX_STATUS_FILE, StatusFile, parse_status_file, status_file_name
from signing.tlog.status import PAGE_CERTIFICATES
from verify_web.errors import ServiceTrouble
from verify_web.security import PUBLIC_HEADERS

if TYPE_CHECKING:
    from pathlib import Path

STATUS_MAX_AGE: Final = 5
"""Seconds that a copy may be kept, as for the checkpoint: a revocation must not stay unseen."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


def blueprint(public_dir: Path) -> Blueprint:
    """Routes /status/<status index> and /status/<page>.tlog-proof; what is not there is 404."""
    routes = Blueprint("status", __name__)
    folder = public_dir / "status"

    @routes.get("/status/<index>")
    def by_index(index: str) -> Response:
        place = _number(index)
        data, file = _read(folder, place // PAGE_CERTIFICATES)
        if not file.holds(place) or place >= file.status().count:
            abort(404)
        return _answer(data)

    @routes.get("/status/<page>.tlog-proof")
    def by_page(page: str) -> Response:
        return _answer(_read(folder, _number(page))[0])

    return routes


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        abort(404)
    return int(text)


def _read(folder: Path, page: int) -> tuple[bytes, StatusFile]:
    try:
        with (folder / status_file_name(page)).open("rb") as file:
            data = file.read(MAX_STATUS_FILE + 1)
    except OSError:
        abort(404)
    try:
        return data, parse_status_file(data)
    except MalformedStatus:
        raise ServiceTrouble("a published status file is damaged") from None


def _answer(data: bytes) -> Response:
    return Response(
        data,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": f"public, max-age={STATUS_MAX_AGE}", **PUBLIC_HEADERS},
    )
