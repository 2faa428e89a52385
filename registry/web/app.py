"""The desks' composition: a Desk in, a Flask application out.

The session cookie holds one random token, signed; everything else of a session stands in the
database. Uploads are limited; any number of processes may serve the same database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flask import Flask, Response, g, request, url_for
from jinja2 import StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from registry.office.auditing import note_refusal
from registry.office.identity import ROLE_WORDS, Identity
from registry.office.unit import Desk
from registry.web import areas, errors, gate, security, words

MAX_UPLOAD: Final = 64 * 1024 * 1024
"""Bytes of one request; a larger document is refused before it is read."""

MAX_PARTS: Final = 200
_STATIC: Final = Path(__file__).parent / "static"


def create_desks(
    desk: Desk,
    *,
    secret: bytes,
    identify: Callable[[str, str], Identity | None],
) -> Flask:
    """Build the application. `secret` (32 bytes) signs the cookie; `identify` reads a session."""
    app = Flask(__name__)
    app.secret_key = secret
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_UPLOAD,
        MAX_FORM_PARTS=MAX_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=security.YEAR,
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(words.FILTERS)
    versions = {file.name: _digest(file) for file in _STATIC.iterdir()}

    @app.context_processor
    def constants() -> dict[str, object]:
        return {
            "office_name": desk.office_name,
            "identity": gate.current(),
            "role_words": ROLE_WORDS,
            "navigation": lambda: areas.menu_of(gate.current()),
            "asset": lambda name: url_for("static", filename=name, v=versions[name]),
        }

    security.install(app, base_url=desk.base_url)
    gate.install(app, identify=identify)
    errors.install(app)
    _note_refusals(app, desk)
    for blueprint in areas.blueprints(desk):
        app.register_blueprint(blueprint)
    return app


def _note_refusals(app: Flask, desk: Desk) -> None:
    """Leave an audit line of what a signed-in person was refused by a rule, or not shown.

    What nobody's request tries leaves none: lines must not be made at will from outside.
    """

    @app.after_request
    def note(response: Response) -> Response:
        person, problem = gate.current(), g.get("problem")
        if person is None or problem is None or problem.code.startswith(("http-", "server-")):
            return response
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
        return response


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
