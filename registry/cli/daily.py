"""``certreg desk daily``: what time takes, once a day or more often (每日任务).

Plans whose last day is past become held, running deadlines are counted again, what is past its
term of keeping is erased, the audit chain's head goes before the ledger, and all of it is
published; after a quarter's end its open data too. Run twice, or late, it does the same.
"""

from __future__ import annotations

from dataclasses import asdict

import click

from registry.cli.base import CLOCK, Exit, home_option, json_option, show
from registry.cli.desk_unit import make_desk
from registry.cli.home import Home
from registry.cli.open_data import publish_open_data
from registry.cli.services import Services
from registry.office.almanac import read_almanac
from registry.office.audit_chain import anchor_audit
from registry.office.document_vault import vault_of
from registry.office.due import china_day
from registry.office.plan_steps import hold_due_plans
from registry.office.recount import recount
from registry.office.retention import erase_expired
from registry.store.base import write_unit
from registry.store.locks import hold_almanac
from signing.milestone import MilestoneKind


@click.command("daily")
@home_option
@json_option
def daily_command(home: Home, *, as_json: bool) -> int:
    """Take the steps that time takes, erase, anchor the audit chain, publish. For a timer."""
    services = Services.open(home)
    services.require_head()
    with write_unit(services.engine) as session:
        held = hold_due_plans(session, services.context, china_day(CLOCK.now()))
    with write_unit(services.engine) as session:
        hold_almanac(session)
        moved = recount(
            session,
            read_almanac(session),
            reason="每日核对",
            at=CLOCK.now(),
            context=services.context,
        )
    with write_unit(services.engine) as session:
        vault = vault_of(make_desk(services, ""))
        erased = erase_expired(session, vault, services.context)
    with write_unit(services.engine) as session:
        head = anchor_audit(session, kind=MilestoneKind.AUDIT_HEAD, context=services.context)
    done, written = services.anchor()
    opened = publish_open_data(services, today=china_day(CLOCK.now()))
    show(
        {
            "plans held": list(held.held) or "none",
            "plans that cannot be read": list(held.unreadable) or "none",
            "deadlines moved": len(moved),
            "erased past their term": asdict(erased),
            "audit chain": "not due yet" if head is None else "head put into the ledger",
            "size": done.size,
            "entries published": written,
            "open data": "not due yet" if opened is None else f"as of {opened}",
        },
        as_json=as_json,
    )
    if not held.unreadable:
        return Exit.DONE
    click.echo(
        "certreg: some plans cannot be read: restore the database from a backup in which they can",
        err=True,
    )
    return Exit.REFUSED
