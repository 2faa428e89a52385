"""The centre's addresses (docs/api.md): packages, submissions, receipts, visibility; the lookup.

    PUT, HEAD /api/v1/packages/<sha256>      append a piece; how much is here
    POST      /api/v1/submissions            hand a whole package in: 201 receipt, 202 not yet
    GET       /api/v1/submissions/<sha256>   the receipt, or the state
    GET       /api/v1/receipts?after=N       receipts of this city, one a line
    GET       /api/v1/visibility?after=N     since when its numbers are seen nationally
    GET       /api/v1/cards?after=N          the centre's cards, one a line
    GET       /api/v1/lookup?number=         one number; not signed, as /lookup and /centre.json

A city sees what is its own, by the key that signed. Bodies are bounded before they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    LengthRequired,
    NotFound,
    RequestEntityTooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)

from registry.centre import lookup
from registry.centre.answers import receipts_after, visible_after
from registry.centre.asking import Asker, authenticate
from registry.centre.cards import cards_after
from registry.centre.cities import get_city
from registry.centre.examine import LATER
from registry.centre.intake import State, receipt_at
from registry.centre.packages import MAX_PIECE
from registry.centre.problems import of_error, of_package
from registry.centre.rate import Buckets
from registry.centre.room import make_room
from registry.centre.starting import Opened
from registry.centre.store import Submission, read_unit
from registry.centre.worker import Worker
from signing.httpsig import Request
from signing.upload.centre_card import CENTRE_FILE
from signing.upload.refusal import Refusal, sign_refusal

API: Final = "/api/v1"
LOOKUP: Final = f"{API}/lookup"
WAIT_SECONDS: Final = 5.0
"""How long a submission is waited for before the city is told to ask again."""

_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)
_AFTER = re.compile("0|[1-9][0-9]{0,8}", re.ASCII)
_OFFSET = re.compile("0|[1-9][0-9]{0,8}", re.ASCII)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_BINARY: Final = "application/octet-stream"
_JSON: Final = "application/json"


class _HandIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a submission."""

    package: str


_HAND_IN = msgspec.json.Decoder(_HandIn, strict=True)


def create_app(
    centre: Opened, worker: Worker, *, buckets: Buckets, wait: float = WAIT_SECONDS
) -> Flask:
    """Make the WSGI application over an open centre."""
    app = Flask(__name__, static_folder="static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = MAX_PIECE
    service = _Service(centre=centre, worker=worker, wait=wait)

    def asked() -> None:
        # Whoever asks the lookup too much must not keep a city behind the same address away.
        signed = request.path.startswith(f"{API}/") and request.path != LOOKUP
        asker = f"{'city' if signed else 'public'} {request.remote_addr or ''}"
        if not buckets.take(asker, centre.clock.now()):
            raise TooManyRequests

    app.before_request(asked)
    for rule, method, view in (
        ("/packages/<digest>", "PUT", service.put_piece),
        ("/packages/<digest>", "HEAD", service.head_package),
        ("/submissions", "POST", service.post_submission),
        ("/submissions/<digest>", "GET", service.get_submission),
        ("/receipts", "GET", service.get_receipts),
        ("/visibility", "GET", service.get_visibility),
        ("/cards", "GET", service.get_cards),
    ):
        app.add_url_rule(
            API + rule,
            endpoint=f"{method} {rule}",
            view_func=_signed(centre, view),
            methods=[method],
            provide_automatic_options=False,
        )
    card = centre.home.public / CENTRE_FILE
    app.add_url_rule(
        f"/{CENTRE_FILE}", "card", lambda: Response(card.read_bytes(), content_type=_JSON)
    )
    lookup.install(app, centre, LOOKUP)
    app.register_error_handler(Exception, _fault)
    app.after_request(_with_headers)
    return app


def _fault(error: Exception) -> Response:
    if not request.path.startswith("/api/") and isinstance(error, HTTPException):
        return lookup.fault_page(error.code or 500)
    return of_error(error)


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _signed(centre: Opened, view: Callable[..., Response]) -> Callable[..., Response]:
    """Let a view run for whoever signed the request; `g.asker` and `g.body` are set for it."""
    base = urlsplit(centre.settings.url).path

    def guarded(**values: Any) -> Response:
        for digest in values.values():
            if not _DIGEST.fullmatch(digest):
                raise NotFound
        g.body = _body()
        sent = Request(
            method=request.method,
            # A front server may keep the path of the public address to itself; it was signed.
            path=base + request.path,
            query=request.environ.get("QUERY_STRING", ""),
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        g.asker = authenticate(
            centre.engine, centre.home.cities, sent, g.body, now=centre.clock.now()
        )
        return view(**values)

    return guarded


def _body() -> bytes:
    if request.method in {"GET", "HEAD"}:
        return b""
    length = request.content_length
    if length is None:
        raise LengthRequired
    if length > MAX_PIECE:
        raise RequestEntityTooLarge
    body = request.get_data(cache=False)
    if len(body) != length:
        # The connection ended early; the signature would not fit either.
        raise BadRequest
    return body


class _Service:
    """The views of the signed addresses."""

    def __init__(self, *, centre: Opened, worker: Worker, wait: float) -> None:
        self._centre, self._worker, self._wait = centre, worker, wait

    def put_piece(self, digest: str) -> Response:
        """Append the body at `Upload-Offset`; `Upload-Complete: ?1` says that it is the last."""
        _need_type(_BINARY)
        offset = request.headers.get("Upload-Offset", "")
        complete = request.headers.get("Upload-Complete", "?0")
        if not _OFFSET.fullmatch(offset) or complete not in {"?0", "?1"}:
            raise BadRequest
        city, packages = _asker().city, self._centre.packages
        packages.append(city, digest, int(offset), g.body)
        if complete == "?1":
            packages.close(city, digest)
            centre = self._centre
            make_room(centre.engine, packages, city, but=digest, now=centre.clock.now())
        return self.head_package(digest)

    def head_package(self, digest: str) -> Response:
        """Tell how many bytes are here, and whether that is all."""
        size, whole = self._centre.packages.kept(_asker().city, digest)
        headers = {"Upload-Offset": str(size), "Upload-Complete": "?1" if whole else "?0"}
        return Response(status=204, headers=headers)

    def post_submission(self) -> Response:
        """Hand a package in, and give its receipt if it comes soon."""
        _need_type(_JSON)
        try:
            package = _HAND_IN.decode(g.body).package
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise BadRequest from None
        key = request.headers.get("Idempotency-Key", "").strip('"')
        if not _DIGEST.fullmatch(package) or key != package:
            raise BadRequest
        found = self._worker.hand_in(_asker().city, package, wait=self._wait)
        return self._answer(found, created=True)

    def get_submission(self, digest: str) -> Response:
        """Give a submission's receipt or its state."""
        found = self._worker.ask(_asker().city, digest)
        if found is None:
            raise NotFound
        return self._answer(found, created=False)

    def get_receipts(self) -> Response:
        """Give the city's receipts after place N, one a line, as many as fit."""
        with read_unit(self._centre.engine) as session:
            body = receipts_after(session, _asker().city, _after())
        return Response(body, content_type="application/jsonl")

    def get_visibility(self) -> Response:
        """Give since when the city's numbers are seen nationally, after entry N."""
        with read_unit(self._centre.engine) as session:
            return _json(visible_after(session, _asker().city, _after()))

    def get_cards(self) -> Response:
        """Give the centre's cards after number N, one a line."""
        with read_unit(self._centre.engine) as session:
            body = cards_after(session, _after())
        return Response(body, content_type="application/jsonl")

    def _answer(self, found: Submission, *, created: bool) -> Response:
        match State(found.state):
            case State.RECEIPT if found.place is not None:
                with read_unit(self._centre.engine) as session:
                    data = receipt_at(session, found.city, found.place).envelope
                return Response(data, 201 if created else 200, content_type=_JSON)
            case State.SUBMITTED | State.RECEIPT:
                response = _json({"state": found.state}, status=202)
                response.headers["Location"] = f"{API}/submissions/{found.package}"
                response.headers["Retry-After"] = "2"
                return response
            case State.REFUSED:
                return of_package(found.code, later=False, signed=self._refusal(found))
            case State.LATER:
                return of_package(found.code, later=True)

    def _refusal(self, found: Submission) -> bytes:
        """Sign that the package is refused, as of now: nobody can keep it for later."""
        centre = self._centre
        with read_unit(centre.engine) as session:
            signer = centre.desk.signer(session)
            refusal = Refusal(
                at=centre.clock.now(),
                city=get_city(session, found.city).origin,
                code=found.code.removeprefix(LATER),
                package=found.package,
            )
        return sign_refusal(refusal, signer)


def _asker() -> Asker:
    found: Asker = g.asker
    return found


def _need_type(wanted: str) -> None:
    if request.mimetype != wanted:
        raise UnsupportedMediaType


def _after() -> int:
    if request.args.keys() - {"after"} or len(request.args.getlist("after")) > 1:
        raise BadRequest
    text = request.args.get("after", "0")
    if not _AFTER.fullmatch(text):
        raise BadRequest
    return int(text)


def _json(value: object, *, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False) + "\n", status, content_type=_JSON)
