"""Headers of every desk page, the session cookie's form, and the refusal of forged posts.

A desk has a session, so a form from elsewhere is refused outright: fetch metadata must say
`same-origin`; a browser too old for it must send our own `Origin`. No script, no inline style,
nothing from another origin; nothing a page shows is kept by the browser or a proxy.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from registry.office.identity import NotAllowed

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
YEAR: Final = 365 * 24 * 3600
ABSOLUTE: Final = timedelta(hours=10)
"""A working day: after it everybody signs in again."""


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookies, by one signer for the application's life."""

    _signer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return the signer, made at the first request: the secret is set once and stays."""
        if self._signer is None:
            self._signer = super().get_signing_serializer(app)
        return self._signer


def install(app: Flask, *, base_url: str) -> None:
    """Set the cookie's form, check each post's origin, put the headers on each response."""
    public = urlsplit(base_url)
    secure = public.scheme == "https"
    app.session_interface = Cookies()
    app.config.update(
        SESSION_COOKIE_NAME="__Host-desk" if secure else "desk",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=ABSOLUTE,
    )

    @app.before_request
    def refuse_forged_posts() -> None:
        if request.method not in SAFE and not (_from_machine() or _from_own_page(request.host)):
            raise NotAllowed("请求不是从本平台页面发出，未予办理")

    added = {**HEADERS, "Cache-Control": "no-store"}
    if secure:
        added["Strict-Transport-Security"] = f"max-age={YEAR}"

    @app.after_request
    def add_headers(response: Response) -> Response:
        # What a page says of itself stands: some run a script of ours, static files are kept.
        own = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - pairs otherwise
        response.headers.extend(
            [(name, value) for name, value in added.items() if name.lower() not in own]
        )
        return response


def allow_own_script(response: Response) -> Response:
    """Let one page run the desk's own script files; passkeys alone need it."""
    rules = HEADERS["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = f"{rules}; script-src 'self'; connect-src 'self'"
    return response


def _from_machine() -> bool:
    # At the API, without a cookie and without the marks of a browser: nothing that comes by itself
    # speaks for anybody there, and a page elsewhere cannot send the request unmarked.
    marks = ("Cookie", "Origin", "Sec-Fetch-Site")
    return request.path.startswith("/api/") and not any(name in request.headers for name in marks)


def _from_own_page(host: str) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and origin != "null" and urlsplit(origin).netloc == host
