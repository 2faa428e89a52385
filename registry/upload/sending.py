"""Sending uploads (上报) by the net, and the dead-letter list: one `send_due` is one round.

Uploads go in the order of their manifests, for the centre takes no later one before. Every step
may be cut off: the package is resumed where the centre has it, handing in twice is handing in
once, and only a receipt that `receiving` takes makes an upload done.

    frozen → sending → sent → acknowledged | refused
                 └──────┴──→ dead: MOST_TRIES in vain, a refusal, or a wrong receipt

What passes by itself is tried again at `next_try_at`, each time later, at a random moment so that
cities which lost the centre together do not come back together.

Only what the centre signed, a receipt or a refusal, ends an upload. Any other answer, whatever it
says, is a try in vain: its code is shown, and after MOST_TRIES a human is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session

from registry.store.base import read_unit, write_unit
from registry.store.uploads import SentWay, Upload, UploadState
from registry.upload.asking import (
    Answered,
    Client,
    Denied,
    Later,
    NotAnAnswer,
    NotHere,
    ReceiptCame,
    RefusedWhole,
    Unreachable,
    Waiting,
)
from registry.upload.bringing import Case, asked_again, bring
from registry.upload.chain_changes import upload_changed
from registry.upload.errors import PackageLost
from registry.upload.kit import Kit
from registry.upload.outbox import Doing, get_upload, note
from registry.upload.problems import ENDS, Problem, ReceiptRefused
from registry.upload.receiving import Reception, import_receipt
from registry.upload.refusing import is_refused

MOST_TRIES: Final = 48
"""Tries in vain before a human is asked: with the pauses below about two days."""

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)

_ON_THE_WAY: Final = (UploadState.FROZEN, UploadState.SENDING, UploadState.SENT)


class Outcome(StrEnum):
    """What came of one try."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """By the receipt: the centre answered every row, and took none."""
    WAITING = "waiting"
    LATER = "later"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One try of one upload; ``problem`` is "" unless something is in the way."""

    upload_id: str
    outcome: Outcome
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What sending works with. ``random`` only spreads the pauses; no secret comes of it."""

    engine: Engine
    kit: Kit
    client: Client
    reception: Reception
    random: Random
    actor: str
    now: Callable[[], datetime]

    @property
    def doing(self) -> Doing:
        """Who does it, and when."""
        return Doing(actor=self.actor, now=self.now())


def send_due(sender: Sender, *, all_now: bool = False) -> list[Sent]:
    """Try every upload whose time has come, in the manifests' order; return what came of each.

    ``all_now`` does not wait for their time. Stops at the first that the centre does not have
    afterwards, because it would take none of the later ones.
    """
    done = []
    for upload_id in _due(sender, all_now=all_now):
        sent = send_one(sender, upload_id)
        done.append(sent)
        with read_unit(sender.engine) as session:
            if get_upload(session, upload_id).sent_at is None:
                break
    return done


def send_one(sender: Sender, upload_id: str) -> Sent:
    """Try one upload once. Every ending is put down before it is returned."""
    with write_unit(sender.engine) as session:
        upload = get_upload(session, upload_id, lock=True)
        if upload.state == UploadState.FROZEN:
            upload.state, upload.sent_way = UploadState.SENDING.value, SentWay.PUSH.value
            note(session, upload, "send", sender.doing, f"package {upload.package}")
        case = Case(
            upload_id=upload_id,
            package=upload.package or "",
            had=upload.sent_at is not None,
            again=asked_again(session, upload_id),
        )
    try:
        answered = bring(sender.engine, sender.kit, sender.client, case)
    except Unreachable:
        answered = Later(code=Problem.UNREACHABLE.value)
    except NotAnAnswer:
        answered = Later(code=Problem.NOT_AN_ANSWER.value)
    except PackageLost:
        return _give_up(sender, upload_id, Problem.PACKAGE_LOST.value, "dead")
    return _settle(sender, upload_id, case.package, answered)


def pause(tries: int, random: Random) -> timedelta:
    """Return how long to wait after so many tries (from 1): doubled each time, half of it chance.

    Between half and the whole of 30 s · 2^(tries - 1), at most of an hour.
    """
    doubled: int = 2 ** min(tries - 1, 16)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE) * random.uniform(0.5, 1.0)


def _due(sender: Sender, *, all_now: bool) -> list[str]:
    query = select(Upload.upload_id, Upload.sequence, Upload.state, Upload.sent_at)
    query = query.where(Upload.state.in_([*_ON_THE_WAY, UploadState.DEAD]))
    ready = or_(Upload.next_try_at.is_(None), Upload.next_try_at <= sender.now())
    with read_unit(sender.engine) as session:
        rows = session.execute(query.order_by(Upload.sequence)).all()
        due = set(session.scalars(select(Upload.upload_id).where(ready)))
        pushed = select(Upload.upload_id).where(Upload.sent_way == SentWay.PUSH.value)
        by_net = set(session.scalars(pushed))
    chosen = []
    for row in rows:
        if row.state == UploadState.DEAD:
            if row.sent_at is None:
                break
            continue
        # What was carried by hand has its receipt fetched with the others.
        carried = row.state == UploadState.SENT and row.upload_id not in by_net
        if not carried and (all_now or row.upload_id in due):
            chosen.append(row.upload_id)
        elif row.sent_at is None:
            break
    return chosen


def _settle(sender: Sender, upload_id: str, package: str, answered: Answered) -> Sent:
    match answered:
        case ReceiptCame(data=data):
            return _receive(sender, upload_id, data)
        case Waiting(seconds=seconds):
            return _wait(sender, upload_id, seconds)
        case RefusedWhole(code=code, signed=signed):
            if is_refused(signed, package, code, sender.reception, sender.now()):
                return _give_up(sender, upload_id, code, "refuse")
        case Later(code=code) | Denied(code=code):
            pass
        case NotHere():
            code = Problem.NOT_AN_ANSWER.value
    seconds = answered.seconds if isinstance(answered, Later) else 0
    return _try_later(sender, upload_id, code, seconds)


def _receive(sender: Sender, upload_id: str, data: bytes) -> Sent:
    try:
        with write_unit(sender.engine) as session:
            import_receipt(session, data, sender.reception, sender.doing, upload_id=upload_id)
    except ReceiptRefused as refused:
        if refused.problem in ENDS:
            return _give_up(sender, upload_id, refused.problem.value, "dead")
        return _try_later(sender, upload_id, refused.problem.value, 0)
    with read_unit(sender.engine) as session:
        upload = get_upload(session, upload_id)
    match UploadState(upload.state):
        case UploadState.ACKNOWLEDGED:
            return Sent(upload_id=upload_id, outcome=Outcome.ACKNOWLEDGED)
        case UploadState.REFUSED:
            return Sent(upload_id=upload_id, outcome=Outcome.REFUSED)
        case _:
            return _wait(sender, upload_id, int(FIRST_PAUSE.total_seconds()))


def _wait(sender: Sender, upload_id: str, seconds: int) -> Sent:
    with write_unit(sender.engine) as session:
        upload = get_upload(session, upload_id, lock=True)
        if upload.state in _ON_THE_WAY:
            _mark_sent(session, upload, sender.doing)
            # What was tried in vain stays counted: a centre that breaks off while it judges says
            # in between that it is at work.
            upload.next_try_at = sender.now() + timedelta(seconds=seconds)
        return Sent(upload_id=upload_id, outcome=Outcome.WAITING, problem=upload.last_problem)


def _mark_sent(session: Session, upload: Upload, doing: Doing) -> None:
    if upload.sent_at is None or asked_again(session, upload.upload_id):
        upload.state, upload.sent_at = UploadState.SENT.value, upload.sent_at or doing.now
        upload.last_problem = ""
        upload_changed(session, upload.upload_id)
        note(session, upload, "sent", doing, f"{upload.sent_way}; package {upload.package}")


def _try_later(sender: Sender, upload_id: str, code: str, seconds: int) -> Sent:
    with write_unit(sender.engine) as session:
        upload = get_upload(session, upload_id, lock=True)
        if upload.state not in _ON_THE_WAY:
            # A person, or another sender, came to an end with it meanwhile.
            return Sent(upload_id=upload_id, outcome=Outcome.LATER, problem=upload.last_problem)
        upload.tries += 1
        if upload.tries >= MOST_TRIES:
            upload.state, upload.next_try_at = UploadState.DEAD.value, None
            upload.last_problem = code
            note(session, upload, "dead", sender.doing, f"{Problem.TOO_OFTEN.value}: {code}")
            return Sent(upload_id=upload_id, outcome=Outcome.DEAD, problem=code)
        wait = max(pause(upload.tries, sender.random), timedelta(seconds=seconds))
        upload.next_try_at = sender.now() + wait
        if upload.last_problem != code:
            # Once, and not for each try of a day on which the centre is away.
            upload.last_problem = code
            note(session, upload, "problem", sender.doing, code)
    return Sent(upload_id=upload_id, outcome=Outcome.LATER, problem=code)


def _give_up(sender: Sender, upload_id: str, code: str, kind: str) -> Sent:
    with write_unit(sender.engine) as session:
        upload = get_upload(session, upload_id, lock=True)
        if upload.state in _ON_THE_WAY:
            upload.state, upload.next_try_at = UploadState.DEAD.value, None
            upload.last_problem = code
            note(session, upload, kind, sender.doing, code)
    return Sent(upload_id=upload_id, outcome=Outcome.DEAD, problem=code)
