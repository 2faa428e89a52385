"""What the commands of ``certreg centre`` share: the home option, opening, who acts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from registry.centre.home import CentreHome
from registry.centre.starting import Opened, open_centre
from registry.cli.base import CLOCK, user_name

Command = TypeVar("Command", bound=Callable[..., Any])
VARIABLE = "CERTREG_CENTRE"


def centre_option(command: Command) -> Command:
    """Add ``--home`` (or ``CERTREG_CENTRE``); it arrives as ``home``, a ``CentreHome``."""
    return click.option(
        "--home",
        envvar=VARIABLE,
        default="var/centre",
        show_default=True,
        metavar="DIR",
        callback=lambda _context, _option, value: centre_home(Path(value)),
        help="The home directory of this centre (or CERTREG_CENTRE).",
    )(command)


def centre_home(path: Path) -> CentreHome:
    """Return the home at a path, in this process's environment."""
    return CentreHome(path=path, environ=os.environ)


def opened(home: CentreHome) -> Opened:
    """Open the centre with the machine's clock and randomness."""
    return open_centre(home, clock=CLOCK, random=secrets.token_bytes)


def who() -> str:
    """Return who acts, as the audit line names them."""
    return f"cli:{user_name()}"
