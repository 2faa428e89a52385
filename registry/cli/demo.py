"""``certreg demo``: the whole procedure once, from filings to a served public page.

Two companies and the office act through the desks' own pages, as browsers do; the office's work on
certificates goes through the functions of the other commands. The people are made up; the number
prefixes are the marked test range ``Y000044999xxx``.
"""

from __future__ import annotations

import shutil
import sys
from base64 import b32encode
from typing import TYPE_CHECKING

import click

from registry.cli.base import Exit, home_option
from registry.cli.home import Home
from registry.cli.serve import LOOPBACK
from registry.errors import Refused

if TYPE_CHECKING:
    from registry.cli.demo_play import Addresses, Told
    from registry.cli.demo_staff import Person

MARK = ".certreg-demo"
"""Only a home with this file in it is ever deleted to begin afresh."""


@click.command("demo")
@home_option
@click.option("--no-serve", is_flag=True, help="Leave the home behind and end.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--desk-port", default=8001, show_default=True, type=click.IntRange(1, 65535))
@click.option("--centre-port", default=8002, show_default=True, type=click.IntRange(1, 65535))
def demo_command(home: Home, *, no_serve: bool, port: int, desk_port: int, centre_port: int) -> int:
    """Build a fresh home with made-up people, show what happened, and serve it.

    Three servers: the public site, the desks, and a provincial centre that takes the uploads.
    """
    # The desks' pages and the centre are loaded by this command alone, not by every other one.
    from registry.cli.demo_play import STEPS, Addresses, play  # noqa: PLC0415
    from registry.cli.demo_serve import serve_all  # noqa: PLC0415

    _fresh(home)
    addresses = Addresses(
        site=f"http://{LOOPBACK}:{port}",
        desks=f"http://{LOOPBACK}:{desk_port}",
        centre=f"http://{LOOPBACK}:{centre_port}",
    )
    with click.progressbar(length=STEPS, label="demo", file=sys.stderr) as bar:
        told = play(home, addresses, step=lambda: bar.update(1))
    _tell(home, told, addresses)
    if no_serve:
        return Exit.DONE
    shown = " ".join(f"{one}/" for one in (addresses.site, addresses.desks, addresses.centre))
    click.echo(f"\nServing {shown} (Ctrl-C ends them all)")
    return serve_all(home, port=port, desk_port=desk_port, centre_port=centre_port)


def _fresh(home: Home) -> None:
    """Empty the demo's own home; refuse to touch any other directory."""
    if home.path.exists() and any(home.path.iterdir()):
        if not (home.path / MARK).is_file():
            msg = f"{home.path} holds something that is no demo: name another folder with --home"
            raise Refused(msg)
        # The mark goes last, or a crash here would leave a folder that nobody dares to empty.
        for entry in home.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != MARK:
                entry.unlink()
    home.path.mkdir(parents=True, exist_ok=True)
    (home.path / MARK).touch()


def _tell(home: Home, told: Told, addresses: Addresses) -> None:
    base_url, desk_url = addresses.site, addresses.desks
    click.echo()
    for file, company, ranges in told.batches:
        click.echo(f"✓ {file}: {company}")
        for first, last in ranges:
            click.echo(f"    {first} … {last}")
    file, *lines = told.refused
    click.echo(f"✗ {file}: refused, nothing issued")
    for line in lines:
        click.echo(f"    {line}")
    click.echo(f"\nlog: {told.size} entries   public site: {base_url}/")
    width = max(len(label) for label, _url in told.pages)
    for label, url in told.pages:
        click.echo(f"  {label:<{width}}  {url}")
    click.echo(
        f"holder    {base_url}/holder  {told.holder} and the name on its PDF; the code comes here"
    )
    click.echo(f"PDF       {told.pdf}")
    click.echo(f"upload    {told.upload}")
    click.echo(f"reported  {told.reported}: acknowledged by the centre {addresses.centre}/")
    click.echo(f"steps     {told.milestones} recorded: certreg milestone list --home {home.path}")
    click.echo(f"offline   certverify {told.pdf} --trust {home.public / 'trust'}")
    _tell_logins(told.people, desk_url)


def _tell_logins(people: tuple[Person, ...], desk_url: str) -> None:
    click.echo(f"\ndesks: {desk_url}/")
    click.echo("!!! INSECURE DEMO ACCOUNTS !!! 演示账号，口令和密钥公开显示，不得用于正式环境")
    for person in people:
        key = b32encode(person.secret).decode() if person.secret else "-"
        click.echo(f"  {person.login:<12} {person.password:<22} TOTP {key:<32} {person.word}")
    click.echo("  TOTP keys go into any authenticator app (30 s, 6 digits)")
