"""``certreg anchor``: one round of the sequencer, or all of them as a service (``--follow``).

The service keeps its keys in memory and opens the home anew when its keys, its settings or its
list of witnesses change, so that a retired key signs nothing more after the round under way.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import click

from registry.cli.base import CLOCK, Exit, home_option, json_option, show
from registry.cli.home import SETTINGS, Home
from registry.cli.services import Services
from registry.ledger.asking import Asked, Outcome
from registry.ledger.cosigning import WitnessAlarm
from registry.ledger.follow import Facts, follow, kinds_waiting
from registry.ledger.sequencer import Anchored
from signing.tlog.entry import format_time

_WATCHED = (SETTINGS, "witnesses.policy", "keys", "keys/ring.json")
"""A key file that is made or replaced changes its folder's time."""


@click.command("anchor")
@click.option(
    "--follow",
    "as_service",
    is_flag=True,
    help="Go on as a service until SIGTERM or Ctrl-C; prints one JSON object a line.",
)
@home_option
@json_option
def anchor_command(home: Home, *, as_service: bool, as_json: bool) -> int:
    """Put everything that happened into the log, sign the checkpoint and publish."""
    if as_service:
        return _serve(home)
    services = Services.open(home)
    asked: list[Asked] = []
    done, written = services.anchor(tell=asked.append)
    warnings = services.key_warnings()
    show(
        {
            "log": services.log.origin,
            "size before": done.old_size,
            "size": done.size,
            "batches closed": list(done.batches) or "none",
            "batch roots": _second_opinion(done),
            "entries published": written,
            "witnesses asked": [f"{one.witness}: {one.detail}" for one in asked] or "none",
            **({"warning": warnings} if warnings else {}),
        },
        as_json=as_json,
    )
    return Exit.DONE


def _second_opinion(done: Anchored) -> str:
    if not done.batches:
        return "none to check"
    if done.crosschecked:
        return "agreed by a second implementation (merkletools)"
    return "not checked a second time: merkletools is not installed (extra `crosscheck`)"


def _serve(home: Home) -> int:
    with until_signalled() as wait:
        rounds = Rounds(home)
        _tell({"event": "start", "log": rounds.services.log.origin})
        follow(
            rounds.services.engine,
            rounds.run,
            wait=wait,
            monotonic=time.monotonic,
            tell=_tell,
        )
        _tell({"event": "end"})
    return Exit.DONE


class Rounds:
    """The rounds of one service, one after another."""

    def __init__(self, home: Home) -> None:
        self._stamp = _stamp(home)
        self.services = Services.open(home)
        # A crash may have left the trust folder behind: the first round writes it in any case.
        self._trust_due = True

    def run(self) -> Facts | None:
        """Run one round; return what it did, or nothing if there was nothing to do."""
        self._look_again()
        # The trust folder says where in the log a key began or ended.
        if "key" in kinds_waiting(self.services.engine):
            self._trust_due = True
        try:
            done, written = self.services.anchor(trust=self._trust_due, tell=_tell_witness)
        except WitnessAlarm as error:
            # All was done but for the refusal. What a witness can prove ends the service, and the
            # next round asks for it before it signs anything; what it merely says must not, or
            # one false witness could stop the office.
            self.services = replace(self.services)
            return {"alarm": error.code, "what": str(error)}
        self._trust_due = False
        if done.size == done.old_size and not written:
            return None
        warnings = self.services.key_warnings()
        return {
            "size_before": done.old_size,
            "size": done.size,
            "batches": list(done.batches),
            "batch_roots": _second_opinion(done),
            "entries_published": written,
            **({"warning": warnings} if warnings else {}),
        }

    def _look_again(self) -> None:
        home = self.services.home
        # Taken before the opening: what changes in between is seen the next time.
        stamp = _stamp(home)
        if stamp == self._stamp:
            return
        engine, opened = self.services.engine, Services.open(home)
        opened.engine.dispose()
        self.services = replace(opened, engine=engine)
        self._stamp, self._trust_due = stamp, True


def _stamp(home: Home) -> tuple[tuple[int, int], ...]:
    """Return what differs once a watched file or folder has changed."""
    found = []
    for name in _WATCHED:
        try:
            status = (home.path / name).stat()
        except FileNotFoundError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_ino))
    return tuple(found)


def _tell_witness(one: Asked) -> None:
    if one.outcome is not Outcome.COSIGNED:
        _tell({"event": "witness", "witness": one.witness, "what": one.detail})


def _tell(facts: Facts) -> None:
    line = {"at": format_time(CLOCK.now()), **facts}
    click.echo(json.dumps(line, ensure_ascii=False))


@contextmanager
def until_signalled() -> Iterator[Callable[[float], bool]]:
    """Give the function that waits some seconds, or until SIGTERM or SIGINT, and says which.

    The round under way is not disturbed. A second signal ends the process at once, as a power
    cut would: the next start makes it good.
    """
    ended, end = os.pipe()

    def ask(number: int, _frame: FrameType | None) -> None:
        # A pipe, since a handler must take no lock that the waiting side may hold.
        os.write(end, b"\0")
        signal.signal(number, signal.SIG_DFL)

    # SIGINT too: a shell's background job begins with it ignored.
    former = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda seconds: bool(select.select([ended], [], [], seconds)[0])
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(ended)
        os.close(end)
