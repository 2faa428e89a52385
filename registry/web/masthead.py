"""Who is signed in, and the menu: the same on all pages of an area, so it is written once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from flask import Flask, request
from markupsafe import Markup

from registry.office.identity import ROLE_WORDS, Role
from registry.web import areas, gate

KEPT: Final = 2000
"""Mastheads that are kept: one for each person and area."""

_Menu: TypeAlias = tuple[tuple[str, str, str, str], ...]


def masthead(app: Flask) -> Callable[[str], Markup]:
    """Return what writes it; given is where the page belongs, "" for its own address."""

    @lru_cache(maxsize=KEPT)
    def write(login: str, role: Role, menu: _Menu, at_home: str) -> Markup:
        template = app.jinja_env.get_template("_masthead.html")
        text = template.render(login=login, word=ROLE_WORDS[role], menu=menu, own=at_home)
        return Markup(text)  # noqa: S704 - the template has escaped it

    def of_request(place: str) -> Markup:
        person = gate.me()
        menu = areas.menu_of(person.role, place or request.path)
        own = "page" if request.path.startswith("/me") else ""
        return write(person.login, person.role, menu, own)

    return of_request
