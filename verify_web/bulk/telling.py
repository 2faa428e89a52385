"""Tells accounts of changes: by webhook, or by mail to an account by e-mail.

A notice is sent at least once, always under the same id: a process that dies between sending it
and striking it off sends it again. It is tried for three days with growing pauses, spread so that
a receiver that comes back is not met by all at once; then it is a dead letter on the account's
page. One account has one notice under way at a time, so that a slow receiver holds up no other.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from signing.tlog.entry import parse_time
from verify_web.bulk.addresses import CallFault
from verify_web.bulk.checker import printed_time
from verify_web.bulk.messages import Change
from verify_web.bulk.wording import CHANGE_LINE, CHANGE_SUBJECT, CHANGE_TEXT, CHANGED_STATES
from verify_web.callout import NotTaken
from verify_web.channels import Message, NotSent

if TYPE_CHECKING:
    from random import Random

    from verify_web.bulk.store import Desk
    from verify_web.callout import Caller
    from verify_web.channels import Channel

AT_ONCE: Final = 20
FIRST_PAUSE: Final = 60.0
"""Seconds until the second try; each further pause is twice as long, up to the longest."""
LONGEST_PAUSE: Final = 6 * 3600.0
_MOST_DOUBLINGS: Final = 20
_MOST_LINES: Final = 200
"""Rows named in a mail; of further ones the count is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """How notices go out: webhooks by `caller`, mails by `channel`; `jitter` spreads retries."""

    caller: Caller
    channel: Channel
    jitter: Random


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    event: str
    job: str
    employer: str
    body: bytes
    deadline: float
    next_try: float


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Give the signature of a body: hex HMAC-SHA256(secret, decimal timestamp ‖ "." ‖ body)."""
    return hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()


def tell_due(desk: Desk, postman: Postman) -> int:
    """Send what is due; return how many notices were taken. Raises ServiceTrouble."""
    told = 0
    for due in _take(desk, postman.jitter):
        fault = _tell(desk, postman, due)
        with desk.state.transaction() as connection:
            if fault is None:
                connection.execute("DELETE FROM events WHERE event = ?", (due.event,))
                told += 1
            else:
                connection.execute(
                    "UPDATE events SET fault = ?, dead = ? WHERE event = ?",
                    (fault.value, due.next_try > due.deadline, due.event),
                )
    return told


def _take(desk: Desk, jitter: Random) -> list[_Due]:
    now = desk.now()
    with desk.state.transaction() as connection:
        rows = connection.execute(
            # SQLite takes the other columns from the row that has the minimum.
            "SELECT event, job, employer, body, deadline, tries, min(due) FROM events"
            " WHERE NOT dead AND due <= ? GROUP BY employer ORDER BY 7 LIMIT ?",
            (now, AT_ONCE),
        ).fetchall()
        taken = [
            _Due(
                event=row[0],
                job=row[1],
                employer=row[2],
                body=row[3],
                deadline=row[4],
                next_try=now + _pause(row[5], jitter),
            )
            for row in rows
        ]
        # Taken before they are sent, so that two processes do not both send them.
        connection.executemany(
            "UPDATE events SET tries = tries + 1, due = ? WHERE event = ?",
            [(one.next_try, one.event) for one in taken],
        )
    return taken


def _pause(tries: int, jitter: Random) -> float:
    pause: float = min(FIRST_PAUSE * 2 ** min(tries, _MOST_DOUBLINGS), LONGEST_PAUSE)
    return pause * (0.75 + jitter.random() / 2)


def _tell(desk: Desk, postman: Postman, due: _Due) -> CallFault | None:
    with desk.state.transaction() as connection:
        row = connection.execute(
            "SELECT address, secret, contact FROM watches w"
            " JOIN employers e ON e.employer = w.employer WHERE job = ?",
            (due.job,),
        ).fetchone()
    if row is None:
        # Ended meanwhile: nobody is told any more.
        return None
    address = desk.sealer.open(f"watch-address|{due.job}", row[0]).decode()
    try:
        if address:
            secret = desk.sealer.open(f"watch-secret|{due.job}", row[1]).decode()
            postman.caller.post(address, _headers(desk, secret, due), due.body)
        else:
            contact = desk.sealer.open(f"contact|{due.employer}", row[2]).decode()
            postman.channel.send(_mail(contact, due.body))
    except NotTaken as refused:
        return refused.fault
    except NotSent:
        return CallFault.CONNECTION
    return None


def _headers(desk: Desk, secret: str, due: _Due) -> dict[str, str]:
    timestamp = int(desk.now())
    return {
        "Certreg-Event": due.event,
        "Certreg-Timestamp": str(timestamp),
        "Certreg-Signature": f"v1={sign(secret, timestamp, due.body)}",
    }


def _mail(address: str, body: bytes) -> Message:
    change = msgspec.json.decode(body, type=Change)
    named = change.rows[:_MOST_LINES]
    lines = [CHANGE_LINE.format(row=one.row, state=CHANGED_STATES[one.state]) for one in named]
    if len(change.rows) > len(named):
        lines.append(f"…… {len(change.rows) - len(named)}")
    text = CHANGE_TEXT.format(
        job=change.job,
        rows="\n".join(lines),
        count=len(change.rows),
        as_of=printed_time(parse_time(change.as_of)) if change.as_of else "—",
        size=change.log.size,
        event=change.event,
    )
    return Message(address=address, subject=CHANGE_SUBJECT, text=text)
