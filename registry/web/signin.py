"""Signing in (登录): password, then code or passkey, then whatever the first sign-in asks for.

Each page acts on the stage its session has come to and sends on to where that is. Nothing of a
session is kept from before: the cookie is emptied first, and each step brings a new token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, jsonify, redirect, render_template, request, session, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

from registry.office.passkeys import Site, ask_passkey, sign_in_by_passkey, site_of
from registry.office.passwords import Wrong
from registry.office.sessions import SignedIn, Stage, find_visit, has_passkey, sign_out
from registry.office.signing_in import (
    Change,
    change_password,
    sign_in,
    weigh_change,
    weigh_password,
)
from registry.office.totp import confirm_totp, offer_totp, sign_in_by_code
from registry.office.unit import Desk
from registry.web.gate import ANYONE, current, decide
from registry.web.pictures import qr_address
from registry.web.security import allow_own_script

PAGES: Final = {
    Stage.CODE: "signin.code",
    Stage.PASSWORD: "signin.password",
    Stage.ENROL: "signin.enrol",
}
_LOCAL: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,200}", re.ASCII)
_REFUSED: Final = (
    "用户名或者密码不正确，或者账号已停用、暂时锁定。连续输错 5 次将锁定 15 分钟；"
    "忘记密码请联系系统管理员重置。"
)
_CODE_REFUSED: Final = "验证码不正确或者已用过，请输入新的 6 位验证码；连续输错将锁定账号。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the pages on the way in know of a session."""

    stage: Stage
    login: str
    totp: bool
    passkey: bool


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("signin", __name__)
    _password_routes(routes, desk)
    _factor_routes(routes, desk)
    _passkey_routes(routes, desk)
    return routes


def _password_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/signin")
    @decide(of=ANYONE)
    def form() -> Answer | str:
        if current() is not None:
            return redirect("/", 303)
        return _form(local(request.args.get("next", "")))

    @routes.post("/signin")
    @decide(of=ANYONE)
    def enter() -> Answer | tuple[str, int]:
        onward, login = local(request.form.get("next", "")), request.form.get("login", "")
        password, source = request.form.get("password", ""), address()
        with desk.read() as unit:
            now = desk.clock.now()
            weighed = weigh_password(unit, login, password, source=source, now=now)
        with desk.write() as unit:
            begun = sign_in(unit, weighed, source=source, context=desk.context())
        # Whatever was in the cookie before, planted or own, ends here.
        session.clear()
        if begun is None:
            return _form(onward, wrong=_REFUSED), 422
        session["next"] = onward
        return go_on(begun)

    @routes.post("/signout")
    @decide(of=ANYONE)
    def leave() -> Answer:
        with desk.write() as unit:
            sign_out(unit, token(), source=address(), context=desk.context())
        session.clear()
        return redirect(url_for("signin.form"), 303)

    @routes.get("/signin/password")
    @decide(of=ANYONE)
    def password() -> Answer | str:
        return elsewhere(desk, Stage.PASSWORD) or _password_page(())

    @routes.post("/signin/password")
    @decide(of=ANYONE)
    def choose() -> Answer | tuple[str, int]:
        away = elsewhere(desk, Stage.PASSWORD)
        if away is not None:
            return away
        done = new_password(desk)
        return go_on(done) if isinstance(done, SignedIn) else (_password_page(done), 422)


def _factor_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/signin/code")
    @decide(of=ANYONE)
    def code() -> Answer | str:
        return elsewhere(desk, Stage.CODE) or _code_page(desk)

    @routes.post("/signin/code")
    @decide(of=ANYONE)
    def check() -> Answer | tuple[str, int]:
        away = elsewhere(desk, Stage.CODE)
        if away is not None:
            return away
        typed = request.form.get("code", "")
        with desk.write() as unit:
            begun = sign_in_by_code(unit, token(), typed, source=address(), context=desk.context())
        if begun is not None:
            return go_on(begun)
        return elsewhere(desk, Stage.CODE) or (_code_page(desk, wrong=_CODE_REFUSED), 422)

    @routes.get("/signin/enrol")
    @decide(of=ANYONE)
    def enrol() -> Answer | str:
        return elsewhere(desk, Stage.ENROL) or enrol_page(desk, action="/signin/enrol")

    @routes.post("/signin/enrol")
    @decide(of=ANYONE)
    def confirm() -> Answer | tuple[str, int]:
        away = elsewhere(desk, Stage.ENROL)
        if away is not None:
            return away
        begun = confirmed(desk)
        if begun is not None:
            return go_on(begun)
        away = elsewhere(desk, Stage.ENROL)
        return away or (enrol_page(desk, action="/signin/enrol", wrong=_CODE_REFUSED), 422)


def _passkey_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/signin/passkey")
    @decide(of=ANYONE)
    def passkey() -> Answer:
        away = elsewhere(desk, Stage.CODE)
        return away or allow_own_script(Response(render_template("signin/passkey.html")))

    @routes.post("/signin/passkey/options")
    @decide(of=ANYONE)
    def ask() -> Response:
        with desk.write() as unit:
            options = ask_passkey(unit, token(), site(desk), context=desk.context())
        return Response(options, content_type="application/json")

    @routes.post("/signin/passkey")
    @decide(of=ANYONE)
    def show() -> tuple[Response, int]:
        with desk.write() as unit:
            begun = sign_in_by_passkey(
                unit,
                token(),
                request.get_data(as_text=True),
                site=site(desk),
                source=address(),
                context=desk.context(),
            )
        if begun is None:
            return jsonify(next="", text="通行密钥未能通过验证，请重试或者改用动态口令。"), 422
        return jsonify(next=go_on(begun).location, text=""), 200


def local(path: str) -> str:
    """Return where to go on after signing in: a path of this desk, or the start."""
    return path if _LOCAL.fullmatch(path) else "/"


def token() -> str:
    """Return the token of the cookie; "" without one."""
    value = session.get("token", "")
    return value if isinstance(value, str) else ""


def address() -> str:
    """Return where the request comes from."""
    return request.remote_addr or ""


def site(desk: Desk) -> Site:
    """Return the desk as passkeys know it. Raises ``BadRequest`` where there are none."""
    found = site_of(desk.base_url, desk.office_name)
    if found is None:
        raise BadRequest
    return found


def see(desk: Desk) -> Seen | None:
    """Read the session of the cookie, whatever its stage."""
    with desk.read() as unit:
        visit = find_visit(unit, token(), desk.clock.now())
        if visit is None:
            return None
        return Seen(
            stage=visit.stage,
            login=visit.account.login,
            totp=bool(visit.account.totp),
            passkey=has_passkey(unit, visit.account),
        )


def elsewhere(desk: Desk, stage: Stage) -> Answer | None:
    """Return the way to where the session is, unless that is here."""
    seen = see(desk)
    if seen is None:
        session.clear()
        return redirect(url_for("signin.form"), 303)
    if seen.stage is stage:
        return None
    return redirect(url_for(PAGES[seen.stage]) if seen.stage in PAGES else "/", 303)


def go_on(begun: SignedIn) -> Answer:
    """Put the new token into the cookie and go to the next stage."""
    session["token"] = begun.token
    if begun.stage in PAGES:
        return redirect(url_for(PAGES[begun.stage]), 303)
    return redirect(local(session.pop("next", "/")), 303)


def new_password(desk: Desk) -> SignedIn | tuple[Wrong, ...]:
    """Change the password as the posted form says, or say what is wrong with it."""
    given = {name: request.form.get(name, "") for name in ("current", "new", "again")}
    with desk.read() as unit:
        change = weigh_change(unit, token(), now=desk.clock.now(), **given)
    begun = None
    if isinstance(change, Change):
        with desk.write() as unit:
            begun = change_password(unit, token(), change, source=address(), context=desk.context())
    elif change:
        return change
    return begun or (Wrong(field="current", text="现用密码不正确"),)


def enrol_page(desk: Desk, *, action: str, wrong: str = "") -> str:
    """Show the secret of a second factor as a picture and as text."""
    with desk.write() as unit:
        offer = offer_totp(unit, token(), issuer=desk.office_name, context=desk.context())
    return render_template(
        "signin/enrol.html",
        action=action,
        picture=qr_address(offer.uri),
        groups=[offer.text[at : at + 4] for at in range(0, len(offer.text), 4)],
        errors=(Wrong(field="code", text=wrong),) if wrong else (),
    )


def confirmed(desk: Desk) -> SignedIn | None:
    """Take the offered secret as a second factor if the posted code is its own."""
    typed = request.form.get("code", "")
    with desk.write() as unit:
        return confirm_totp(unit, token(), typed, source=address(), context=desk.context())


def _form(onward: str, wrong: str = "") -> str:
    errors = (Wrong(field="login", text=wrong),) if wrong else ()
    return render_template("signin/form.html", onward=onward, errors=errors)


def _code_page(desk: Desk, wrong: str = "") -> str:
    errors = (Wrong(field="code", text=wrong),) if wrong else ()
    seen = see(desk)
    return render_template("signin/code.html", errors=errors, seen=seen)


def _password_page(errors: tuple[Wrong, ...]) -> str:
    return render_template(
        "signin/password.html", errors=errors, action="/signin/password", first=True
    )
