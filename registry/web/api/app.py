"""The machine API as routes: read strictly, ask the gate, call the row's handler, write JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage

from registry.office.unit import Desk
from registry.web import gate
from registry.web.api import (
    accounts,
    assessors,
    batches,
    cases,
    filings,
    plans,
    problems,
    reading,
    registers,
    rules,
    schemes,
    session,
    supervision,
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
        taken = reading.read(request, row)
        call = Call(
            desk=desk,
            person=gate.current(),
            token=gate.token(),
            address=request.remote_addr or "",
            path=path,
            file=FileStorage(request.stream),
        )
        given = row.handle(call, taken)
        if isinstance(given, Download):
            return _download(given)
        return Response(msgspec.json.encode(given), row.status, content_type=reading.JSON_TYPE)

    return view


def _download(given: Download) -> Response:
    # An attachment that nothing interprets, should a browser ever get hold of it.
    headers = {
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(given.data, content_type=given.media_type, headers=headers)
