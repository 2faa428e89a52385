"""What all commands share: the home option, output, and errors as exit statuses.

Exit status 0 = done or valid, 1 = refused or invalid, 2 = cannot say. Anything but 0 comes with
one line on standard error that says what to do. Results go to standard output.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from keys.clock import SystemClock
from keys.errors import KeysError
from keys.ring import KeyRing
from registry.cli.home import Home
from registry.errors import RegistryError
from registry.ledger.storage import LogBusy
from registry.office.context import Actor, Context
from registry.store.fields import FieldDamaged
from registry.upload.errors import UploadError
from signing.errors import MissingTile, SigningError

Command = TypeVar("Command", bound=Callable[..., Any])
CLOCK = SystemClock()


class Exit(IntEnum):
    """The three exit statuses."""

    DONE = 0
    REFUSED = 1
    CANNOT_SAY = 2


_CANNOT_SAY = (LogBusy, FieldDamaged, MissingTile)
"""Not a no: the answer could not be had."""


def home_option(command: Command) -> Command:
    """Add ``--home`` (or ``CERTREG_HOME``) to a command; it arrives as a ``Home``."""
    return click.option(
        "--home",
        envvar="CERTREG_HOME",
        default="var/home",
        show_default=True,
        metavar="DIR",
        callback=lambda _context, _option, value: Home(path=Path(value), environ=os.environ),
        help="The home directory of this registry (or CERTREG_HOME).",
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json`` to a command that prints facts."""
    return click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")(command)


def make_context(ring: KeyRing) -> Context:
    """Return the surroundings of a use case that is run from this command line."""
    return Context(
        actor=Actor(f"cli:{getpass.getuser()}"),
        clock=CLOCK,
        field_key=ring.secret("field"),
        index_key=ring.secret("index"),
        random=secrets.token_bytes,
    )


def show(facts: Mapping[str, object], *, as_json: bool) -> None:
    """Print facts as one JSON object, or as aligned lines."""
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        values = value if isinstance(value, list) else [value]
        for line, item in enumerate(values):
            click.echo(f"{name if line == 0 else '':<{width}}  {item}")


def write_for_holder(out: Path, data: bytes) -> None:
    """Write a file that holds a person's data: whole or not at all, readable by its owner only."""
    part = out.with_name(f".{out.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(out)


def stop(status: Exit, message: str) -> NoReturn:
    """End the command with ``status`` and one line on standard error."""
    click.echo(f"certreg: {' '.join(message.split())}", err=True)
    sys.exit(status)


def run(group: click.Group, arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; the only place that turns errors into exit statuses."""
    try:
        result = group.main(args=arguments, prog_name="certreg", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        sys.exit(Exit.REFUSED)
    except click.ClickException as error:
        stop(Exit.REFUSED, f"{error.format_message()} (see `certreg --help`)")
    except (click.Abort, KeyboardInterrupt):
        stop(Exit.REFUSED, "stopped; what was committed stays, the rest was not begun")
    except _CANNOT_SAY as error:
        stop(Exit.CANNOT_SAY, str(error))
    except (RegistryError, KeysError, SigningError, UploadError) as error:
        stop(Exit.REFUSED, f"{error} [{error.code}]")
    except OSError as error:
        stop(Exit.REFUSED, f"{error.strerror or error}: {error.filename or 'no file'}")
    sys.exit(result if isinstance(result, int) else Exit.DONE)
