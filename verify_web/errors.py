"""The site's own faults, and the one place that turns any fault into an answer.

A person's browser gets a page, a program asking for `application/json` gets RFC 9457
problem details. Neither echoes what was sent. The log gets the kind of fault and the line
of code, never a foreign message or a traceback: their text may hold a value of a person.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
from flask import Response, render_template, request
from werkzeug.exceptions import HTTPException

from verify_web.display import told
from verify_web.wording import PROBLEMS

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.datastructures import MIMEAccept

_LOG: Final = logging.getLogger("verify_web")

MACHINES: Final = "/api/"
"""Where no page is ever given."""

PROBLEM_TYPE: Final = "application/problem+json"


class SiteError(Exception):
    """Base of the site's faults; `code` names the page's text in `wording.PROBLEMS`."""

    code: ClassVar[str] = "server-error"
    status: ClassVar[int] = 500
    retry_after = 0
    """Seconds after which to come again; 0 where that is not known."""


class ServiceTrouble(SiteError):
    """Published data is missing or damaged: nothing can be said of any certificate.

    Never shown as 未找到: that would let whoever removes a file deny a certificate.
    """

    code = "service-trouble"
    status = 503
    retry_after = 60


class CrossSiteRefused(SiteError):
    """A form sent from another site's page."""

    code = "cross-site"
    status = 403


class Busy(SiteError):
    """All places for reading uploads are taken."""

    code = "busy"
    status = 503
    retry_after = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    code: str
    status: int
    retry_after: int = 0


_BY_STATUS: Final = {
    400: "bad-request",
    404: "no-page",
    405: "method-not-allowed",
    413: "too-large",
    415: "bad-request",
}


def wants_json() -> bool:
    """Whether the client prefers JSON to a page; a browser's `*/*` does not count."""
    return request.path.startswith(MACHINES) or prefers_json(request.accept_mimetypes)


def prefers_json(accepted: MIMEAccept) -> bool:
    """Whether these types are asked for by a program."""
    best = accepted.best_match(["text/html", "application/json", PROBLEM_TYPE])
    return best in ("application/json", PROBLEM_TYPE) and "html" not in str(accepted)


def install(app: Flask) -> None:
    """Make every fault, expected or not, end in `_respond`."""
    app.register_error_handler(Exception, _handle)


def _handle(error: Exception) -> Response:
    return _respond(_classify(error), error)


def _classify(error: Exception) -> _Answer:
    match error:
        case SiteError():
            return _Answer(code=error.code, status=error.status, retry_after=error.retry_after)
        case HTTPException(code=int(status)) if status in _BY_STATUS:
            return _Answer(code=_BY_STATUS[status], status=status)
        case HTTPException(code=int(status)) if status < 500:  # noqa: PLR2004 -- client's fault
            return _Answer(code="bad-request", status=status)
        case _:
            return _Answer(code="server-error", status=500)


def _respond(answer: _Answer, error: Exception) -> Response:
    if answer.status >= 500:  # noqa: PLR2004 -- ours to mend
        # Our own messages name files and codes only; anybody else's may quote a value.
        about = str(error) if isinstance(error, SiteError) else type(error).__qualname__
        _LOG.error("%s: %s at %s", answer.code, about, _origin(error))
    if wants_json():
        response = problem_json(answer.code, answer.status, retry_after=answer.retry_after)
    else:
        minutes = answer.retry_after // 60
        page = render_template("problem.html", problem=PROBLEMS[answer.code], minutes=minutes)
        response = Response(page, answer.status, content_type="text/html; charset=utf-8")
    if isinstance(error, HTTPException):
        # Allow, Retry-After and the like belong to the status; the body and its type are ours.
        for name, value in error.get_headers(request.environ):
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
    if answer.retry_after:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response


def problem_json(code: str, status: int, *, retry_after: int = 0) -> Response:
    """Problem details (RFC 9457) by the codes of `wording.PROBLEMS`; `retry_after` in seconds.

    The texts are in the language that a page would have.
    """
    problem = PROBLEMS[code]
    details: dict[str, object] = {
        "code": code,
        "detail": told(problem.advice),
        "status": status,
        "title": told(problem.title),
        "type": "about:blank",
    }
    if retry_after:
        details["retry_after"] = retry_after
    return Response(msgspec.json.encode(details), status, content_type=PROBLEM_TYPE)


def _origin(error: Exception) -> str:
    """File and line where it was raised; the innermost frame only, without its source text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
