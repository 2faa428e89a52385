"""Before the application: answers the one page that is asked most, and passes on all the rest.

A scanned code's page, `GET /v/<token>`, is verified here as everywhere and filled into its frame
(`verify_web.frames`), without the application's own request, routing and response, which cost more
than the page. Whatever is out of the ordinary (another method, a query, a program, a cookie that is
not the display's alone, a page without a frame, any fault) is left to the application, which does
all of it again: it alone counts misses, has the words for faults, and makes the frames. What is
answered here has the bytes and the headers that the application's answer would have.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from signing.qr import is_token
from signing.report import Verdict
from verify_web.clients import client_of
from verify_web.display import COOKIE, Display, Language, shown_by
from verify_web.errors import prefers_json
from verify_web.evidence import weigh_entry
from verify_web.result import PAGE, VARIES_BY
from verify_web.security import headers_of
from verify_web.sight import sight_of
from verify_web.successors import is_reissued

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from verify_web.frames import Frames
    from verify_web.site import Site

    Environ = dict[str, Any]
    Application = Callable[[Environ, Any], Iterable[bytes]]

MAX_HEADER: Final = 200
"""Characters of an `Accept` or `Accept-Language` that are read here; browsers send fewer."""

_CHOICES: Final = {
    f"{COOKIE}={choice.cookie()}" if choice != Display() else "": choice
    for choice in (
        Display(language=language, large=large, contrast=contrast)
        for language, large, contrast in product((None, *Language), (False, True), (False, True))
    )
}
"""Every `Cookie` header that is no cookie but the display's."""


class Front:
    """Over the Flask application `inner`. Safe to share between threads."""

    def __init__(self, inner: Application, site: Site, frames: Frames) -> None:
        self._inner = inner
        self._site = site
        self._frames = frames
        common = headers_of(PAGE, site.config.base_url)
        self._headers = {language: [*_headers(language), *common] for language in Language}

    def serve(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application (PEP 3333)."""
        display = _display_of(environ)
        body = None if display is None else self._body(environ, display)
        if display is None or display.language is None or body is None:
            return self._inner(environ, start_response)
        start_response(
            "200 OK", [("Content-Length", str(len(body))), *self._headers[display.language]]
        )
        return [body]

    def _body(self, environ: Environ, display: Display) -> bytes | None:
        try:
            return self._page(environ, display)
        except Exception:  # noqa: BLE001 -- the application meets it again, and has a page and a log line for it
            return None

    def _page(self, environ: Environ, display: Display) -> bytes | None:
        site, token = self._site, environ["PATH_INFO"].removeprefix(PAGE)
        peer, forwarded = environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR", "")
        client = client_of(peer, forwarded, site.config.trusted_proxies)
        site.allowance.refuse_token_guesser(client)
        entry = site.mirror.by_token(token)
        if entry is None:
            return None
        weighed = weigh_entry(site, entry)
        onward = entry.superseded_by if weighed.report.verdict is Verdict.CORRECTED else ""
        reissued = is_reissued(site, weighed.report, onward)
        sight = sight_of(entry, weighed, reissued=reissued, display=display)
        return None if sight is None else self._frames.fill(sight)


def _display_of(environ: Environ) -> Display | None:
    """Give how a page is to be shown that may be answered here; None for all other requests."""
    path = environ.get("PATH_INFO", "")
    if (
        environ["REQUEST_METHOD"] != "GET"
        or not path.startswith(PAGE)
        or not is_token(path.removeprefix(PAGE))
        or environ.get("QUERY_STRING")
        or environ.get("SCRIPT_NAME")
    ):
        return None
    choice = _CHOICES.get(environ.get("HTTP_COOKIE", ""))
    kinds = environ.get("HTTP_ACCEPT", "")
    languages = environ.get("HTTP_ACCEPT_LANGUAGE", "")
    if choice is None or len(kinds) > MAX_HEADER or len(languages) > MAX_HEADER:
        return None
    return None if _is_program(kinds) else _shown(choice, languages)


@lru_cache(maxsize=256)
def _is_program(kinds: str) -> bool:
    return prefers_json(parse_accept_header(kinds, MIMEAccept))


@lru_cache(maxsize=1024)
def _shown(choice: Display, languages: str) -> Display:
    return shown_by(choice, parse_accept_header(languages, LanguageAccept))


def _headers(language: Language) -> list[tuple[str, str]]:
    return [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Vary", ", ".join(VARIES_BY)),
        ("Content-Language", language.tag),
    ]
