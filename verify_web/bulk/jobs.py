"""The life of a job: accepted, worked on, done; deleted when its term is over, or before.

A job is taken by a lease: a working process that dies leaves it to the next, which begins it
again. One that fails several times ends as failed, so that it cannot hold up the others.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from verify_web.bulk.audit import add_line, printed
from verify_web.bulk.quota import Kind, charge_rows
from verify_web.bulk.rows import AskedRow, pack_rows, unpack_rows
from verify_web.bulk.store import JOB_TERM
from verify_web.bulk.watches import begin, forget_unstarted, start
from verify_web.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from verify_web.bulk.quota import Employer
    from verify_web.bulk.store import Desk
    from verify_web.bulk.watches import Watched

LEASE_SECONDS: Final = 60.0
MOST_TRIES: Final = 3
MOST_WAITING: Final = 3
"""Jobs of one employer that are not done yet."""

_JOB_BYTES: Final = 10


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class Purpose(StrEnum):
    """What a check is for (用途): a choice and no free text, so that no name gets into a log."""

    HIRING = "hiring"
    STAFF = "staff"
    TENDER = "tender"
    SUBSIDY = "subsidy"
    OTHER = "other"


class NoSuchJob(SiteError):
    """There is no such job of this employer, or it has been deleted."""

    code = "no-job"
    status: ClassVar[int] = 404


class TooManyJobs(SiteError):
    """An employer's earlier jobs are not done yet."""

    code = "too-many-jobs"
    status: ClassVar[int] = 429
    retry_after = 60


class RequestReused(SiteError):
    """An Idempotency-Key that came before with another request."""

    code = "request-reused"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for a job. `request` is its key (16 bytes), the same when it is repeated."""

    rows: Sequence[AskedRow]
    purpose: Purpose
    asker: str
    """The organisation that asks, as it calls itself; sealed with the job."""
    request: bytes
    webhook: str | None = None
    """Where later changes are told: an address, "" for mail, None for not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its employer sees it. Times are aware UTC; `counts` by the letters of a receipt."""

    job: str
    state: State
    created: datetime
    until: datetime
    rows: int
    done: int
    purpose: Purpose
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job that was taken to be worked on."""

    job: str
    employer: str
    kind: Kind
    asker: str
    purpose: Purpose
    rows: Sequence[AskedRow]


_COLUMNS: Final = "job, state, created, until, rows, done, purpose, counts"


def accept(desk: Desk, employer: Employer, asked: Asked) -> str:
    """Put a job down with its audit line, and give its id; a repeated request gives the same one.

    Raises QuotaUsed, WatchQuotaUsed, TooManyJobs, RequestReused or ServiceTrouble.
    """
    now = desk.now()
    job = base64.b32encode(desk.random(_JOB_BYTES)).decode().lower()
    packed = pack_rows(asked.rows)
    # Keyed: a plain digest of a short table could be found by trying names.
    same = f"{asked.purpose}|{asked.asker}|{packed.hex()}|{asked.webhook}"
    digest = desk.sealer.tag("request", same)
    with desk.state.transaction() as connection:
        known = connection.execute(
            "SELECT job, digest FROM jobs WHERE employer = ? AND request = ?",
            (employer.employer, asked.request),
        ).fetchone()
        if known is not None:
            if known[1] != digest:
                raise RequestReused
            return str(known[0])
        _refuse_pile(connection, employer.employer)
        charge_rows(connection, employer.employer, employer.kind, len(asked.rows), now)
        connection.execute(
            "INSERT INTO jobs (job, employer, state, created, until, rows, purpose, asker, request,"
            " digest, input) VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(job, employer.employer, now, now + JOB_TERM.total_seconds()),
                *(len(asked.rows), asked.purpose.value),
                desk.sealer.seal(f"asker|{job}", asked.asker.encode()),
                *(asked.request, digest),
                desk.sealer.seal(f"input|{job}", packed),
            ),
        )
        _audit(connection, employer, asked.purpose, job=job, rows=len(asked.rows), now=now)
        if asked.webhook is not None:
            rows = len(asked.rows)
            begin(connection, desk, employer, job=job, rows=rows, to=asked.webhook)
    return job


def charge_at_once(desk: Desk, employer: Employer, purpose: Purpose, rows: int) -> None:
    """Count rows that are answered without a job, with their audit line.

    Raises QuotaUsed, ServiceTrouble.
    """
    now = desk.now()
    with desk.state.transaction() as connection:
        charge_rows(connection, employer.employer, employer.kind, rows, now)
        _audit(connection, employer, purpose, job="", rows=rows, now=now)


def _audit(
    connection: sqlite3.Connection,
    employer: Employer,
    purpose: Purpose,
    *,
    job: str,
    rows: int,
    now: float,
) -> None:
    add_line(
        connection,
        {
            "action": "check",
            "at": printed(now),
            "employer": employer.employer,
            "job": job,
            "purpose": purpose.value,
            "rows": rows,
        },
    )


def _refuse_pile(connection: sqlite3.Connection, employer: str) -> None:
    (waiting,) = connection.execute(
        "SELECT count(*) FROM jobs WHERE employer = ? AND state IN ('waiting', 'working')",
        (employer,),
    ).fetchone()
    if waiting >= MOST_WAITING:
        raise TooManyJobs


def jobs_of(desk: Desk, employer: str) -> list[Job]:
    """List an employer's jobs, newest first. Raises ServiceTrouble."""
    with desk.state.transaction() as connection:
        found = connection.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE employer = ? ORDER BY created DESC",  # noqa: S608
            (employer,),
        ).fetchall()
    return [_job(row) for row in found]


def find_job(desk: Desk, employer: str, job: str) -> Job:
    """Give one job of this employer. Raises NoSuchJob, ServiceTrouble."""
    with desk.state.transaction() as connection:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE employer = ? AND job = ?",  # noqa: S608
            (employer, job),
        ).fetchone()
    if row is None:
        raise NoSuchJob
    return _job(row)


def read_file(desk: Desk, employer: str, job: str, *, receipt: bool) -> bytes:
    """Give a done job's receipt, or its spreadsheet. Raises NoSuchJob, ServiceTrouble."""
    column = "receipt" if receipt else "result"
    with desk.state.transaction() as connection:
        row = connection.execute(
            f"SELECT {column} FROM jobs WHERE employer = ? AND job = ?",  # noqa: S608
            (employer, job),
        ).fetchone()
    if row is None or row[0] is None:
        raise NoSuchJob
    return desk.sealer.open(f"{column}|{job}", row[0])


def forget_job(desk: Desk, employer: str, job: str) -> None:
    """Delete a job before its term; its audit line stays, and notices of later changes go on.

    Raises NoSuchJob, ServiceTrouble.
    """
    with desk.state.transaction() as connection:
        gone = connection.execute(
            "DELETE FROM jobs WHERE employer = ? AND job = ?", (employer, job)
        ).rowcount
        if gone:
            forget_unstarted(connection, job)
    if not gone:
        raise NoSuchJob


def take(desk: Desk) -> Work | None:
    """Take the oldest job that nobody works on; None where there is none. Raises ServiceTrouble."""
    now = desk.now()
    with desk.state.transaction() as connection:
        connection.execute(
            "UPDATE jobs SET state = 'failed', input = NULL"
            " WHERE state IN ('waiting', 'working') AND lease < ? AND tries >= ?",
            (now, MOST_TRIES),
        )
        row = connection.execute(
            "SELECT job, j.employer, kind, asker, purpose, input FROM jobs j"
            " JOIN employers e ON e.employer = j.employer"
            " WHERE state IN ('waiting', 'working') AND lease < ? ORDER BY j.created LIMIT 1",
            (now,),
        ).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE jobs SET state = 'working', done = 0, tries = tries + 1, lease = ?"
            " WHERE job = ?",
            (now + LEASE_SECONDS, row[0]),
        )
    job = str(row[0])
    return Work(
        job=job,
        employer=row[1],
        kind=Kind(row[2]),
        asker=desk.sealer.open(f"asker|{job}", row[3]).decode(),
        purpose=Purpose(row[4]),
        rows=unpack_rows(desk.sealer.open(f"input|{job}", row[5])),
    )


def go_on(desk: Desk, work: Work, *, done: int) -> bool:
    """Put down how far a job has come; False where it was deleted meanwhile."""
    with desk.state.transaction() as connection:
        there = connection.execute(
            "UPDATE jobs SET done = ?, lease = ? WHERE job = ? AND state = 'working'",
            (done, desk.now() + LEASE_SECONDS, work.job),
        ).rowcount
    return there > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A job's answers: its files, and what is watched from the status entry they rest on."""

    result: bytes
    receipt: bytes
    counts: Mapping[str, int]
    watched: Sequence[Watched]
    origin: str
    position: int


def finish(desk: Desk, work: Work, done: Done) -> None:
    """Put the answers down; what was asked is deleted with that. Raises ServiceTrouble."""
    seal = desk.sealer.seal
    with desk.state.transaction() as connection:
        there = connection.execute(
            "UPDATE jobs SET state = 'done', done = rows, counts = ?, result = ?, receipt = ?,"
            " input = NULL WHERE job = ? AND state = 'working'",
            (
                json.dumps(done.counts),
                seal(f"result|{work.job}", done.result),
                seal(f"receipt|{work.job}", done.receipt),
                work.job,
            ),
        ).rowcount
        if there:
            origin, position = done.origin, done.position
            start(connection, desk, work.job, done.watched, origin=origin, position=position)


def _job(row: tuple[str, str, float, float, int, int, str, str]) -> Job:
    return Job(
        job=row[0],
        state=State(row[1]),
        created=datetime.fromtimestamp(row[2], UTC),
        until=datetime.fromtimestamp(row[3], UTC),
        rows=row[4],
        done=row[5],
        purpose=Purpose(row[6]),
        counts=json.loads(row[7]),
    )
