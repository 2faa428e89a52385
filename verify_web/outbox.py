"""Messages on their way: put down sealed by the web process, sent by the working process.

A message is sent at least once: where a process dies between sending and striking it off, another
sends it again when the lease is over. One that cannot be sent is tried with growing pauses until
its own term is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from verify_web.channels import Message, NotSent

if TYPE_CHECKING:
    import sqlite3

    from verify_web.bulk.store import Desk
    from verify_web.channels import Channel

AT_ONCE: Final = 20
FIRST_PAUSE: Final = 5.0
"""Seconds until the second try; each further pause is twice as long."""
LEASE_SECONDS: Final = 300.0
"""For how long a message that is being sent is left to who sends it: longer than a mail server
that is slow at every step of one message."""

_PLACE: Final = "outbox"


def put_down(connection: sqlite3.Connection, desk: Desk, message: Message, *, until: float) -> None:
    """Queue a message in the caller's transaction; after `until` it is of no more use."""
    packed = msgspec.msgpack.encode((message.address, message.subject, message.text))
    connection.execute(
        "INSERT INTO outbox (sealed, due, until) VALUES (?, ?, ?)",
        (desk.sealer.seal(_PLACE, packed), desk.now(), until),
    )


def send_due(desk: Desk, channel: Channel) -> int:
    """Send what is due; return how many messages went out. Raises ServiceTrouble."""
    sent, now = 0, desk.now()
    for _ in range(AT_ONCE):
        taken = _take(desk, now)
        if taken is None:
            break
        number, message, tries = taken
        try:
            channel.send(message)
        except NotSent:
            _put_off(desk, number, FIRST_PAUSE * 2**tries)
            continue
        sent += 1
        with desk.state.transaction() as connection:
            connection.execute("DELETE FROM outbox WHERE message = ?", (number,))
    return sent


def _take(desk: Desk, before: float) -> tuple[int, Message, int] | None:
    """Take one message that was due `before`, so that no other process sends it meanwhile.

    One by one: the lease of a batch would be over while its first messages were slow.
    """
    now = desk.now()
    with desk.state.transaction() as connection:
        row = connection.execute(
            "SELECT message, sealed, tries FROM outbox WHERE due <= ? AND until > ?"
            " ORDER BY message LIMIT 1",
            (before, now),
        ).fetchone()
        if row is None:
            return None
        number, sealed, tries = row
        connection.execute(
            "UPDATE outbox SET tries = tries + 1, due = ? WHERE message = ?",
            (now + LEASE_SECONDS, number),
        )
    address, subject, text = msgspec.msgpack.decode(
        desk.sealer.open(_PLACE, sealed), type=tuple[str, str, str]
    )
    return number, Message(address=address, subject=subject, text=text), tries


def _put_off(desk: Desk, number: int, pause: float) -> None:
    with desk.state.transaction() as connection:
        connection.execute(
            "UPDATE outbox SET due = ? WHERE message = ?", (desk.now() + pause, number)
        )
