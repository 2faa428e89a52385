"""Serves the browser module (浏览器核验程序), and the style sheet: compressed, and kept for ever.

ES modules of our own, without a framework and without a build. They are served under a folder
named by the digest of them all, so that a browser never mixes files of two versions and may keep
them for ever; the digest stands on the page. Comments and indentation stay with the source.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort, request

from verify_web.display import Language
from verify_web.log import IMMUTABLE
from verify_web.wording_page import words_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

CORE: Final = ("log.js", "forms.js", "verify.js")
"""The verifying itself; the rest of the folder shows what these find."""

SHEET: Final = "site.css"

OFFLINE: Final = "/offline"
"""The page that is kept, and shown in place of any page that cannot be had."""

MAX_CORE: Final = 10_240
"""Bytes that the core may take on the wire."""

_COMMENT: Final = re.compile(r"^\s*//.*\n|^\s+", re.MULTILINE)
_STATIC: Final = Path(__file__).parent / "static"
_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripts:
    """The module's files as they are served, compressed, and the version that names them."""

    files: Mapping[str, bytes]
    version: str
    worker: bytes

    def address(self, name: str) -> str:
        """Give the path of one file on this site."""
        return f"/assets/{self.version}/{name}"


@cache
def load_scripts(max_age: timedelta, assets: tuple[str, ...]) -> Scripts:
    """Read the module, once in a process; `assets` are other addresses the worker keeps."""
    sources = {file.name: _bare(file) for file in sorted(_STATIC.glob("*.js"))}
    worker = sources.pop("sw.js")
    words = {f"words.{one}.json": words_json(max_age, one) for one in Language}
    files = {**sources, SHEET: (_STATIC / SHEET).read_bytes(), **words}
    digest = hashlib.sha256()
    for name, data in files.items():
        digest.update(b"%b %d\n%b" % (name.encode(), len(data), data))
    version = digest.hexdigest()[:16]
    packed = {name: gzip.compress(data, 9, mtime=0) for name, data in files.items()}
    # A changed line makes the browser install the worker anew, and with it all that it keeps.
    kept = [f"/assets/{version}/{name}" for name in files]
    head = f"const FILES = {json.dumps([*kept, OFFLINE, *assets])};\n"
    return Scripts(files=packed, version=version, worker=head.encode() + worker)


def _bare(file: Path) -> bytes:
    return _COMMENT.sub("", file.read_text("utf-8")).encode()


def blueprint(scripts: Scripts) -> Blueprint:
    """Routes /assets/<version>/<file> and /sw.js; another version's files are 404."""
    routes = Blueprint("scripts", __name__)

    @routes.get("/assets/<version>/<name>")
    def script(version: str, name: str) -> Response:
        packed = scripts.files.get(name)
        if packed is None or version != scripts.version:
            abort(404)
        kind = _KINDS[name.rpartition(".")[2]]
        headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
        if request.accept_encodings["gzip"] > 0:
            return Response(
                packed, content_type=kind, headers={**headers, "Content-Encoding": "gzip"}
            )
        return Response(gzip.decompress(packed), content_type=kind, headers=headers)

    @routes.get("/sw.js")
    def worker() -> Response:
        return Response(
            scripts.worker, content_type=_KINDS["js"], headers={"Cache-Control": "no-cache"}
        )

    return routes
