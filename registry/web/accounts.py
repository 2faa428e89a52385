"""The administrator's pages (账号管理): who has an account, with which role, of which tenant.

No page here shows a case. A password made here is shown once, in the answer to the post that made
it: an address could be read again from the browser's history. What waits for a second administrator
is confirmed or dropped on the account's page.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from registry.errors import Refused
from registry.office.account_confirming import decide_change
from registry.office.accounts import (
    PAGE,
    Kept,
    NewAccount,
    add_account,
    count_accounts,
    get_account,
    list_accounts,
    reset_factors,
    reset_password,
    set_disabled,
    set_role,
    set_staff_number,
)
from registry.office.identity import COMPANY_ROLES, ROLE_WORDS, NotAllowed, Role
from registry.office.passwords import Wrong
from registry.office.unit import Desk
from registry.web.cases import page_asked
from registry.web.gate import decide, me

_FIELDS = ("login", "role", "company", "district", "name", "staff_number")


def blueprint(desk: Desk) -> Blueprint:
    """Build the routes."""
    routes = Blueprint("accounts", __name__, url_prefix="/accounts")
    _adding(routes, desk)
    _keeping(routes, desk)
    _confirming(routes, desk)
    return routes


def _adding(routes: Blueprint, desk: Desk) -> None:
    @routes.get("")
    @decide(Role.ADMIN)
    def listing() -> str:
        with desk.read() as session:
            page, context = page_asked(), desk.context(me())
            kept = list_accounts(session, by=me(), context=context, page=page)
            total = count_accounts(session, by=me())
        return render_template(
            "accounts/list.html", accounts=kept, total=total, page=page, pages=-(-total // PAGE)
        )

    @routes.get("/new")
    @decide(Role.ADMIN)
    def form() -> str:
        return _form(dict.fromkeys(_FIELDS, ""))

    @routes.post("/new")
    @decide(Role.ADMIN)
    def add() -> str | tuple[str, int]:
        given = {name: request.form.get(name, "").strip() for name in _FIELDS}
        try:
            role = Role(given["role"])
        except ValueError:
            return _form(given, Wrong(field="role", text="请选择角色")), 422
        new = NewAccount(
            login=given["login"],
            role=role,
            company=given["company"],
            district=given["district"],
            name=given["name"],
            staff_number=given["staff_number"],
        )
        try:
            with desk.write() as session:
                password = add_account(session, new, by=me(), context=desk.context(me()))
        except NotAllowed:
            raise
        except Refused as refused:
            return _form(given, Wrong(field="login", text=str(refused))), 422
        waits = role not in COMPANY_ROLES
        return render_template(
            "accounts/password.html", login=new.login, password=password, waits=waits
        )


def _keeping(routes: Blueprint, desk: Desk) -> None:
    @routes.get("/<int:account_id>")
    @decide(Role.ADMIN)
    def account(account_id: int) -> str:
        with desk.read() as session:
            kept = get_account(session, account_id, by=me(), context=desk.context(me()))
        done = request.args.get("done", "")
        return render_template(
            "accounts/account.html", account=kept, done=done, roles=_roles_for(kept)
        )

    @routes.post("/<int:account_id>/<any(disable, enable):what>")
    @decide(Role.ADMIN)
    def disable(account_id: int, what: str) -> Response:
        with desk.write() as session:
            set_disabled(
                session,
                account_id,
                disabled=what == "disable",
                by=me(),
                context=desk.context(me()),
            )
        return redirect(f"/accounts/{account_id}?done={what}", 303)

    @routes.post("/<int:account_id>/password")
    @decide(Role.ADMIN)
    def password(account_id: int) -> str:
        with desk.write() as session:
            given = reset_password(session, account_id, by=me(), context=desk.context(me()))
            kept = get_account(session, account_id, by=me(), context=desk.context(me()))
        return render_template(
            "accounts/password.html", login=kept.login, password=given, waits=bool(kept.waiting)
        )

    @routes.post("/<int:account_id>/factors")
    @decide(Role.ADMIN)
    def factors(account_id: int) -> Response:
        with desk.write() as session:
            reset_factors(session, account_id, by=me(), context=desk.context(me()))
        return redirect(f"/accounts/{account_id}?done=factors", 303)

    @routes.post("/<int:account_id>/role")
    @decide(Role.ADMIN)
    def role(account_id: int) -> Response:
        try:
            chosen = Role(request.form.get("role", ""))
        except ValueError:
            raise BadRequest from None
        with desk.write() as session:
            set_role(session, account_id, chosen, by=me(), context=desk.context(me()))
        return redirect(f"/accounts/{account_id}?done=role", 303)


def _confirming(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/<int:account_id>/number")
    @decide(Role.ADMIN)
    def number(account_id: int) -> Response:
        given = request.form.get("staff_number", "").strip()
        with desk.write() as session:
            set_staff_number(session, account_id, given, by=me(), context=desk.context(me()))
        return redirect(f"/accounts/{account_id}?done=number", 303)

    @routes.post("/changes/<int:change_id>/<any(confirm, drop):what>")
    @decide(Role.ADMIN)
    def change(change_id: int, what: str) -> Response:
        confirm = what == "confirm"
        with desk.write() as session:
            account_id = decide_change(
                session, change_id, confirm=confirm, by=me(), context=desk.context(me())
            )
        return redirect(f"/accounts/{account_id}?done={what}", 303)


def _roles_for(kept: Kept) -> list[tuple[str, str]]:
    """Return the roles an account may be given: those of its own kind."""
    of_company = kept.role in COMPANY_ROLES
    return [
        (role.value, ROLE_WORDS[role]) for role in Role if (role in COMPANY_ROLES) is of_company
    ]


def _form(given: dict[str, str], *errors: Wrong) -> str:
    roles = [(role.value, ROLE_WORDS[role]) for role in Role]
    return render_template("accounts/new.html", given=given, roles=roles, errors=errors)
