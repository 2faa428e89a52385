"""Groups of commands whose modules are imported when one of their commands is asked for.

The public site's, the holders' and the provincial centre's work bring Flask, Babel and spreadsheet
readers along: half of every other command's start.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click


class LaterGroup(click.Group):
    """Stands for the group ``attribute`` of ``module``: its commands, under this name and help."""

    def __init__(self, name: str, help: str, *, module: str, attribute: str) -> None:  # noqa: A002 - click's word
        """Import nothing yet."""
        super().__init__(name, help=help)
        self._place = module, attribute

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the group's commands."""
        return self._group().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of the group's commands, None if it has none of that name."""
        return self._group().get_command(ctx, cmd_name)

    def _group(self) -> click.Group:
        module, attribute = self._place
        return cast("click.Group", getattr(import_module(module), attribute))
