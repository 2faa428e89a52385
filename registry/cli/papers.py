"""``certreg pdf|copy|timestamps``: a certificate's PDF, an annotated copy, a trial timestamp.

What makes them is imported when it is needed: see `press`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from registry.cli.base import CLOCK, home_option, number_argument, out_option, write_for_holder
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.stamp_roots import FOLDER

photo_option = click.option(
    "--photo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The holder's one-inch photo on white (JPEG, PNG).",
)


@click.command("pdf")
@number_argument
@out_option("FILE.pdf")
@photo_option
@home_option
def pdf_command(home: Home, number: str, out: Path, photo: Path | None) -> None:
    """Write the sealed PDF of certificate NUMBER (record and proof are inside)."""
    from registry.cli.press import make_pdf  # noqa: PLC0415

    data = make_pdf(Services.open(home), number, photo=_read(photo))
    write_for_holder(out, data)
    click.echo(f"{out}: {len(data)} bytes")


@click.command("copy")
@number_argument
@click.option("--purpose", required=True, metavar="TEXT", help="What it is for (用途).")
@click.option("--recipient", required=True, metavar="NAME", help="Who gets it (接收单位).")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day it is good for (有效期至).",
)
@out_option("FILE.pdf")
@photo_option
@home_option
def copy_command(
    home: Home,
    number: str,
    out: Path,
    photo: Path | None,
    *,
    purpose: str,
    recipient: str,
    until: datetime,
) -> None:
    """Write an annotated copy (加注副本) of certificate NUMBER for one purpose and recipient."""
    from registry.cli.press import make_copy  # noqa: PLC0415

    data = make_copy(
        Services.open(home),
        number,
        purpose=purpose,
        recipient=recipient,
        valid_until=until.date(),
        photo=_read(photo),
    )
    write_for_holder(out, data)
    click.echo(f"{out}: {len(data)} bytes, good until {until:%Y-%m-%d}")


def _read(photo: Path | None) -> bytes | None:
    return None if photo is None else photo.read_bytes()


@click.command("timestamps")
@home_option
def timestamps_command(home: Home) -> None:
    """Ask the timestamp authority for one timestamp, to see that it works."""
    from registry.cli.stamping import SETTINGS_FILE, read_authority  # noqa: PLC0415
    from signing.pdf.stamp import ask_stamp  # noqa: PLC0415

    authority = read_authority(home.ready())
    if authority is None:
        click.echo(f"no authority is set: write {home.path / FOLDER / SETTINGS_FILE}")
        return
    token = ask_stamp(authority.stamping, bytes(32), CLOCK.now())
    level = authority.stamping.level
    click.echo(f"{authority.url}: good, {len(token)} bytes; PDFs are made with PAdES {level}")
