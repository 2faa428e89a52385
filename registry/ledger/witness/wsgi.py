"""A witness behind a WSGI server: two addresses, bounded bodies, nothing else (C2SP tlog-witness).

    POST /add-checkpoint
    GET  /<hex SHA-256 of the log's origin>/checkpoint

What cannot be stored is not answered with a signature: 503, and the log asks again.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from registry.ledger.witness.cosigner import Answer, Witness
from registry.ledger.witness.wire import ADD_CHECKPOINT, MAX_REQUEST

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_READING: Final = ("GET", "HEAD")
_LENGTH: Final = re.compile("[0-9]{1,9}", re.ASCII)


class WitnessApp:
    """The WSGI callable over one witness."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        allowed: tuple[str, ...] = ()
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "").removeprefix("/")
        try:
            if path == ADD_CHECKPOINT:
                allowed = ("POST",)
                answer = self._post(environ) if method in allowed else _method()
            else:
                found = self._witness.latest(path)
                allowed = _READING if found else ()
                answer = found or _nothing()
                if found and method not in allowed:
                    answer = _method()
        except (sqlite3.Error, OSError) as fault:
            environ["wsgi.errors"].write(f"witness: nothing signed: {type(fault).__name__}\n")
            answer = _said(HTTPStatus.SERVICE_UNAVAILABLE, "the state cannot be read or written")
        headers = [
            ("Content-Type", answer.kind),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", ", ".join(allowed)))
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [] if method == "HEAD" else [answer.body]

    def _post(self, environ: WSGIEnvironment) -> Answer:
        said = environ.get("CONTENT_LENGTH") or ""
        if not said:
            return _said(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
        if not _LENGTH.fullmatch(said) or int(said) > MAX_REQUEST:
            return _said(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {MAX_REQUEST} bytes"
            )
        body = environ["wsgi.input"].read(int(said))
        if len(body) != int(said):
            return _said(HTTPStatus.BAD_REQUEST, "the body is not as long as was said")
        return self._witness.add_checkpoint(body)


def _said(status: HTTPStatus, why: str) -> Answer:
    return Answer(status=status, body=f"{why}\n".encode())


def _method() -> Answer:
    return _said(HTTPStatus.METHOD_NOT_ALLOWED, "this address takes another method")


def _nothing() -> Answer:
    return _said(HTTPStatus.NOT_FOUND, "there is nothing at this address")
