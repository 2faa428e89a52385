"""``certreg layout``: the look of the certificates (版式), a company's own or everybody's."""

from __future__ import annotations

from pathlib import Path

import click

from keys.model import is_prefix
from registry.cli.base import CLOCK, home_option
from registry.cli.home import TEMPLATES, Home, write_private
from registry.documents.template import DEFAULT_NAME, load_template, shipped_template
from registry.errors import Refused

EVERYBODY = DEFAULT_NAME.removesuffix(".typ")


def _named(_context: object, _argument: object, name: str) -> str:
    if name != EVERYBODY and not is_prefix(name):
        raise click.BadParameter(f"a company's 13 characters, or `{EVERYBODY}`")
    return name


name_argument = click.argument("name", metavar="PREFIX|default", callback=_named)


@click.group("layout")
def layout_group() -> None:
    """Change how certificates look: one file a company, or one for all."""


@layout_group.command("new")
@name_argument
@home_option
def new_command(home: Home, name: str) -> None:
    """Put the shipped layout into the home for a designer to change."""
    file = home.ready().path / TEMPLATES / f"{name}.typ"
    if file.exists():
        raise Refused(f"{file} is there already: change it, or move it away first")
    write_private(file, shipped_template().source)
    click.echo(f"{file}: change it, then run `certreg layout check {name}`")


@layout_group.command("check")
@name_argument
@click.option(
    "--samples",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Keep the sample PDFs there, to look at them.",
)
@home_option
def check_command(home: Home, name: str, samples: Path | None) -> None:
    """Draw samples by a layout and put them through the print gate (keys are thrown away)."""
    # The PDF libraries are not for every command's start: see `press`.
    from registry.documents.fonts import font_set  # noqa: PLC0415
    from registry.documents.rehearsal import PREFIX, rehearse  # noqa: PLC0415

    prefix = PREFIX if name == EVERYBODY else name
    folder = home.ready().path / TEMPLATES
    if not (folder / f"{name}.typ").is_file():
        raise Refused(f"{folder / name}.typ is not there: run `certreg layout new {name}`")
    for sample in rehearse(load_template(folder, prefix), font_set(), CLOCK.now()):
        if samples is not None:
            (samples / f"{name}-{sample.name}.pdf").write_bytes(sample.pdf)
        click.echo(f"{sample.name}: passes, {len(sample.pdf)} bytes")
