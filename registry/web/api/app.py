"""The machine API as routes: read strictly, ask the gate, call the row's handler, write JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Final

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage

from registry.office.answers import Answer
from registry.office.unit import Desk
from registry.web import gate
from registry.web.api import (
    accounts,
    assessors,
    batches,
    cases,
    changes,
    filings,
    imports,
    plans,
    problems,
    reading,
    registers,
    repeating,
    rules,
    schemes,
    session,
    statistics,
    supervision,
    uploads,
)
from registry.web.api.endpoint import Call, Download, Endpoint
from registry.web.api.openapi import document

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *session.TABLE.rows,
    *cases.TABLE.rows,
    *filings.TABLE.rows,
    *schemes.TABLE.rows,
    *plans.TABLE.rows,
    *assessors.TABLE.rows,
    *batches.TABLE.rows,
    *supervision.TABLE.rows,
    *changes.TABLE.rows,
    *imports.TABLE.rows,
    *uploads.TABLE.rows,
    *statistics.TABLE.rows,
    *registers.TABLE.rows,
    *rules.TABLE.rows,
    *accounts.TABLE.rows,
)
"""Everything that can be asked."""

BASE: Final = "/api/v1"


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("api", __name__, url_prefix=BASE)
    for row in ENDPOINTS:
        view = gate.decide(of=row.roles)(_view(desk, row))
        routes.add_url_rule(row.path, row.name, view, methods=[row.method])
    written = msgspec.json.encode(document(ENDPOINTS, BASE, desk.office_name))

    @routes.get("/openapi.json")
    @gate.decide(of=gate.ANYONE)
    def openapi() -> Response:
        return Response(written, content_type="application/json")

    routes.register_error_handler(Exception, problems.respond)
    return routes


def _view(desk: Desk, row: Endpoint) -> Callable[..., Response]:
    def view(**path: object) -> Response:
        def act(at: Desk, body: IO[bytes]) -> object:
            taken = reading.read(request, row, body)
            call = Call(
                desk=at,
                person=gate.current(),
                token=gate.token(),
                address=request.remote_addr or "",
                path=path,
                file=FileStorage(body),
            )
            return row.handle(call, taken)

        person, key = gate.current(), repeating.key_of(request) if row.repeats else None
        if person is None or key is None:
            given = act(desk, request.stream)
            if isinstance(given, Download):
                return _download(given)
            return _json(_encoded(given, row))
        return _json(
            repeating.once(
                desk, person, request, key, lambda at, body: _encoded(act(at, body), row)
            )
        )

    return view


def _encoded(given: object, row: Endpoint) -> Answer:
    return Answer(status=row.status, body=msgspec.json.encode(given))


def _json(answer: Answer) -> Response:
    return Response(answer.body, answer.status, content_type=reading.JSON_TYPE)


def _download(given: Download) -> Response:
    # An attachment that nothing interprets, should a browser ever get hold of it.
    headers = {
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if given.size is not None:
        headers["Content-Length"] = str(given.size)
    return Response(given.data, content_type=given.media_type, headers=headers)
