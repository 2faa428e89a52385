"""``certreg revoke|correct|reissue|suspend|reinstate``: a certificate's state from the shell."""

from __future__ import annotations

import json
from typing import TextIO

import click

from registry.cli.base import CLOCK, home_option, json_option, number_argument, show
from registry.cli.batches import CHINA
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.states import STATES
from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.office.certificates import current_edition, open_certificate
from registry.office.checking import check_correction
from registry.office.reasons import CORRECTING, REINSTATING, REISSUING, REVOKING, SUSPENDING, Reason
from registry.office.reissuing import reissue
from registry.office.revising import CORRECTABLE, correct, revoke
from registry.office.states import Revised
from registry.office.suspending import reinstate, suspend
from registry.store.base import write_unit
from registry.store.certificates import CertificateState
from registry.wording import message
from signing.record import PREFIX_LENGTH

NEXT = "run `certreg anchor` to make it public"


def _reasons(reasons: frozenset[Reason]) -> click.Choice[str]:
    return click.Choice(sorted(reason.value for reason in reasons))


def _say(done: Revised, state: CertificateState, reason: Reason, *, as_json: bool) -> None:
    show(
        {
            "number": done.number,
            "edition": done.edition,
            "state": STATES[state],
            "reason": reason.chinese,
            "next": NEXT,
        },
        as_json=as_json,
    )


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
    _say(done, CertificateState.REVOKED, Reason(reason), as_json=as_json)


@click.command("suspend")
@number_argument
@click.option("--reason", required=True, type=_reasons(SUSPENDING))
@home_option
@json_option
def suspend_command(home: Home, number: str, reason: str, *, as_json: bool) -> None:
    """Suspend certificate NUMBER (暂停): it proves nothing until it is reinstated.

    The provincial centre's table has no row for this: report it by letter.
    """
    services = Services.open(home)
    services.require_head()
    with write_unit(services.engine) as session:
        done = suspend(session, number, Reason(reason), context=services.context)
    _say(done, CertificateState.SUSPENDED, Reason(reason), as_json=as_json)


@click.command("reinstate")
@number_argument
@click.option("--reason", required=True, type=_reasons(REINSTATING))
@home_option
@json_option
def reinstate_command(home: Home, number: str, reason: str, *, as_json: bool) -> None:
    """Make the suspended certificate NUMBER valid again (恢复)."""
    services = Services.open(home)
    services.require_head()
    with write_unit(services.engine) as session:
        done = reinstate(session, number, Reason(reason), context=services.context)
    _say(done, CertificateState.VALID, Reason(reason), as_json=as_json)


@click.command("reissue")
@number_argument
@click.option("--reason", required=True, type=_reasons(REISSUING))
@home_option
@json_option
def reissue_command(home: Home, number: str, reason: str, *, as_json: bool) -> None:
    """Reissue certificate NUMBER (补发): the same facts, the next edition, a new QR code.

    The paper that was lost then says 已更正 and points on.
    """
    services = Services.open(home)
    services.require_head()
    signer = services.record_signer(number[:PREFIX_LENGTH])
    with write_unit(services.engine) as session:
        done = reissue(session, number, Reason(reason), signer=signer, context=services.context)
    _say(done, CertificateState.VALID, Reason(reason), as_json=as_json)


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
            "next": NEXT,
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
            signer=services.record_signer(number[:PREFIX_LENGTH]),
            context=services.context,
        )
