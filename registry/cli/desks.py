"""``certreg desk serve`` and ``certreg account``: the desks behind granian, and who may enter.

Unlike the public site's, the desks' processes open the whole home: database, field keys, and the
companies' signing keys, since an approved batch is issued from a page. They belong on a machine of
their own behind a TLS proxy, and listen on this machine alone unless told otherwise.
"""

from __future__ import annotations

import os
import sys

import click

from registry.cli.base import home_option, json_option, show
from registry.cli.home import Home, is_base_url
from registry.cli.serve import LOOPBACK
from registry.cli.services import Services
from registry.cli.serving import run_granian
from registry.errors import Refused
from registry.office.account_confirming import confirm_all
from registry.office.accounts import (
    NewAccount,
    add_account,
    find_login,
    list_accounts,
    reset_factors,
    reset_password,
    set_disabled,
    set_staff_number,
)
from registry.office.identity import Role
from registry.store.base import read_unit, write_unit

URL_VARIABLE = "CERTREG_DESK_URL"
"""Tells the desks' processes their address."""


@click.group("desk")
def desk_group() -> None:
    """Serve the desks of office and companies (办理平台)."""


@desk_group.command("serve")
@home_option
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--url",
    metavar="URL",
    help="The desks' address as browsers see it. With https:// a TLS proxy must stand before it,"
    " which passes Host on and sets X-Forwarded-For.",
)
def desk_serve_command(home: Home, host: str, port: int, workers: int, url: str | None) -> int:
    """Serve the desks until interrupted. These processes hold signing keys."""
    address = (url or f"http://{host}:{port}").rstrip("/")
    if not is_base_url(address):
        raise Refused("--url takes an address such as https://desk.example.cn, in lower case")
    # Everything that can be wrong with the home is said here, once, and not by each worker.
    Services.open(home.ready())
    click.echo(f"desks: {address}/  (Ctrl-C ends them)")
    return serve_desks(home, address, host=host, port=port, workers=workers)


def serve_desks(home: Home, address: str, *, host: str, port: int, workers: int) -> int:
    """Run granian in the foreground and return the exit status."""
    environment = {
        **os.environ,
        "CERTREG_HOME": str(home.path.resolve()),
        URL_VARIABLE: address,
    }
    return run_granian(
        "registry.cli.desk_app:create",
        environment,
        host=host,
        port=port,
        workers=workers,
        threads=4,
    )


@click.group("account")
def account_group() -> None:
    """Accounts of the desks (账号)."""


@account_group.command("add")
@home_option
@click.argument("login")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--company", default="", metavar="USCC", help="For company roles: its credit code.")
@click.option("--district", default="", metavar="CODE", help="For a district office's people.")
@click.option(
    "--staff-number", default="", metavar="NUMBER", help="For office roles: whose account it is."
)
@click.option("--password-stdin", is_flag=True, help="Read the first password from input.")
@json_option
def account_add_command(
    home: Home,
    login: str,
    role: str,
    company: str,
    district: str,
    *,
    staff_number: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Add an account; its first password is shown once and must be changed at sign-in.

    But for the first administrator's, an account of the office waits for confirmation.
    """
    services = Services.open(home)
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    if password_stdin and not given:
        raise Refused("no password came from input: write it on one line")
    new = NewAccount(
        login=login,
        role=Role(role),
        company=company,
        district=district,
        staff_number=staff_number,
    )
    with write_unit(services.engine) as session:
        password = add_account(session, new, by=None, context=services.context, password=given)
    facts = {"login": login, "role": role}
    show(facts if given else {**facts, "first password": password}, as_json=as_json)


@account_group.command("list")
@home_option
@json_option
def account_list_command(home: Home, *, as_json: bool) -> None:
    """List all accounts: role, tenant, second factors, state."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        kept = list_accounts(session, by=None, context=services.context)
    facts = {
        item.login: " ".join(
            (
                item.role.value,
                item.company or item.district or "city",
                "factor" if item.factors else "no-factor",
                "disabled" if item.disabled else "locked" if item.locked else "active",
                *(f"waits:{change.kind}" for change in item.waiting),
            )
        )
        for item in kept
    }
    show(facts, as_json=as_json)


@account_group.command("disable")
@home_option
@click.argument("login")
def account_disable_command(home: Home, login: str) -> None:
    """Disable an account and end its sessions."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        account_id = find_login(session, login)
        set_disabled(session, account_id, disabled=True, by=None, context=services.context)
    show({"login": login, "state": "disabled"}, as_json=False)


@account_group.command("reset")
@home_option
@click.argument("login")
@click.option("--factors", is_flag=True, help="Take the second factors away too.")
@json_option
def account_reset_command(home: Home, login: str, *, factors: bool, as_json: bool) -> None:
    """Give an account a new first password, lift its lock and end its sessions.

    An account of the office waits for confirmation.
    """
    services = Services.open(home)
    with write_unit(services.engine) as session:
        account_id = find_login(session, login)
        if factors:
            reset_factors(session, account_id, by=None, context=services.context)
        password = reset_password(session, account_id, by=None, context=services.context)
    show({"login": login, "first password": password}, as_json=as_json)


@account_group.command("confirm")
@home_option
@click.argument("login")
@json_option
def account_confirm_command(home: Home, login: str, *, as_json: bool) -> None:
    """Confirm what waits for an account of the office, as another administrator would."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        done = confirm_all(session, find_login(session, login), context=services.context)
    show({"login": login, "confirmed": list(done)}, as_json=as_json)


@account_group.command("number")
@home_option
@click.argument("login")
@click.argument("number")
def account_number_command(home: Home, login: str, number: str) -> None:
    """Say which person of the office an account is; it waits for confirmation."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        account_id = find_login(session, login)
        set_staff_number(session, account_id, number, by=None, context=services.context)
    show({"login": login, "staff number": number, "state": "waiting"}, as_json=False)
