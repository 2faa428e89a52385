"""What all commands share: the home option, output, and errors as exit statuses.

Exit status 0 = done or valid, 1 = refused or invalid, 2 = cannot say. Anything but 0 comes with
one line on standard error that says what to do. Results go to standard output.
"""

from __future__ import annotations

import getpass
import io
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from keys.clock import SystemClock
from keys.errors import KeysError
from keys.ring import KeyRing
from registry.cli.home import Home
from registry.errors import RegistryError
from registry.ledger.follow import NotPublishedYet
from registry.ledger.monitor.errors import CannotMonitor
from registry.ledger.storage import LogBusy
from registry.office.context import Actor, Context
from registry.rules.errors import NumberError
from registry.rules.findings import Finding, Where
from registry.rules.numbers import parse_number
from registry.store.fields import FieldDamaged
from registry.wording import message, message_en
from signing.errors import MissingTile, SigningError

Command = TypeVar("Command", bound=Callable[..., Any])
CLOCK = SystemClock()


class Exit(IntEnum):
    """The three exit statuses."""

    DONE = 0
    REFUSED = 1
    CANNOT_SAY = 2


_CANNOT_SAY = (CannotMonitor, LogBusy, NotPublishedYet, FieldDamaged, MissingTile)
"""Not a no: the answer could not be had."""

_EXPECTED = (RegistryError, KeysError, SigningError, ModuleNotFoundError, UnicodeError, OSError)
"""What ends in one line. Anything else is a fault of this program, and its traceback is wanted."""


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


def number_argument(command: Command) -> Command:
    """Add the argument NUMBER: a certificate number as it may be typed, given on as it is kept."""
    return click.argument(
        "number", callback=lambda _context, _argument, value: str(parse_number(value))
    )(command)


def out_option(metavar: str) -> Callable[[Command], Command]:
    """Add ``-o`` for the file to write; it is refused before any work if it cannot be written."""
    return click.option("-o", "out", required=True, type=OutFile(), metavar=metavar)


class OutFile(click.Path):
    """A file to be written, whose folder must be there."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; fails if its folder is missing."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"there is no folder {path.parent}: make it first", param, ctx)
        return path


def user_name() -> str:
    """Return who runs this command, for audit lines."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return f"uid {os.getuid()}"


def make_context(ring: KeyRing) -> Context:
    """Return the surroundings of a use case that is run from this command line."""
    return Context(
        actor=Actor(f"cli:{user_name()}"),
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


def stop(status: Exit, line: str) -> NoReturn:
    """End the command with ``status`` and one line on standard error."""
    click.echo(f"certreg: {' '.join(line.split())}", err=True)
    sys.exit(status)


def run(group: click.Group, arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; the only place that turns errors into exit statuses."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of GBK has no rare names: it shows question marks, and no traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        result = group.main(args=arguments, prog_name="certreg", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        stop(Exit.REFUSED, "name one of the commands above")
    except click.ClickException as error:
        stop(Exit.REFUSED, f"{error.format_message()} (see `certreg --help`)")
    except (click.Abort, KeyboardInterrupt):
        stop(Exit.REFUSED, "stopped; what was committed stays, the rest was not begun")
    except SQLAlchemyError as error:
        stop(*_database_fault(error))
    except _EXPECTED as error:
        status = Exit.CANNOT_SAY if isinstance(error, _CANNOT_SAY) else Exit.REFUSED
        stop(status, _in_words(error))
    sys.exit(result if isinstance(result, int) else Exit.DONE)


def _in_words(error: Exception) -> str:
    match error:
        case NumberError():
            finding = Finding(code=error.fault.code, where=Where(), facts=error.fault.facts)
            return f"{message(finding)} ({message_en(finding)}) [{error.code}]"
        case RegistryError() | KeysError() | SigningError():
            return f"{error} [{error.code}]"
        case ModuleNotFoundError():
            return f"the Python package {error.name} is missing: install what this address needs"
        case UnicodeError():
            return "an argument or a file is no text in UTF-8: type it again"
        case OSError():
            return f"{error.strerror or error}: {error.filename or 'no file'}"
        case _:
            raise error


def _database_fault(error: SQLAlchemyError) -> tuple[Exit, str]:
    """Say a fault of the database without any value that stood in a statement."""
    if not isinstance(error, DBAPIError):
        return Exit.REFUSED, "the database's address is not usable: compare --database"
    if isinstance(error, IntegrityError):
        # Its text may quote the row.
        cause = "it refused a row that contradicts another"
    else:
        cause = next(iter(str(error.orig).splitlines()), type(error.orig).__name__)
    line = (
        f"the database cannot be used ({cause}): see that it runs and that its disk has room, and "
        "run this again; restore a damaged one from a backup"
    )
    return Exit.CANNOT_SAY, line
