"""``certreg site`` and ``certreg employer``: the public site's work, key, audit and accounts."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

import click

from keys.model import KeyState
from registry.cli.base import CLOCK, Exit, home_option, json_option, show, stop
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.site_keys import (
    change_receipt_key,
    complete_receipt_key,
    receipt_key_file,
    site_ring_keys,
)
from registry.errors import NotFound, Refused
from signing.receiptkey import read_receipt_key
from verify_web.bulk.accounts import (
    LONGEST_NAME,
    add_organisation,
    end_organisation,
    organisations,
)
from verify_web.bulk.audit import check_chain
from verify_web.bulk.store import Desk, open_desk
from verify_web.bulk.telling import Postman
from verify_web.callout import Caller
from verify_web.channels import Channel, ConsoleChannel
from verify_web.config import SiteConfig
from verify_web.mail import SmtpChannel, settings_of
from verify_web.work import make_bench, tell_once, work_on, work_once


@click.group("site")
def site_group() -> None:
    """Run the public site's own work; its key and audit lines."""


@site_group.command("work")
@home_option
@click.option("--once", is_flag=True, help="Do what there is to do now, and end.")
@click.option("--console", is_flag=True, help="Print messages here: to try it out, send nothing.")
def work_command(home: Home, *, once: bool, console: bool) -> int:
    """Send the site's messages, work bulk checks off and tell of later changes, until interrupted.

    Messages go out by SMTP: ``CERTREG_SMTP_HOST`` and ``CERTREG_SMTP_FROM`` must be set (also
    ``_PORT``, ``_USER``, ``_PASSWORD``). Without them it does not start: printed, codes and
    addresses would stand in the machine's journal.
    """
    channel = ConsoleChannel() if console else _channel()
    config = SiteConfig(
        public_dir=home.public,
        pepper=home.pepper(),
        base_url=home.settings().base_url,
        state_file=_state_file(home),
    )
    file = receipt_key_file(home.pepper_file.parent)
    if not file.is_file():
        stop(Exit.REFUSED, f"{file} is missing: run `certreg site key`")
    bench = make_bench(config, read_receipt_key(file))
    postman = Postman(caller=Caller(), channel=channel, jitter=secrets.SystemRandom())
    if once:
        work_once(bench, channel)
        tell_once(bench, postman)
        return Exit.DONE
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    try:
        work_on(bench, channel, postman)
    except KeyboardInterrupt:
        return Exit.DONE


@site_group.command("key")
@home_option
@click.option("--change", is_flag=True, help="Make a new key; the old one's receipts stay good.")
@click.option("--revoke", is_flag=True, help="Make a new key; the old one may be in other hands.")
@json_option
def key_command(home: Home, *, change: bool, revoke: bool, as_json: bool) -> None:
    """Show the site's receipt key; make it where it is missing, or a new one.

    The trust folder then announces it: whoever checks receipts needs that folder anew. Start
    `certreg site work` again afterwards.
    """
    services = Services.open(home)
    folder = home.pepper_file.parent
    if change or revoke:
        end = KeyState.REVOKED if revoke else KeyState.RETIRED
        change_receipt_key(services.ring, folder, CLOCK.now(), end=end)
    else:
        complete_receipt_key(services.ring, folder, CLOCK.now())
    services.write_trust()
    keys = [f"{key.key_id}  {key.state.value}" for key in site_ring_keys(services.ring)]
    show({"keys": keys, "file": str(receipt_key_file(folder))}, as_json=as_json)


@site_group.group("audit")
def audit_group() -> None:
    """Check the audit lines of bulk checks (批量查验审计记录)."""


@audit_group.command("verify")
@home_option
@json_option
def audit_verify_command(home: Home, *, as_json: bool) -> int:
    """Check that no line was changed or taken out; write the head down to notice a cut end."""
    found = check_chain(_desk(home))
    facts: dict[str, object] = {"lines": found.lines, "head": found.head}
    if found.broken_at is not None:
        facts["broken at"] = found.broken_at
    show(facts, as_json=as_json)
    if found.broken_at is not None:
        stop(Exit.REFUSED, f"audit line {found.broken_at} was changed, or one was taken out")
    return Exit.DONE


@click.group("employer")
def employer_group() -> None:
    """Organisations that check certificates in bulk with a key (批量查验单位)."""


@employer_group.command("add")
@click.argument("name")
@home_option
@json_option
def employer_add_command(home: Home, name: str, *, as_json: bool) -> None:
    """Make organisation NAME a key for the bulk check's page and API; it is shown this once."""
    plain = name.strip()
    if not plain.isprintable() or not 0 < len(plain) <= LONGEST_NAME:
        msg = f"NAME takes 1 to {LONGEST_NAME} printable characters"
        raise Refused(msg)
    employer, key = add_organisation(_desk(home), plain)
    show({"employer": employer, "name": plain, "key": key}, as_json=as_json)


@employer_group.command("list")
@home_option
@json_option
def employer_list_command(home: Home, *, as_json: bool) -> None:
    """List the organisations; keys are not kept and cannot be shown."""
    found = organisations(_desk(home))
    lines = [
        f"{one.employer}  {one.name}  {one.created:%Y-%m-%d}"
        + (f"  ended {one.ended:%Y-%m-%d}" if one.ended else "")
        for one in found
    ]
    show({"employers": lines or "none"}, as_json=as_json)


@employer_group.command("end")
@click.argument("employer")
@home_option
def employer_end_command(home: Home, employer: str) -> None:
    """End the account EMPLOYER (its id): key, sessions and jobs; audit lines stay."""
    if not end_organisation(_desk(home), employer):
        msg = f"no employer {employer} in force: see `certreg employer list`"
        raise NotFound(msg)
    click.echo(f"{employer} ended")


def _state_file(home: Home) -> Path:
    return home.pepper_file.with_name("site.db")


def _desk(home: Home) -> Desk:
    home.ready()
    return open_desk(_state_file(home), home.pepper(), CLOCK, secrets.token_bytes)


def _channel() -> Channel:
    try:
        settings = settings_of(os.environ)
    except ValueError as fault:
        raise Refused(str(fault)) from None
    if settings is None:
        raise Refused(
            "no channel for codes and notices: set CERTREG_SMTP_HOST and CERTREG_SMTP_FROM;"
            " to try the bulk check out, --console prints them. Bulk checks wait meanwhile"
        )
    return SmtpChannel(settings)
