"""``certreg anchor``, ``certreg prove`` and ``certreg log fsck``: the ledger from the shell."""

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
from registry.cli.services import Services
from registry.ledger.evidence import collect
from registry.ledger.fsck import fsck
from registry.office.certificates import current_edition, open_certificate
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from signing.bundle import Evidence, proof_file


@click.command("anchor")
@home_option
@json_option
def anchor_command(home: Home, *, as_json: bool) -> None:
    """Put everything that happened into the log, sign the checkpoint and publish."""
    services = Services.open(home)
    done, written = services.anchor()
    show(
        {
            "log": services.settings.origin,
            "size before": done.old_size,
            "size": done.size,
            "batches closed": list(done.batches) or "none",
            "batch roots": _second_opinion(done.batches, agreed=done.crosschecked),
            "entries published": written,
        },
        as_json=as_json,
    )


def _second_opinion(batches: tuple[str, ...], *, agreed: bool) -> str:
    if not batches:
        return "none to check"
    if agreed:
        return "agreed by a second implementation (merkletools)"
    return "not checked a second time: merkletools is not installed (extra `crosscheck`)"


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


@log_group.command("fsck")
@home_option
@json_option
def fsck_command(home: Home, *, as_json: bool) -> int:
    """Read the whole published log, report every fault, end. Changes nothing."""
    services = Services.open(home)
    report = fsck(services.home.public / "log", services.policy)
    show(
        {
            "log": services.settings.origin,
            "size": report.size,
            "entries read": report.entries,
            "faults": [str(fault) for fault in report.faults] or "none",
        },
        as_json=as_json,
    )
    if not report.faults:
        return Exit.DONE
    click.echo(
        f"certreg: {len(report.faults)} fault(s) in the published log: do not sign; restore the "
        "named files from a backup and run this again",
        err=True,
    )
    return Exit.REFUSED
