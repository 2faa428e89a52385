"""The desks' composition: a Desk in, a Flask application out.

The session cookie holds one random token, signed; everything else of a session stands in the
database. Uploads are limited; any number of processes may serve the same database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, g, request
from jinja2 import StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import routing

from registry.office.auditing import note_refusal
from registry.office.identity import ROLE_WORDS, Identity
from registry.office.unit import Desk
from registry.web import areas, errors, gate, long_work, security, words
from registry.web.masthead import masthead
from registry.web.rendering import DeskEnvironment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_UPLOAD: Final = 64 * 1024 * 1024
"""Bytes of one request; a larger document is refused before it is read."""

MAX_PARTS: Final = 200
LAST_NUMBER: Final = 2**31 - 1
"""The largest number a row can have; PostgreSQL refuses to look for a larger one."""

_NO_RULES: Final = ("http-", "server-", "idempotency-")
"""Codes that begin so are no rule's refusal; a repetition also must not wait to write a line."""

_STATIC: Final = Path(__file__).parent / "static"


class IntegerConverter(routing.IntegerConverter):
    """A row's number in an address: one that no row can have is no such page."""

    def to_python(self, value: str) -> int:
        """Return the number; raises what makes the address no route."""
        number = int(super().to_python(value))
        if number > LAST_NUMBER:
            raise routing.ValidationError
        return number


def create_desks(
    desk: Desk,
    *,
    secret: bytes,
    identify: Callable[[str, str], Identity | None],
) -> Flask:
    """Build the application. `secret` (32 bytes) signs the cookie; `identify` reads a session."""
    app = Flask(__name__)
    app.jinja_environment = DeskEnvironment
    app.secret_key = secret
    app.url_map.converters["int"] = IntegerConverter
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_UPLOAD,
        MAX_FORM_PARTS=MAX_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=security.YEAR,
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(words.FILTERS)
    # Made once: each page names two, and an address by `url_for` costs more than a query.
    assets = {file.name: f"/static/{file.name}?v={_digest(file)}" for file in _STATIC.iterdir()}

    head = masthead(app)

    @app.context_processor
    def constants() -> dict[str, object]:
        return {
            "office_name": desk.office_name,
            "identity": gate.current(),
            "role_words": ROLE_WORDS,
            "masthead": head,
            "place": "",
            "asset": assets.__getitem__,
        }

    security.install(app, base_url=desk.base_url)
    gate.install(app, identify=identify)
    errors.install(app)
    _note_refusals(app, desk)
    _share_snapshots(app, desk)
    for blueprint in areas.blueprints(desk):
        app.register_blueprint(blueprint)
    return app


def _share_snapshots(app: Flask, desk: Desk) -> None:
    """Let a request that only looks read from one snapshot: its person, its rows, its words.

    One that changes something opens and closes its own: it may work on a file for a while, and
    nobody's snapshot is to stay open meanwhile.
    """
    inner = app.wsgi_app

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in security.SAFE:
            return inner(environ, start_response)
        with desk.serving():
            return inner(environ, start_response)

    app.wsgi_app = serve  # type: ignore[method-assign]


def _note_refusals(app: Flask, desk: Desk) -> None:
    """Leave an audit line of what a signed-in person was refused by a rule, or not shown.

    What nobody's request tries leaves none: lines must not be made at will from outside.
    """

    def leave_line() -> None:
        person, problem = gate.current(), g.get("problem")
        if person is None or problem is None or problem.code.startswith(_NO_RULES):
            return
        action, subject = request.endpoint or "", request.path
        try:
            with desk.write() as session:
                note_refusal(
                    session,
                    person,
                    action=action,
                    subject=subject,
                    code=problem.code,
                    context=desk.context(person),
                )
        except SQLAlchemyError as fault:
            # The refusal stands all the same; only its line is missing.
            errors.LOG.error("no audit line: %s", type(fault).__qualname__)

    @app.after_request
    def note(response: Response) -> Response:
        leave_line()
        return response

    # For work that is refused after its answer has begun.
    app.extensions[long_work.NOTE] = leave_line


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
