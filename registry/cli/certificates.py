"""``certreg show|pdf|revoke|correct``: one certificate from the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

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
from registry.cli.batches import CHINA
from registry.cli.home import Home
from registry.cli.ledger import evidence_of
from registry.cli.services import Services
from registry.documents.certificate import make_certificate_pdf
from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.ledger.evidence import NotAnchored, find_leaf
from registry.office.certificates import current_edition, editions, open_certificate
from registry.office.checking import check_correction
from registry.office.revising import (
    CORRECTABLE,
    CORRECTING,
    REVOKING,
    Reason,
    Revised,
    correct,
    revoke,
)
from registry.rules.levels import level_of
from registry.rules.numbers import parse_number
from registry.store.base import read_unit, write_unit
from registry.store.certificates import CertificateState
from registry.wording import message
from registry.wording_numbers import explain
from signing.record import mask_id, parse_record

STATES = {
    CertificateState.VALID: "有效 valid",
    CertificateState.REVOKED: "已撤销 revoked",
    CertificateState.SUSPENDED: "已暂停 suspended",
    CertificateState.SUPERSEDED: "已更正 corrected",
}


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
            f"{item.edition}: {STATES[CertificateState(item.state)]}"
            for item in editions(session, number)
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


def _reasons(reasons: frozenset[Reason]) -> click.Choice[str]:
    return click.Choice(sorted(reason.value for reason in reasons))


@click.command("revoke")
@number_argument
@click.option("--reason", required=True, type=_reasons(REVOKING))
@home_option
@json_option
def revoke_command(home: Home, number: str, reason: str, *, as_json: bool) -> None:
    """Revoke certificate NUMBER (撤销). Its number is never used again."""
    services = Services.open(home)
    services.require_head()
    with write_unit(services.engine) as session:
        done = revoke(session, number, Reason(reason), context=services.context)
    show(
        {
            "number": done.number,
            "edition": done.edition,
            "state": STATES[CertificateState.REVOKED],
            "reason": Reason(reason).chinese,
            "next": "run `certreg anchor` to make it public",
        },
        as_json=as_json,
    )


@click.command("correct")
@number_argument
@click.option("--reason", required=True, type=_reasons(CORRECTING))
@click.option(
    "--changes",
    required=True,
    type=click.File(encoding="utf-8"),
    metavar="FILE.json",
    help=f"JSON object of the fields as they shall stand ({', '.join(CORRECTABLE)}); - for stdin.",
)
@home_option
@json_option
def correct_command(
    home: Home, number: str, reason: str, changes: TextIO, *, as_json: bool
) -> None:
    """Correct certificate NUMBER (更正): the next edition under the same number.

    Values come from a file, not from options: a command line is kept in the shell's history.
    """
    services = Services.open(home)
    try:
        values = json.loads(changes.read())
    except (ValueError, RecursionError):
        msg = 'the changes file is not JSON: write an object such as {"name": "…"}'
        raise Refused(msg) from None
    done = correct_certificate(services, number, Reason(reason), values)
    show(
        {
            "number": done.number,
            "edition": done.edition,
            "next": "run `certreg anchor` to make it public",
        },
        as_json=as_json,
    )


def correct_certificate(services: Services, number: str, reason: Reason, values: object) -> Revised:
    """Check ``values`` (field -> text) as a results row would be, and make the next edition.

    Raises ``Refused`` with the findings in words, and what ``office.revising.correct`` raises.
    """
    if not isinstance(values, dict) or not all(isinstance(item, str) for item in values.values()):
        msg = 'the changes are not an object of texts: write such as {"name": "…"}'
        raise Refused(msg)
    drawable = drawable_codepoints(font_set())
    services.require_head()
    with write_unit(services.engine) as session:
        row = current_edition(session, number)
        changes, findings = check_correction(
            open_certificate(row, services.context).record,
            values,
            today=CLOCK.now().astimezone(CHINA).date(),
            drawable=lambda character: ord(character) in drawable,
        )
        if changes is None:
            raise Refused("; ".join(message(finding) for finding in findings.listed))
        return correct(
            session,
            number,
            reason,
            changes,
            signer=services.record_signer(number[:13]),
            context=services.context,
        )
