"""The exchange with the provincial centre as the desks' pages and the machine API reach it.

`EXCHANGE` in the application's configuration is what the composition root puts there. Uploads are
the city office's matter: a district's account is told so.
"""

from __future__ import annotations

from typing import Final, cast

from flask import current_app

from registry.office.identity import Identity, NotAllowed, Role
from registry.office.unit import Desk
from registry.upload.exchange import Exchange
from registry.upload.outbox import Doing
from registry.upload.problems import NoCentre

EXCHANGE: Final = "EXCHANGE"
READERS: Final = frozenset({Role.CLERK, Role.APPROVER, Role.AUDITOR})
"""Who may look at uploads; a clerk alone acts."""


def exchange() -> Exchange:
    """Return what the application was given. Raises ``NoCentre`` where it was given none."""
    found = cast("Exchange | None", current_app.config.get(EXCHANGE))
    if found is None:
        raise NoCentre("本系统未开通省级上报，请联系系统管理员 (the exchange is not set up)")
    return found


def demand_city(by: Identity) -> None:
    """Raise ``NotAllowed`` for an account of a district: the city office reports."""
    if by.district:
        raise NotAllowed("证书数据上报由市级办公室统一办理")


def doing_of(desk: Desk, by: Identity) -> Doing:
    """Return who acts, and when, for the upload's event and the audit line."""
    context = desk.context(by)
    return Doing(actor=context.actor, now=context.clock.now())
