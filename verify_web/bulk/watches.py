"""Notices of later changes (后续状态通知): asked for with a job, kept for a year, or ended before.

Of the certificates stand a keyed tag of the number, the place in the status pages and the state
last told, sealed together: no name, no number, no ID number. An account by key names an https
address; an account by e-mail is told by mail.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from verify_web.bulk.audit import add_line, printed
from verify_web.bulk.quota import Kind
from verify_web.errors import SiteError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from verify_web.bulk.quota import Employer
    from verify_web.bulk.store import Desk

WATCH_TERM: Final = timedelta(days=365)
DELIVERY_TERM: Final = timedelta(days=3)
"""For how long a notice is tried; then it is a dead letter."""
KEPT: Final = timedelta(days=30)
"""For how long a dead letter can be seen and sent again."""
SECRET_BEGINNING: Final = "whs_"  # noqa: S105 -- how a secret begins, and none itself
"""Of a webhook's secret, so that a leaked one is recognised."""

_SECRET_BYTES: Final = 32


class Watched(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One row whose certificate is watched; `row` counts the job's rows from 1."""

    row: int
    tag: bytes
    """Of the certificate number, 16 bytes: how a newer edition of it is found in the log."""
    checked: int
    """Place in the status pages of the edition that was checked."""
    newest: int
    """Place of the newest edition known."""
    state: str
    """Letter of the receipt that was last told: V, C, R or S."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchQuota:
    """Jobs of one account with notices in force, and the rows of those jobs."""

    jobs: int
    rows: int


WATCH_QUOTAS: Final = {
    Kind.MAIL: WatchQuota(jobs=20, rows=20_000),
    Kind.KEY: WatchQuota(jobs=200, rows=200_000),
}


class WatchQuotaUsed(SiteError):
    """Too many notices in force: end earlier ones, or ask without."""

    code = "watch-quota-used"
    status: ClassVar[int] = 409


class NoSuchWatch(SiteError):
    """There is no such notice of this account, or it has ended."""

    code = "no-watch"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A notice that was given up: its id and body, and the code of the last fault."""

    event: str
    body: bytes
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A subscription as its account sees it. Times are aware UTC."""

    job: str
    created: datetime
    until: datetime
    rows: int
    watched: int | None
    """Rows with a certificate to watch; None until the job is done."""
    address: str
    """"" where it is told by mail."""
    pending: int
    """Notices on their way."""
    undelivered: Sequence[Undelivered]


_PACKED: Final = msgspec.msgpack.Decoder(list[Watched])


def pack_watched(desk: Desk, job: str, rows: Sequence[Watched]) -> bytes:
    """Seal the rows for their place in the state file."""
    return desk.sealer.seal(f"watched|{job}", msgspec.msgpack.encode(rows))


def unpack_watched(desk: Desk, job: str, sealed: bytes) -> list[Watched]:
    """Open what `pack_watched` sealed. Raises ServiceTrouble."""
    return _PACKED.decode(desk.sealer.open(f"watched|{job}", sealed))


def number_tag(desk: Desk, number: str) -> bytes:
    """Give the keyed tag of a certificate number as the log writes it."""
    return desk.sealer.tag("watched-number", number)


def begin(
    connection: sqlite3.Connection, desk: Desk, employer: Employer, *, job: str, rows: int, to: str
) -> None:
    """Put a subscription down in the transaction of its job. Raises WatchQuotaUsed.

    `to` is an address that `parse_target` takes, or "" for mail.
    """
    quota = WATCH_QUOTAS[employer.kind]
    jobs, so_far = connection.execute(
        "SELECT count(*), total(rows) FROM watches WHERE employer = ? AND until > ?",
        (employer.employer, desk.now()),
    ).fetchone()
    if jobs >= quota.jobs or so_far + rows > quota.rows:
        raise WatchQuotaUsed
    secret = SECRET_BEGINNING + _text(desk.random(_SECRET_BYTES))
    now = desk.now()
    connection.execute(
        "INSERT INTO watches (job, employer, rows, address, secret, created, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(job, employer.employer, rows),
            desk.sealer.seal(f"watch-address|{job}", to.encode()),
            desk.sealer.seal(f"watch-secret|{job}", secret.encode()),
            *(now, now + WATCH_TERM.total_seconds()),
        ),
    )
    _audit(connection, employer.employer, "watch", job=job, rows=rows, now=now)


def secret_of(desk: Desk, employer: str, job: str) -> str:
    """Give a webhook's secret, for the answer to the request that made it; "" where is none.

    Raises ServiceTrouble.
    """
    with desk.state.transaction() as connection:
        row = connection.execute(
            "SELECT address, secret FROM watches WHERE employer = ? AND job = ?", (employer, job)
        ).fetchone()
    if row is None or not desk.sealer.open(f"watch-address|{job}", row[0]):
        return ""
    return desk.sealer.open(f"watch-secret|{job}", row[1]).decode()


def start(
    connection: sqlite3.Connection,
    desk: Desk,
    job: str,
    rows: Sequence[Watched],
    *,
    origin: str,
    position: int,
) -> None:
    """Begin to watch in the transaction that ends the job; nothing if nobody asked, or has ended.

    `position` is the status entry of the log `origin` that the answers rest on.
    """
    connection.execute(
        "UPDATE watches SET watched = ?, count = ?, origin = ?, position = ? WHERE job = ?",
        (pack_watched(desk, job, rows), len(rows), origin, position, job),
    )


def watches_of(desk: Desk, employer: str) -> list[Watch]:
    """List an account's subscriptions, newest first. Raises ServiceTrouble."""
    with desk.state.transaction() as connection:
        found = connection.execute(
            "SELECT job, created, until, rows, count, address FROM watches"
            " WHERE employer = ? AND until > ? ORDER BY created DESC, job",
            (employer, desk.now()),
        ).fetchall()
        events = connection.execute(
            "SELECT job, event, body, fault, dead FROM events WHERE employer = ?"
            " ORDER BY made, event",
            (employer,),
        ).fetchall()
    return [
        Watch(
            job=row[0],
            created=datetime.fromtimestamp(row[1], UTC),
            until=datetime.fromtimestamp(row[2], UTC),
            rows=row[3],
            watched=row[4],
            address=desk.sealer.open(f"watch-address|{row[0]}", row[5]).decode(),
            pending=sum(one[0] == row[0] and not one[4] for one in events),
            undelivered=[
                Undelivered(event=one[1], body=one[2], fault=one[3])
                for one in events
                if one[0] == row[0] and one[4]
            ],
        )
        for row in found
    ]


def end(desk: Desk, employer: str, job: str) -> None:
    """End a subscription and erase all of it, notices on their way too. Raises NoSuchWatch."""
    with desk.state.transaction() as connection:
        gone = connection.execute(
            "DELETE FROM watches WHERE employer = ? AND job = ?", (employer, job)
        ).rowcount
        if not gone:
            raise NoSuchWatch
        connection.execute("DELETE FROM events WHERE job = ?", (job,))
        _audit(connection, employer, "watch-end", job=job, rows=0, now=desk.now())


def send_again(desk: Desk, employer: str, job: str) -> None:
    """Have a job's dead letters tried anew, under their own ids. Raises NoSuchWatch."""
    now = desk.now()
    term = DELIVERY_TERM.total_seconds()
    with desk.state.transaction() as connection:
        found = connection.execute(
            "UPDATE events SET dead = 0, tries = 0, due = ?, deadline = ?, until = ?"
            " WHERE employer = ? AND job = ? AND dead",
            (now, now + term, now + term + KEPT.total_seconds(), employer, job),
        ).rowcount
    if not found:
        raise NoSuchWatch


def forget_unstarted(connection: sqlite3.Connection, job: str) -> None:
    """Erase the subscription of a job that is deleted before it was done."""
    connection.execute("DELETE FROM watches WHERE job = ? AND watched IS NULL", (job,))


def forget_all(connection: sqlite3.Connection, employer: str) -> None:
    """Erase all subscriptions of an account that ends."""
    for table in ("watches", "events"):
        connection.execute(f"DELETE FROM {table} WHERE employer = ?", (employer,))  # noqa: S608


def _audit(
    connection: sqlite3.Connection, employer: str, action: str, *, job: str, rows: int, now: float
) -> None:
    facts = {"action": action, "at": printed(now), "employer": employer, "job": job}
    add_line(connection, {**facts, "rows": rows})


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().lower().rstrip("=")
