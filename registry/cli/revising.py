"""``certreg revoke|correct|reissue|suspend|reinstate``: a certificate's state from the shell.

One person at the machine decides nothing: but in a home for direct filing they name the request
that was approved at the desk (``--approved``), which says what is done and why.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

import click
from sqlalchemy.orm import Session

from registry.cli.base import CLOCK, home_option, json_option, number_argument, show
from registry.cli.batches import CHINA
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.states import STATES
from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.office.certificates import current_edition, open_certificate
from registry.office.change_deciding import Tools, carry_out_at_machine
from registry.office.changes import Kind, find_request, plan_of, request_id_of
from registry.office.checking import check_correction
from registry.office.direct import demand_direct_change
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
Command = TypeVar("Command", bound=Callable[..., Any])
Value = TypeVar("Value")


def _reasons(reasons: frozenset[Reason]) -> click.Choice[str]:
    return click.Choice(sorted(reason.value for reason in reasons))


def reason_option(reasons: frozenset[Reason]) -> Callable[[Command], Command]:
    """Add ``--reason`` and ``--approved``, of which a command takes one."""

    def add(command: Command) -> Command:
        command = click.option(
            "--approved",
            metavar="REQUEST",
            help="The request approved at the desk (R-000012), which says the reason and what "
            "changes; needed but in a home made by `certreg init --direct`.",
        )(command)
        return click.option("--reason", type=_reasons(reasons))(command)

    return add


def _drawable() -> Callable[[str], bool]:
    points = drawable_codepoints(font_set())
    return lambda character: ord(character) in points


def _change(
    services: Services,
    kind: Kind,
    number: str,
    act: Callable[[Session, Reason], Revised],
    *,
    reason: str | None,
    approved: str | None,
) -> tuple[Revised, Reason]:
    """Do ``act`` for a reason where that is open, or carry an approved request out."""
    if approved is not None:
        if reason is not None:
            raise click.UsageError("the approved request says the reason: leave --reason out.")
        return _carry_out(services, kind, number, request_id_of(approved))
    why = Reason(_said(reason, "--reason"))
    services.require_head()
    with write_unit(services.engine) as session:
        demand_direct_change(session, opened=services.settings.direct)
        return act(session, why), why


def _said(value: Value | None, option: str) -> Value:
    if value is None:
        raise click.UsageError(f"Missing option '{option}'.")
    return value


def _carry_out(
    services: Services, kind: Kind, number: str, request_id: int
) -> tuple[Revised, Reason]:
    tools = Tools(
        signer=services.record_signer,
        before_signing=services.require_head,
        drawable=_drawable(),
        today=CLOCK.now().astimezone(CHINA).date(),
        context=services.context,
    )
    with write_unit(services.engine) as session:
        done = carry_out_at_machine(session, request_id, kind, number, tools)
        plan = plan_of(find_request(session, request_id), services.context)
        return done, Reason(plan.cause)


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
@reason_option(REVOKING)
@home_option
@json_option
def revoke_command(
    home: Home, number: str, reason: str | None, approved: str | None, *, as_json: bool
) -> None:
    """Revoke certificate NUMBER (撤销). Its number is never used again."""
    services = Services.open(home)

    def act(session: Session, why: Reason) -> Revised:
        return revoke(session, number, why, context=services.context)

    done, why = _change(services, Kind.WITHDRAWAL, number, act, reason=reason, approved=approved)
    _say(done, CertificateState.REVOKED, why, as_json=as_json)


@click.command("suspend")
@number_argument
@reason_option(SUSPENDING)
@home_option
@json_option
def suspend_command(
    home: Home, number: str, reason: str | None, approved: str | None, *, as_json: bool
) -> None:
    """Suspend certificate NUMBER (暂停): it proves nothing until it is reinstated.

    The provincial centre's table has no row for this: report it by letter.
    """
    services = Services.open(home)

    def act(session: Session, why: Reason) -> Revised:
        return suspend(session, number, why, context=services.context)

    done, why = _change(services, Kind.SUSPENSION, number, act, reason=reason, approved=approved)
    _say(done, CertificateState.SUSPENDED, why, as_json=as_json)


@click.command("reinstate")
@number_argument
@reason_option(REINSTATING)
@home_option
@json_option
def reinstate_command(
    home: Home, number: str, reason: str | None, approved: str | None, *, as_json: bool
) -> None:
    """Make the suspended certificate NUMBER valid again (恢复)."""
    services = Services.open(home)

    def act(session: Session, why: Reason) -> Revised:
        return reinstate(session, number, why, context=services.context)

    done, why = _change(services, Kind.RESTORATION, number, act, reason=reason, approved=approved)
    _say(done, CertificateState.VALID, why, as_json=as_json)


@click.command("reissue")
@number_argument
@reason_option(REISSUING)
@home_option
@json_option
def reissue_command(
    home: Home, number: str, reason: str | None, approved: str | None, *, as_json: bool
) -> None:
    """Reissue certificate NUMBER (补发): the same facts, the next edition, a new QR code.

    The paper that was lost then says 已更正 and points on.
    """
    services = Services.open(home)

    def act(session: Session, why: Reason) -> Revised:
        signer = services.record_signer(number[:PREFIX_LENGTH])
        return reissue(session, number, why, signer=signer, context=services.context)

    done, why = _change(services, Kind.REISSUE, number, act, reason=reason, approved=approved)
    _say(done, CertificateState.VALID, why, as_json=as_json)


@click.command("correct")
@number_argument
@reason_option(CORRECTING)
@click.option(
    "--changes",
    type=click.File(encoding="utf-8"),
    metavar="FILE.json",
    help=f"JSON object of the fields as they shall stand ({', '.join(CORRECTABLE)}); - for stdin.",
)
@home_option
@json_option
def correct_command(
    home: Home,
    number: str,
    reason: str | None,
    approved: str | None,
    changes: TextIO | None,
    *,
    as_json: bool,
) -> None:
    """Correct certificate NUMBER (更正): the next edition under the same number.

    Values come from a file, not from options: a command line is kept in the shell's history.
    """
    services = Services.open(home)
    if approved is not None and changes is not None:
        raise click.UsageError("the approved request says what changes: leave --changes out.")

    def act(session: Session, why: Reason) -> Revised:
        return _correct(session, services, number, why, values)

    values: object = None
    if approved is None:
        _said(reason, "--reason")
        values = _read(_said(changes, "--changes"))
    done, _why = _change(services, Kind.CORRECTION, number, act, reason=reason, approved=approved)
    show(
        {
            "number": done.number,
            "edition": done.edition,
            "next": NEXT,
        },
        as_json=as_json,
    )


def _read(changes: TextIO) -> object:
    try:
        return json.loads(changes.read())
    except (ValueError, RecursionError):
        msg = 'the changes file is not JSON: write an object such as {"name": "…"}'
        raise Refused(msg) from None


def correct_certificate(services: Services, number: str, reason: Reason, values: object) -> Revised:
    """Check ``values`` (field -> text) as a results row would be, and make the next edition.

    Asks nobody: its caller answers for it. Raises ``Refused`` with the findings in words, and what
    ``office.revising.correct`` raises.
    """
    services.require_head()
    with write_unit(services.engine) as session:
        return _correct(session, services, number, reason, values)


def _correct(
    session: Session, services: Services, number: str, reason: Reason, values: object
) -> Revised:
    if not isinstance(values, dict) or not all(isinstance(item, str) for item in values.values()):
        msg = 'the changes are not an object of texts: write such as {"name": "…"}'
        raise Refused(msg)
    changes, findings = check_correction(
        open_certificate(current_edition(session, number), services.context).record,
        values,
        today=CLOCK.now().astimezone(CHINA).date(),
        drawable=_drawable(),
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
