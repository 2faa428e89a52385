"""``certreg prove`` and ``certreg log fsck``: the ledger from the shell."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from registry.cli.base import (
    Exit,
    home_option,
    json_option,
    number_argument,
    out_option,
    show,
    write_for_holder,
)
from registry.cli.home import Home
from registry.cli.logkeys import log_key_group
from registry.cli.services import Services
from registry.cli.succession import freeze_command, succeed_command
from registry.ledger.evidence import collect
from registry.ledger.fsck import fsck
from registry.ledger.head import load_head
from registry.office.certificates import current_edition, open_certificate
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from signing.bundle import Evidence, proof_file
from signing.tlog.checkpoint import Checkpoint


def evidence_for(services: Services, number: str) -> Evidence:
    """Return the evidence for the current edition of ``number``."""
    with read_unit(services.engine) as session:
        return evidence_of(session, services, current_edition(session, number))


def evidence_of(session: Session, services: Services, row: Certificate) -> Evidence:
    """Return the evidence for the edition ``row``, read in the session's own snapshot."""
    opened = open_certificate(row, services.context)
    return collect(session, services.log, row, opened.envelope, opened.opening)


@click.command("prove")
@number_argument
@out_option("FILE")
@home_option
def prove_command(home: Home, number: str, out: Path) -> None:
    """Write the proof for certificate NUMBER: record, inclusion, checkpoint and status.

    The file holds the holder's name and ID number: give it to the holder only.
    """
    data = proof_file(evidence_for(Services.open(home), number), with_record=True)
    write_for_holder(out, data)
    click.echo(f"{out}: {len(data)} bytes; check it with `certverify {out} --trust DIR`")


@click.group("log")
def log_group() -> None:
    """Look after the published log."""


log_group.add_command(log_key_group)
log_group.add_command(freeze_command)
log_group.add_command(succeed_command)


@log_group.command("fsck")
@home_option
@json_option
def fsck_command(home: Home, *, as_json: bool) -> int:
    """Read the whole published log, report every fault, end. Changes nothing."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        head = load_head(session, services.log.origin)
    committed = Checkpoint(origin=services.log.origin, size=head.size, root=head.root)
    report = fsck(services.log_folder(services.log.origin), services.policy, head=committed)
    show(
        {
            "log": services.log.origin,
            "size": report.size,
            "entries read": report.entries,
            "faults": [str(fault) for fault in report.faults] or "none",
            **({"more faults": report.unlisted} if report.unlisted else {}),
        },
        as_json=as_json,
    )
    if not report.faults:
        return Exit.DONE
    count = len(report.faults) + report.unlisted
    click.echo(
        f"certreg: {count} fault(s) in the published log: do not sign; restore the named files "
        "from a backup and run this again (a checkpoint that is behind alone: `certreg anchor`)",
        err=True,
    )
    return Exit.REFUSED
