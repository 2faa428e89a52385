"""``certreg pdf|copy|layout``: a certificate's PDF, an annotated copy of it, and how they look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path

import click

from registry.cli.base import CLOCK, home_option, number_argument, out_option, write_for_holder
from registry.cli.home import Home
from registry.cli.ledger import evidence_of
from registry.cli.services import Services
from registry.cli.stamping import read_authority
from registry.cli.states import STATES
from registry.documents.certificate import Press, annotated_copy, make_certificate_pdf
from registry.documents.template import load_template
from registry.errors import Refused
from registry.office.certificates import current_edition
from registry.publish_files import publish_file
from registry.store.base import read_unit
from registry.store.certificates import CertificateState
from signing.bundle import Evidence
from signing.errors import SigningError, StampFailed
from signing.pdf import read_pdf
from signing.record import PREFIX_LENGTH, parse_record
from signing.tlog.checkpoint import open_checkpoint

TEMPLATES = "templates"
"""Folder of the home with the designers' templates."""

photo_option = click.option(
    "--photo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The holder's one-inch photo on white (JPEG, PNG).",
)


@click.command("pdf")
@number_argument
@out_option("FILE.pdf")
@photo_option
@home_option
def pdf_command(home: Home, number: str, out: Path, photo: Path | None) -> None:
    """Write the sealed PDF of certificate NUMBER (record and proof are inside)."""
    data = make_pdf(Services.open(home), number, photo=_read(photo))
    write_for_holder(out, data)
    click.echo(f"{out}: {len(data)} bytes")


@click.command("copy")
@number_argument
@click.option("--purpose", required=True, metavar="TEXT", help="What it is for (用途).")
@click.option("--recipient", required=True, metavar="NAME", help="Who gets it (接收单位).")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day it is good for (有效期至).",
)
@out_option("FILE.pdf")
@photo_option
@home_option
def copy_command(
    home: Home,
    number: str,
    out: Path,
    photo: Path | None,
    *,
    purpose: str,
    recipient: str,
    until: datetime,
) -> None:
    """Write an annotated copy (加注副本) of certificate NUMBER for one purpose and recipient."""
    data = make_copy(
        Services.open(home),
        number,
        purpose=purpose,
        recipient=recipient,
        valid_until=until.date(),
        photo=_read(photo),
    )
    write_for_holder(out, data)
    click.echo(f"{out}: {len(data)} bytes, good until {until:%Y-%m-%d}")


def make_pdf(services: Services, number: str, *, photo: bytes | None = None) -> bytes:
    """Return the sealed PDF of the current edition, after the print gate has passed it."""
    return _make(services, number, partial(make_certificate_pdf, photo=photo))


def make_copy(
    services: Services,
    number: str,
    *,
    purpose: str,
    recipient: str,
    valid_until: date,
    photo: bytes | None = None,
) -> bytes:
    """Return an annotated copy of the current edition, after the print gate has passed it."""
    maker = partial(
        annotated_copy,
        purpose=purpose,
        recipient=recipient,
        valid_until=valid_until,
        photo=photo,
    )
    return _make(services, number, maker)


def press_of(services: Services, prefix: str) -> Press:
    """Return what makes this company's PDFs: its keys and template, and the timestamp authority."""
    authority = read_authority(services.home)
    return Press(
        base_url=services.settings.base_url,
        record_signer=services.record_signer(prefix),
        seal_signer=services.seal_signer(prefix),
        root=services.seal_root,
        template=load_template(services.home.path / TEMPLATES, prefix),
        stamping=authority.stamping if authority else None,
        unstamped=_tell if authority and authority.plain else None,
    )


def _tell(error: StampFailed) -> None:
    click.echo(f"certreg: {error}; the PDF is made without a timestamp (B-B)", err=True)


def _make(services: Services, number: str, maker: Callable[..., bytes]) -> bytes:
    # One snapshot: a correction in between must not put the old token beside the new record.
    with read_unit(services.engine) as session:
        row = current_edition(session, number)
        if row.state != CertificateState.VALID:
            state = STATES[CertificateState(row.state)]
            msg = f"certificate {number} is {state}: no PDF is made of it"
            raise Refused(msg)
        evidence = evidence_of(session, services, row)
    _require_accepted(services, evidence, number)
    press, now = press_of(services, number[:PREFIX_LENGTH]), CLOCK.now()
    pdf = maker(
        press=press,
        evidence=evidence,
        record=parse_record(evidence.envelope.payload),
        token=row.token,
        now=now,
    )
    publish_file(
        services.site,
        services.context,
        pdf,
        payload=evidence.envelope.payload,
        annotation=read_pdf(pdf).annotation,
        token=row.token,
        signer=press.seal_signer,
        now=now,
    )
    return pdf


def _read(photo: Path | None) -> bytes | None:
    return None if photo is None else photo.read_bytes()


def _require_accepted(services: Services, evidence: Evidence, number: str) -> None:
    # A paper is for years: one whose checkpoint lacks its witnesses could never be confirmed.
    try:
        if evidence.proof is not None:
            open_checkpoint(evidence.proof.checkpoint_note, services.policy)
    except SigningError as error:
        msg = (
            f"certificate {number} is in the log, and no checkpoint that has it is accepted by "
            f"the trust policy yet ({error.code}): run `certreg anchor` until the witnesses have "
            "signed, then run this again"
        )
        raise Refused(msg) from None
