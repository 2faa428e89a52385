"""``certreg log freeze`` and ``certreg log succeed``: when a log's history is lost or has split.

Both can be cut off anywhere and run again. The successor's keys and its note beside the frozen
log come before the database says that there is one; a second run finds them by the note.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import click

from keys.errors import KeysError
from keys.model import Algorithm, KeyState
from keys.policy import NO_QUORUM, format_policy, parse_policy
from keys.trust import POLICY_FILE
from keys.vkey import SignatureType, VerifierKey
from registry.cli.base import CLOCK, home_option, json_option, show
from registry.cli.checkpoint_keys import add_pair, checkpoint_keys
from registry.cli.home import Home
from registry.cli.services import Services
from registry.errors import Refused, RegistryError
from registry.ledger.head import CHECKPOINT, load_head
from registry.ledger.local_storage import LocalStorage
from registry.ledger.sequencer import settle
from registry.ledger.storage import LogBusy
from registry.ledger.succession import (
    SUCCESSOR_FILE,
    Era,
    final_checkpoint,
    freeze,
    serials_given,
    succeed,
)
from registry.ledger.turn import turn
from registry.store.base import read_unit, write_unit
from signing.errors import SigningError
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.successor import Successor, open_successor, sign_successor
from signing.tlog.tiles import TileReader

LONGEST_REASON = 300
PATIENCE, WAIT = 60, 0.25
"""How often and how many seconds to wait for a round that is under way."""


@click.command("freeze")
@click.option("--reason", required=True, help="Why, for the audit log; no person's name.")
@click.confirmation_option(
    prompt="Freeze the log for ever? Nothing can be issued until it is succeeded"
)
@home_option
@json_option
def freeze_command(home: Home, reason: str, *, as_json: bool) -> None:
    """Freeze the log (冻结): its history is lost or has split. It cannot be undone."""
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        msg = f"--reason takes 1 to {LONGEST_REASON} characters"
        raise Refused(msg)
    services = Services.open(home)
    era = services.era
    with _alone(services):
        if not era.frozen:
            _settle(services)
        note = _final_note(services)
        with write_unit(services.engine) as session:
            freeze(
                session,
                era,
                reason.strip(),
                final_note=note,
                actor=services.context.actor,
                now=CLOCK.now(),
            )
    show(
        {
            "frozen": era.origin,
            "next": "keep its files online as they are; `certreg log succeed` starts the next log",
        },
        as_json=as_json,
    )


@click.command("succeed")
@home_option
@json_option
def succeed_command(home: Home, *, as_json: bool) -> None:
    """Start the log that follows a frozen one (接续): every event goes into it again, in order."""
    services = Services.open(home)
    era = services.era
    if not era.frozen:
        msg = f"the log {era.origin} is open: only a frozen log is succeeded"
        raise Refused(msg)
    number = era.number + 1
    origin = services.settings.origin + str(number)
    with _alone(services):
        _write_links(services, era, origin)
        given = serials_given(_public_entries(services))
        with write_unit(services.engine) as session:
            succeed(
                session,
                era,
                origin,
                given=given,
                actor=services.context.actor,
                now=CLOCK.now(),
            )
    # Opened anew: the log in use is another one now.
    opened = Services.open(home)
    done, written = opened.anchor()
    if opened.policy.quorum != NO_QUORUM:
        click.echo(
            "certreg: the policy asks for witnesses, who must take up the new trust/log.policy "
            "first: until enough of them have signed, the public site can confirm nothing",
            err=True,
        )
    show(
        {
            "log": origin,
            "after": era.origin,
            "size": done.size,
            "entries published": written,
            "next": "hand out the new trust/log.policy, to witnesses and monitors too; proofs from "
            "the frozen log say that a new one is needed",
        },
        as_json=as_json,
    )


@contextmanager
def _alone(services: Services) -> Iterator[None]:
    """Hold off every round and every publication; waits for one that is under way.

    One that began before a freeze and ended after it would write into the log that is frozen,
    and take its events from the successor. Raises ``LogBusy`` after PATIENCE rounds of waiting.
    """
    status = LocalStorage(services.home.public / "status")
    for left in reversed(range(PATIENCE)):
        with ExitStack() as held:
            try:
                held.enter_context(turn(services.engine, services.log))
                held.enter_context(services.log.storage.exclusive())
                held.enter_context(status.exclusive())
            except LogBusy:
                if not left:
                    raise
            else:
                yield
                return
        time.sleep(WAIT)


def _settle(services: Services) -> None:
    """Finish what a crash left between a head's commit and its files: later nobody will."""
    with read_unit(services.engine) as session:
        head = load_head(session, services.era.origin)
    # A lost head, or files that are gone, is what logs are frozen for.
    with suppress(RegistryError):
        settle(services.log, head)


def _final_note(services: Services) -> bytes:
    """Return the newest checkpoint that the log's keys have signed: the public or the committed."""
    with read_unit(services.engine) as session:
        head = load_head(session, services.era.origin)
    try:
        public = services.log.storage.read(CHECKPOINT)
        anyone = replace(services.policy, quorum=NO_QUORUM)
        newest = open_checkpoint(public, anyone).checkpoint
    except (FileNotFoundError, SigningError):
        return head.note
    return public if newest.size >= head.size else head.note


def _public_entries(services: Services) -> Iterator[bytes]:
    """Yield what the frozen log's public files give away beyond what the database knows."""
    with read_unit(services.engine) as session:
        last = final_checkpoint(session, services.era)
        head = load_head(session, services.era.origin)
    if (head.size, head.root) == (last.size, last.root):
        return  # the database has forgotten nothing: its own counters are right
    tree = TileReader(services.log.storage.read).at(last.size)
    try:
        yield from tree.entries()
    except SigningError as error:
        msg = (
            f"the frozen log's entries cannot all be read ({error.code}), so numbers might be "
            "given a second time: restore its files from a backup or a reader's copy, and run "
            "this again"
        )
        raise Refused(msg) from None


def _write_links(services: Services, era: Era, origin: str) -> None:
    """Give the successor keys of its own, name them beside the frozen log, revoke all others.

    New keys, because a stolen one is a reason to freeze: whoever has it must not be able to sign
    for the successor. The note is the last thing that the frozen log's keys sign.
    """
    ring, now = services.ring, CLOCK.now()
    new = _linked_key(services)
    if new is None:
        policy = services.policy
        signers = [s for s in services.log.signers if s.info.algorithm is Algorithm.ED25519]
        made = add_pair(ring, now)
        new = next(key.public_key for key in made if key.algorithm is Algorithm.ED25519)
        with read_unit(services.engine) as session:
            last = final_checkpoint(session, era)
        vkey = VerifierKey(name=origin, type=SignatureType.ED25519, public_key=new)
        note = sign_successor(Successor(last=last, key=vkey), signers)
        # The policy under which the frozen log can be read for ever stands beside it.
        services.log.storage.replace(POLICY_FILE, format_policy(policy))
        services.log.storage.replace(SUCCESSOR_FILE, note)
    keys = checkpoint_keys(ring)
    begins = next(key.not_before for key in keys if key.public_key == new)
    for key in keys:
        if key.not_before != begins:
            ring.set_state(key.key_id, KeyState.REVOKED)


def _linked_key(services: Services) -> bytes | None:
    """Return the key that the successor's note names, if a run that was cut off has written it."""
    try:
        policy = parse_policy(services.log.storage.read(POLICY_FILE))
        link = open_successor(services.log.storage.read(SUCCESSOR_FILE), policy)
    except (FileNotFoundError, SigningError, KeysError):
        return None
    known = {key.public_key for key in checkpoint_keys(services.ring)}
    return link.key.public_key if link.key.public_key in known else None
