"""What a home makes its PDFs with (制证): keys, layout, timestamp authority, and the print gate.

Apart from the commands because the PDF libraries would be a sixth of every command's start.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

import click

from registry.cli.base import CLOCK
from registry.cli.home import TEMPLATES
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
