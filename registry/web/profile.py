"""One's own account (我的账号): password, second factor, passkeys. The same for every role."""

from __future__ import annotations

import json

from flask import Blueprint, Response, redirect, render_template, request, session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

from registry.office.passkeys import (
    add_passkey,
    offer_passkey,
    passkeys_of,
    remove_passkey,
    site_of,
)
from registry.office.sessions import SignedIn
from registry.office.unit import Desk
from registry.web.gate import EVERY_ROLE, decide, me
from registry.web.security import allow_own_script
from registry.web.signin import address, confirmed, enrol_page, new_password, see, site, token

_CODE_REFUSED = "验证码不正确，请输入新的 6 位验证码。"


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("profile", __name__, url_prefix="/me")
    _own_routes(routes, desk)
    _passkey_routes(routes, desk)
    return routes


def _own_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("")
    @decide(of=EVERY_ROLE)
    def own() -> str:
        with desk.read() as unit:
            keys = passkeys_of(unit, me().account_id)
        done = request.args.get("done", "")
        possible = site_of(desk.base_url, desk.office_name) is not None
        return render_template(
            "profile/own.html", seen=see(desk), keys=keys, done=done, possible=possible
        )

    @routes.get("/password")
    @decide(of=EVERY_ROLE)
    def password() -> str:
        return _password_page()

    @routes.post("/password")
    @decide(of=EVERY_ROLE)
    def change() -> Answer | tuple[str, int]:
        done = new_password(desk)
        if not isinstance(done, SignedIn):
            return _password_page(errors=done), 422
        session["token"] = done.token
        return redirect("/me?done=password", 303)

    @routes.get("/totp")
    @decide(of=EVERY_ROLE)
    def totp() -> str:
        return enrol_page(desk, action="/me/totp")

    @routes.post("/totp")
    @decide(of=EVERY_ROLE)
    def enrol() -> Answer | tuple[str, int]:
        done = confirmed(desk)
        if done is None:
            return enrol_page(desk, action="/me/totp", wrong=_CODE_REFUSED), 422
        session["token"] = done.token
        return redirect("/me?done=totp", 303)


def _passkey_routes(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/passkey")
    @decide(of=EVERY_ROLE)
    def passkey() -> Response:
        return allow_own_script(Response(render_template("profile/passkey.html")))

    @routes.post("/passkey/options")
    @decide(of=EVERY_ROLE)
    def offer() -> Response:
        with desk.write() as unit:
            options = offer_passkey(unit, token(), site(desk), context=desk.context())
        return Response(options, content_type="application/json")

    @routes.post("/passkey")
    @decide(of=EVERY_ROLE)
    def add() -> dict[str, str]:
        try:
            posted = json.loads(request.get_data())
            credential, label = json.dumps(posted["credential"]), str(posted["label"])
        except (ValueError, KeyError, TypeError):
            raise BadRequest from None
        with desk.write() as unit:
            done = add_passkey(
                unit,
                token(),
                credential,
                label=label,
                site=site(desk),
                source=address(),
                context=desk.context(),
            )
        session["token"] = done.token
        return {"next": "/me?done=passkey", "text": ""}

    @routes.post("/passkey/<key>/remove")
    @decide(of=EVERY_ROLE)
    def remove(key: str) -> Answer:
        with desk.write() as unit:
            remove_passkey(unit, token(), key, source=address(), context=desk.context())
        return redirect("/me?done=removed", 303)


def _password_page(errors: object = ()) -> str:
    return render_template(
        "signin/password.html", errors=errors, action="/me/password", first=False
    )
