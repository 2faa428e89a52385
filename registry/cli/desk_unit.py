"""What the desks' use cases are given over one home: for the pages, and for `certreg issue`."""

from __future__ import annotations

from keys.clock import Clock
from registry.cli.base import CLOCK
from registry.cli.services import Services
from registry.cli.setup import enrol
from registry.office.unit import Desk


def make_desk(services: Services, address: str, clock: Clock = CLOCK) -> Desk:
    """Return what the desks' pages are given to work with; ``address`` is the pages' own."""
    context = services.context

    def enrol_company(name: str, uscc: str, prefix: str, levels: str) -> None:
        enrol(services, name=name, uscc=uscc, prefix=prefix, levels=",".join(levels))

    return Desk(
        engine=services.engine,
        clock=clock,
        field_key=context.field_key,
        index_key=context.index_key,
        random=context.random,
        documents=services.home.path / "documents",
        office_name=services.settings.office,
        base_url=address,
        record_signer=services.record_signer,
        enrol=enrol_company,
        before_signing=services.require_head,
        logged_heads=services.logged_heads,
    )
