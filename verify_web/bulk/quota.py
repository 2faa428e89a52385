"""How much one employer may ask in 24 hours: rows, and, far fewer, rows that do not match.

Rows that match cost nothing but the first; a list with many that do not is a list of guesses.
What a running job will ask is counted when it is accepted, and rows that may turn out not to
match before they are looked up, so that several at once cannot share one allowance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from verify_web.bulk.store import DAY
from verify_web.errors import SiteError

if TYPE_CHECKING:
    import sqlite3


class Kind(StrEnum):
    """How an employer is known."""

    MAIL = "mail"
    """By an e-mail address: anybody can have one."""
    KEY = "key"
    """By a key that the office gave to an organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Employer:
    """Somebody who may check: an id that names nobody, and how they are known."""

    employer: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Rows, and rows that do not match, in any 24 hours."""

    rows: int
    misses: int


QUOTAS: Final = {
    Kind.MAIL: Quota(rows=20_000, misses=200),
    Kind.KEY: Quota(rows=100_000, misses=2_000),
}


class QuotaUsed(SiteError):
    """The rows of 24 hours are used up: fewer rows, or tomorrow."""

    code = "quota-used"
    status: ClassVar[int] = 429
    retry_after = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What an employer has asked in the last 24 hours."""

    rows: int
    misses: int


def used(connection: sqlite3.Connection, employer: str, now: float) -> Used:
    """Add up what was asked."""
    row = connection.execute(
        "SELECT total(rows), total(misses) FROM usage WHERE employer = ? AND at > ?",
        (employer, now - DAY),
    ).fetchone()
    return Used(rows=int(row[0]), misses=int(row[1]))


def charge_rows(
    connection: sqlite3.Connection, employer: str, kind: Kind, rows: int, now: float
) -> None:
    """Count `rows` that are about to be asked. Raises QuotaUsed where they are too many."""
    quota, so_far = QUOTAS[kind], used(connection, employer, now)
    if so_far.rows + rows > quota.rows or so_far.misses >= quota.misses:
        raise QuotaUsed
    connection.execute("INSERT INTO usage VALUES (?, ?, ?, 0)", (employer, now, rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Misses that were counted ahead at one moment (Unix seconds)."""

    misses: int
    at: float


def hold_misses(connection: sqlite3.Connection, employer: Employer, rows: int, now: float) -> Held:
    """Count up to `rows` rows as misses before they are asked; as many as there still may be.

    Whoever dies before `give_back` has missed them all.
    """
    left = QUOTAS[employer.kind].misses - used(connection, employer.employer, now).misses
    held = Held(misses=max(0, min(rows, left)), at=now)
    _count_misses(connection, employer, held.misses, now)
    return held


def give_back(connection: sqlite3.Connection, employer: Employer, held: Held, misses: int) -> None:
    """Leave `misses` of those held counted, as of the moment when they were held."""
    _count_misses(connection, employer, misses - held.misses, held.at)


def _count_misses(
    connection: sqlite3.Connection, employer: Employer, misses: int, at: float
) -> None:
    if misses:
        connection.execute("INSERT INTO usage VALUES (?, ?, 0, ?)", (employer.employer, at, misses))
