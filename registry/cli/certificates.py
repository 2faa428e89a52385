"""``certreg show|pdf``: one certificate from the shell."""

from __future__ import annotations

from pathlib import Path

import click

from registry.cli.base import (
    CLOCK,
    home_option,
    json_option,
    number_argument,
    out_option,
    show,
    write_for_holder,
)
from registry.cli.home import Home
from registry.cli.ledger import evidence_of
from registry.cli.services import Services
from registry.cli.states import STATES, state_words
from registry.documents.certificate import make_certificate_pdf
from registry.errors import Refused
from registry.ledger.evidence import NotAnchored, find_leaf
from registry.office.certificates import current_edition, editions, open_certificate
from registry.rules.levels import level_of
from registry.rules.numbers import parse_number
from registry.store.base import read_unit
from registry.store.certificates import CertificateState
from registry.wording_numbers import explain
from signing.bundle import Evidence
from signing.errors import SigningError
from signing.record import mask_id, parse_record
from signing.tlog.checkpoint import open_checkpoint


@click.command("show")
@number_argument
@home_option
@json_option
def show_command(home: Home, number: str, *, as_json: bool) -> None:
    """Show certificate NUMBER: its facts, state, editions and place in the log."""
    services = Services.open(home)
    explained = [
        f"{part.text:<8} {part.label} {part.meaning}".rstrip()
        for part in explain(parse_number(number))
    ]
    with read_unit(services.engine) as session:
        row = current_edition(session, number)
        record = open_certificate(row, services.context).record
        try:
            place = f"leaf {find_leaf(session, row).index}"
        except NotAnchored:
            place = "not yet: run `certreg anchor`"
        history = [
            f"{item.edition}: {state_words(session, item)}" for item in editions(session, number)
        ]
    show(
        {
            "number": number,
            "number parts": explained,
            "state": STATES[CertificateState(row.state)],
            "edition": row.edition,
            "editions": history,
            "name": record.name,
            "ID": f"{record.id_type} {mask_id(record.id_number)}",
            "occupation": f"{record.occupation} {record.occupation_code}",
            "direction": record.direction or "--",
            "level": level_of(record.level).printed,
            "issuer": record.issuer,
            "issued": record.issued,
            "batch": row.batch_id,
            "in the log": place,
            "page": f"{services.settings.base_url}/v/{row.token}",
        },
        as_json=as_json,
    )


@click.command("pdf")
@number_argument
@out_option("FILE.pdf")
@home_option
def pdf_command(home: Home, number: str, out: Path) -> None:
    """Write the sealed PDF of certificate NUMBER (record and proof are inside)."""
    data = make_pdf(Services.open(home), number)
    write_for_holder(out, data)
    click.echo(f"{out}: {len(data)} bytes")


def make_pdf(services: Services, number: str) -> bytes:
    """Return the sealed PDF of the current edition, after the print gate has passed it."""
    # One snapshot: a correction in between must not put the old token beside the new record.
    with read_unit(services.engine) as session:
        row = current_edition(session, number)
        if row.state != CertificateState.VALID:
            state = STATES[CertificateState(row.state)]
            msg = f"certificate {number} is {state}: no PDF is made of it"
            raise Refused(msg)
        evidence = evidence_of(session, services, row)
    _require_accepted(services, evidence, number)
    return make_certificate_pdf(
        evidence=evidence,
        record=parse_record(evidence.envelope.payload),
        token=row.token,
        base_url=services.settings.base_url,
        record_signer=services.record_signer(number[:13]),
        seal_signer=services.seal_signer(number[:13]),
        root=services.seal_root,
        now=CLOCK.now(),
    )


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
