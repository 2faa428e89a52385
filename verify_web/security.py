"""What every answer carries to keep browsers in check, and the refusal of cross-site forms.

Scripts and styles from this origin's files alone, none inline (OWASP secure headers; CSP level 3).
The address a visitor came from or goes to is never passed on: it may hold a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Response, request

from verify_web.errors import CrossSiteRefused

if TYPE_CHECKING:
    from flask import Flask

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(),"
        " magnetometer=(), microphone=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

CAMERA_POLICY: Final = HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)")
"""For the page that scans: this origin alone, and the visitor is asked."""

PUBLIC_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""For the log and the trust files: monitors run in other sites' pages too, and nothing in
them is anyone's secret."""

_SIGNED_IN: Final = ("/holder", "/bulk")
"""Where people are signed in: forms there must show that they are this site's own."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UNINDEXED: Final = ("/v/", "/lookup", "/verify", "/bulk", "/holder", "/s/")
_YEAR: Final = 365 * 24 * 3600


def install(app: Flask, *, base_url: str) -> None:
    """Check each request's origin and put the headers on each response."""
    public = urlsplit(base_url)

    @app.before_request
    def refuse_cross_site() -> None:
        strict = request.path.startswith(_SIGNED_IN)
        if request.method not in _SAFE and not _from_own_page(public.netloc, strict=strict):
            raise CrossSiteRefused

    @app.after_request
    def add_headers(response: Response) -> Response:
        if request.path.startswith(_SIGNED_IN):
            # So that a browser names us in Origin with our own forms. No address there has a
            # secret, and other sites are told nothing.
            response.headers.setdefault("Referrer-Policy", "same-origin")
        for name, value in headers_of(request.path, base_url):
            response.headers.setdefault(name, value)
        return response


def headers_of(path: str, base_url: str) -> tuple[tuple[str, str], ...]:
    """List what an answer under `path` carries where it does not have these headers itself."""
    secure = (("Strict-Transport-Security", f"max-age={_YEAR}"),)
    hidden = (("X-Robots-Tag", "noindex, nofollow"),)
    return (
        *HEADERS.items(),
        *(secure if base_url.startswith("https:") else ()),
        *(hidden if path.startswith(_UNINDEXED) else ()),
        ("Cache-Control", "no-store"),
    )


def _from_own_page(public_host: str, *, strict: bool) -> bool:
    """Fetch metadata first, Origin where a browser is too old for it.

    Under `Referrer-Policy: no-referrer` a browser sends `Origin: null` with our own forms
    (Fetch §3.2), so null alone proves nothing either way. It passes where no metadata came and
    nobody is signed in; `strict` pages have `same-origin`, under which null is never our own.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    if origin == "null":
        return not strict
    return urlsplit(origin).netloc in (public_host, request.host)
