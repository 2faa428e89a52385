"""Token buckets that all processes share and a restart does not empty.

Generic cell rate algorithm (ITU-T I.371): of each bucket only the moment is kept at which it
will be full again, under a keyed hash of what it is for. So the file names no address and no
person, a row in the past is the same as none, and whoever steals the file without the secret
cannot even test a guess. What is drawn from several buckets is drawn from all or from none.
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from verify_web.errors import SiteError
from verify_web.state import State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from keys.clock import Clock

SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS buckets (
    bucket BLOB PRIMARY KEY,
    full_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS buckets_by_time ON buckets (full_at);
"""
"""`bucket`: HMAC-SHA256(secret, rate's name ‖ 0x00 ‖ value)[0:16]; `full_at`: Unix seconds."""

_DOMAIN: Final = b"certreg/site-limits/v1"
_KEY_BYTES: Final = 16
_SWEPT_AT_ONCE: Final = 64


class TooMany(SiteError):
    """A bucket is empty: come back after `retry_after` seconds, rounded up to whole minutes.

    The same for every bucket a lookup draws from and for every asker, so that it does not tell
    what others asked for.
    """

    code = "too-many"
    status: ClassVar[int] = 429

    def __init__(self, wait: float) -> None:
        self.wait = wait
        self.retry_after = max(1, math.ceil(wait / 60)) * 60
        super().__init__()


class TooManyCodes(TooMany):
    """An address has asked for too many tokens that lead nowhere."""

    code = "too-many-codes"


class TooManyFiles(TooMany):
    """An address has sent too many files that a worker had to open."""

    code = "too-many-files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `burst` at once, then one more each `every` seconds. `name` tells rates apart."""

    name: str
    burst: int
    every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One unit of the bucket for `value`; of `reserve` instead, where that bucket is empty."""

    rate: Rate
    value: str
    reserve: Draw | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What was drawn, so that it can be put back."""

    bucket: bytes
    every: float


class Limits:
    """The buckets in the state file. Safe to share between threads and processes."""

    def __init__(self, file: Path, pepper: bytes, clock: Clock) -> None:
        self._state = State(file, SCHEMA)
        # Its own key: what stands in this file must not be comparable with the mirror's tags.
        self._secret = hmac.digest(pepper, _DOMAIN, "sha256")
        self._clock = clock

    def check(self) -> None:
        """Open the file for writing. Raises ServiceTrouble."""
        with self._state.transaction():
            pass

    def take(self, draws: Iterable[Draw]) -> tuple[Drawn, ...]:
        """Draw one unit each, from all or from none. Raises TooMany, ServiceTrouble."""
        now = self._clock.now().timestamp()
        with self._state.transaction() as connection:
            _sweep(connection, now)
            taken: list[Drawn] = []
            waits: list[float] = []
            for draw in draws:
                outcome = self._draw(connection, draw, now)
                if isinstance(outcome, Drawn):
                    taken.append(outcome)
                else:
                    waits.append(outcome)
            if waits:
                # Leaving by a raise puts everything back.
                raise TooMany(max(waits))
        return tuple(taken)

    def take_each(self, groups: Iterable[Sequence[Draw]]) -> tuple[tuple[Drawn, ...] | None, ...]:
        """Draw from all or none of each group by itself; None where one of its buckets is empty.

        One transaction for them all. Raises ServiceTrouble.
        """
        now = self._clock.now().timestamp()
        with self._state.transaction() as connection:
            _sweep(connection, now)
            return tuple(self._draw_group(connection, group, now) for group in groups)

    def _draw_group(
        self, connection: sqlite3.Connection, group: Sequence[Draw], now: float
    ) -> tuple[Drawn, ...] | None:
        connection.execute("SAVEPOINT one")
        taken = [self._draw(connection, draw, now) for draw in group]
        drawn = tuple(one for one in taken if isinstance(one, Drawn))
        if len(drawn) < len(taken):
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return drawn if len(drawn) == len(taken) else None

    def put_back(self, taken: Sequence[Drawn]) -> None:
        """Return what was drawn. Raises ServiceTrouble."""
        with self._state.transaction() as connection:
            connection.executemany(
                "UPDATE buckets SET full_at = full_at - ? WHERE bucket = ?",
                [(drawn.every, drawn.bucket) for drawn in taken],
            )

    def _draw(self, connection: sqlite3.Connection, draw: Draw, now: float) -> Drawn | float:
        """Draw one unit, or give the seconds after which there will be one."""
        rate, bucket = draw.rate, self._bucket(draw)
        row = connection.execute(
            "SELECT full_at FROM buckets WHERE bucket = ?", (bucket,)
        ).fetchone()
        room = rate.burst * rate.every
        # A clock that was set back must not shut anybody out for longer than an empty bucket.
        full_at = min(max(row[0] if row else now, now), now + room) + rate.every
        wait: float = full_at - now - room
        if wait <= 0:
            connection.execute("REPLACE INTO buckets VALUES (?, ?)", (bucket, full_at))
            return Drawn(bucket=bucket, every=rate.every)
        if draw.reserve is None:
            return wait
        instead = self._draw(connection, draw.reserve, now)
        return instead if isinstance(instead, Drawn) else min(wait, instead)

    def _bucket(self, draw: Draw) -> bytes:
        text = f"{draw.rate.name}\0{draw.value}".encode("utf-8", "replace")
        return hmac.digest(self._secret, text, "sha256")[:_KEY_BYTES]


def _sweep(connection: sqlite3.Connection, now: float) -> None:
    """Forget some full buckets: two for each that a draw can make, so the file stays small."""
    connection.execute(
        "DELETE FROM buckets WHERE bucket IN"
        " (SELECT bucket FROM buckets WHERE full_at < ? LIMIT ?)",
        (now, _SWEPT_AT_ONCE),
    )
