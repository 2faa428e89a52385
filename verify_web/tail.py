"""The end of the log, for whoever must know that nothing has happened since a status entry.

A status list proves the states as of its entry. A publisher who puts an old one back hides what
came after it, and no proof of the old entry shows that. So the visitor's browser asks for the
leaves behind it: `edge`, the roots of the full subtrees before `start` (RFC 9162 §2.1), and
`entries`, all leaves from there to the end, which together give the root of the checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from flask import Blueprint, Response, abort

from signing.errors import SigningError
from signing.tlog.paths import range_nodes
from signing.tlog.tiles import TileReader
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from pathlib import Path

    from verify_web.site import Site

MAX_TAIL: Final = 1024
"""Leaves given at once; a status list that lags more proves nothing to a browser."""


def blueprint(site: Site) -> Blueprint:
    """Route /tail/<start>/<size>, for a tree of `size` leaves that was published."""
    routes = Blueprint("tail", __name__)

    @routes.get("/tail/<int:start>/<int:size>")
    def tail(start: int, size: int) -> Response:
        snapshot = site.public.snapshot()
        newest = snapshot.head.checkpoint
        if not start < size <= newest.size or size - start > MAX_TAIL:
            abort(404)
        return Response(
            _tail(site.config.public_dir / newest.origin.rpartition("/")[2], start, size),
            content_type="application/json",
        )

    return routes


def _tail(folder: Path, start: int, size: int) -> bytes:
    tree = TileReader(lambda path: (folder / path).read_bytes()).at(size)
    try:
        edge = tree(range_nodes(0, start)) if start else []
        entries = list(tree.entries(start))
    except (SigningError, OSError) as error:
        raise ServiceTrouble(f"the log's end: {type(error).__name__}") from None
    return msgspec.json.encode({"edge": edge, "entries": entries})
