"""How a visitor has the site shown: language (Chinese, English), large type, high contrast.

Chinese unless chosen otherwise, or where nobody chose and the browser asks for English before
anything else. The choice stands in a cookie that names nobody: it has twelve values in all. What
is shown depends on both, so each page says `Vary`, and a shared cache keeps them apart.

A switch is a link to the page itself with `?display=`, answered by the cookie and a redirection to
the same path. So a page need not say where it stands, nobody is led elsewhere, and no script is
needed; an address's fragment (the QR code's digits) is put to the link by the page's script, and
browsers keep it over a redirection (RFC 9110 §10.2.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from flask import Response, g, redirect, request
from jinja2.ext import InternationalizationExtension
from werkzeug.datastructures import LanguageAccept

from signing.wording import Words
from verify_web.catalogue import english

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

COOKIE: Final = "display"
DEPENDS_ON: Final = ("Accept-Language", "Cookie")
"""The request's headers by which a page is chosen (RFC 9110 §12.5.5)."""

_YEAR: Final = 365 * 24 * 3600


class Language(StrEnum):
    """What a page may be written in; the value stands in the cookie."""

    CHINESE = "zh"
    ENGLISH = "en"

    @property
    def tag(self) -> str:
        """The page's `lang` (BCP 47)."""
        return "zh-Hans" if self is Language.CHINESE else "en"


SWITCHES: Final[Mapping[str, Mapping[str, Any]]] = {
    "zh": {"language": Language.CHINESE},
    "en": {"language": Language.ENGLISH},
    "large": {"large": True},
    "large-off": {"large": False},
    "contrast": {"contrast": True},
    "contrast-off": {"contrast": False},
}
"""What each value of `?display=` changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """How a page is shown; as a choice, `language` is None where nobody chose one."""

    language: Language | None = None
    large: bool = False
    contrast: bool = False

    @property
    def modes(self) -> str:
        """The page's classes."""
        return " ".join(("large",) * self.large + ("contrast",) * self.contrast)

    def cookie(self) -> str:
        """Write the choice, as `en.large.contrast` with what was chosen of it."""
        return ".".join(filter(None, (self.language, *self.modes.split())))


def read_cookie(text: str) -> Display:
    """Read a choice; whatever was not written by `Display.cookie` is none."""
    parts = text.split(".")
    language = next((each for each in Language if each in parts), None)
    choice = Display(language=language, large="large" in parts, contrast="contrast" in parts)
    return choice if choice.cookie() == text else Display()


def preferred(accepted: LanguageAccept) -> Language:
    """Choose for a visitor who has not: English where nothing is wanted as much as English."""
    first = {True: 0.0, False: 0.0}
    for tag, quality in accepted:
        is_english = tag.lower().partition("-")[0] == "en"
        first[is_english] = max(first[is_english], quality)
    return Language.ENGLISH if first[True] > first[False] else Language.CHINESE


def shown_by(choice: Display, accepted: LanguageAccept) -> Display:
    """Give how a page is shown to who made this choice and accepts these languages."""
    return replace(choice, language=choice.language or preferred(accepted))


def display() -> Display:
    """Give how the request's page is to be shown; its language is always one of the two."""
    if "display" not in g:
        choice = read_cookie(request.cookies.get(COOKIE, ""))
        g.display = shown_by(choice, request.accept_languages)
    found: Display = g.display
    return found


def language() -> Language:
    """Give the language of the request's page."""
    return display().language or Language.CHINESE


def told(text: Words) -> str:
    """Give a text in the language of the request's page."""
    return text.en if language() is Language.ENGLISH else text.zh


def install(app: Flask, *, secure: bool) -> None:
    """Answer the switches, let templates speak the page's language, and say `Vary`.

    `secure` where the site is served by https alone. Templates get `_`, `ngettext`, `trans`, `t`.
    """
    environment = app.jinja_env
    environment.add_extension(InternationalizationExtension)
    # The extension adds this to the environment at run time.
    cast("Any", environment).install_gettext_callables(_one, _several, newstyle=True)
    environment.globals.update(t=told, display=display, in_chinese=_in_chinese)

    @app.before_request
    def switch() -> Response | None:
        asked = request.args.get("display", "") if request.method == "GET" else ""
        return _switched(asked, secure=secure) if asked in SWITCHES else None

    @app.after_request
    def vary(response: Response) -> Response:
        if response.mimetype in ("text/html", "application/problem+json"):
            response.vary.update(DEPENDS_ON)
            response.content_language.add(language().tag)
        return response


def own_path(path: str) -> str:
    """Give a path as an address within this site; the home page's where it would lead elsewhere.

    Two slashes, of either kind, begin another site's (CWE-601): nobody asks so by accident.
    """
    return "/" if path.startswith(("//", "/\\")) else quote(path, safe="/:@!$&'()*+,;=~")


def _switched(asked: str, *, secure: bool) -> Response:
    choice = replace(read_cookie(request.cookies.get(COOKIE, "")), **SWITCHES[asked])
    response = cast("Response", redirect(own_path(request.path), 303))
    response.set_cookie(
        COOKIE,
        choice.cookie(),
        max_age=_YEAR,
        secure=secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _one(text: str) -> str:
    return english().gettext(text) if language() is Language.ENGLISH else text


def _several(one: str, many: str, number: int) -> str:
    if language() is Language.ENGLISH:
        return english().ngettext(one, many, number)
    return many


def _in_chinese() -> str:
    """Give the attribute for what stays Chinese on every page: names, and fields as printed."""
    return "" if language() is Language.CHINESE else "zh-Hans"
