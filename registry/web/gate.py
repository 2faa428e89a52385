"""Who may enter where: every route states its roles, and what states nothing is shut.

`decide` marks a view; `install` looks at each request before any view runs. A route nobody
decided on answers 404 like one that is not there, so that forgetting is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar, cast

from flask import Flask, g, redirect, request, session, url_for
from werkzeug.exceptions import BadRequest, NotFound, Unauthorized
from werkzeug.wrappers import Response

from registry.office.identity import Identity, NotAllowed, Role

View = TypeVar("View", bound=Callable[..., object])

ANYONE: Final = frozenset[Role]()
"""For pages before the sign-in: no identity is needed."""

EVERY_ROLE: Final = frozenset(Role)
COMPANY: Final = frozenset({Role.COMPANY_EDITOR, Role.COMPANY_HEAD})
OFFICE: Final = frozenset({Role.CLERK, Role.APPROVER})
CASES: Final = COMPANY | OFFICE | {Role.SUPERVISOR, Role.AUDITOR}
"""Whoever may look at cases; which ones is the tenant's matter."""

_MARK: Final = "certreg_roles"


def decide(*roles: Role, of: frozenset[Role] | None = None) -> Callable[[View], View]:
    """Mark a view with the roles that may use it; `of=ANYONE` for pages without sign-in."""
    allowed = frozenset(roles) | (of or frozenset())

    def mark(view: View) -> View:
        setattr(view, _MARK, allowed)
        return view

    return mark


def decisions(app: Flask) -> Mapping[str, frozenset[Role] | None]:
    """Give each endpoint's decision; None where there is none (a test allows no such route)."""
    return {name: getattr(view, _MARK, None) for name, view in app.view_functions.items()}


def me() -> Identity:
    """Return who is signed in; only views that are not for `ANYONE` may ask."""
    return cast("Identity", g.identity)


def current() -> Identity | None:
    """Return who is signed in, or None; for what stands on every page."""
    return cast("Identity | None", g.get("identity"))


def is_api() -> bool:
    """Say whether the machine API is asked, where a token may stand in the place of the cookie."""
    return request.path.startswith("/api/")


def token() -> str:
    """Return the token of this request: of the cookie, or at the API the bearer's (RFC 6750).

    Raises ``BadRequest`` for both at once: whoever forges a request for a browser, whose cookie
    comes by itself, must not be able to pass for a machine.
    """
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    kept = session.get("token", "")
    cookie = kept if isinstance(kept, str) else ""
    if not is_api() or not kind:
        return cookie
    if cookie:
        raise BadRequest
    return bearer.strip() if kind.lower() == "bearer" else ""


def install(app: Flask, *, identify: Callable[[str, str], Identity | None]) -> None:
    """Check every request. `identify(token, address)` gives the session's person, or None."""

    def recognise() -> str:
        shown = token()
        if shown:
            g.identity = identify(shown, request.remote_addr or "")
        return shown

    @app.before_request
    def check() -> Response | None:
        g.identity = None
        if request.endpoint is None:
            # There is no such page; who is signed in keeps the menu on the page that says so.
            if not is_api():
                recognise()
            return None
        if request.endpoint == "static":
            return None
        allowed = getattr(app.view_functions[request.endpoint], _MARK, None)
        if allowed is None:
            raise NotFound
        shown = recognise()
        return None if allowed == ANYONE else _admit(allowed, shown)


def _admit(allowed: frozenset[Role], shown: str) -> Response | None:
    if g.identity is None:
        return _sign_in_first(shown)
    if g.identity.role not in allowed:
        raise NotAllowed("您的角色无权打开此页")
    return None


def _sign_in_first(shown: str) -> Response:
    if is_api():
        raise Unauthorized
    # A link from another site brings no cookie (SameSite=Strict): nothing to clear then, and
    # clearing would sign out whoever followed it.
    if shown:
        session.clear()
    return redirect(url_for("signin.form", next=request.path))
