"""The exchange (`exchange.db`): where the public site and the registry meet for the holder's page.

The site puts an ask down, the registry's worker answers it, the site takes the answer away. So the
site knows no database, opens no connection and holds no issuer's key: who takes the site over can
do what the holders passing through it can do, and no more. Bodies are sealed by AES-256-GCM-SIV
under the exchange key, with the ask's id, its direction and nothing else as associated data: who
has the file alone reads nothing, and no answer can be put under another's ask.

A body is deleted when it is read, or after fifteen minutes (secure_delete overwrites it). The
file holds nothing that lasts: damaged, it is deleted, and people ask again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from signing.errors import MalformedExchange
from signing.holder_messages import decode_answer, decode_ask, encode_message
from signing.sqlite_file import put_in_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from signing.holder_messages import Answer, Ask

SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS asks (
    ask_id BLOB PRIMARY KEY,
    asked_at REAL NOT NULL,
    taken_at REAL NOT NULL DEFAULT 0,
    body BLOB,
    answer BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS asks_by_time ON asks (asked_at);
"""
"""Times in Unix seconds. `body` is gone once there is an answer."""

FILE: Final = "exchange.db"
KEY_FILE: Final = "exchange.key"
"""Beside the site's state and its pepper."""

KEY_BYTES: Final = 32
ASK_BYTES: Final = 16
KEPT_SECONDS: Final = 15 * 60
TAKEN_SECONDS: Final = 60.0
"""How long a worker is left alone with an ask; then it is taken for dead, and another takes it."""

MOST_WAITING: Final = 500
"""Asks without an answer; more is a flood, or no worker is running."""

LARGE_BYTES: Final = 64 * 1024
MOST_LARGE_BYTES: Final = 64 * 1024 * 1024
"""Of all waiting asks larger than `LARGE_BYTES` together: those with a document. Smaller ones go
on, so a flood of documents keeps nobody from their page; with both limits 96 MiB can wait."""

_NONCE_BYTES: Final = 12
_BUSY_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An ask that this worker is to answer, taken `at` (Unix seconds).

    `body` opens only by `Exchange.read`.
    """

    ask_id: bytes
    body: bytes
    at: float


class Exchange:
    """The file and its key (32 bytes). Safe to share between threads and processes.

    `random` gives unpredictable bytes. Every method raises MalformedExchange when the file cannot
    be opened, read or written.
    """

    def __init__(self, file: Path, key: bytes, random: Callable[[int], bytes]) -> None:
        if len(key) != KEY_BYTES:
            raise MalformedExchange(f"the exchange key must be {KEY_BYTES} bytes")
        self._file = file
        self._aead = AESGCMSIV(key)
        self._random = random

    def ask(self, ask: Ask, *, now: float) -> bytes:
        """Put an ask down; give its id (16 bytes), by which alone its answer is had."""
        ask_id = self._random(ASK_BYTES)
        body = self._seal(b"ask", ask_id, encode_message(ask))
        with self._transaction() as connection:
            waiting, large = connection.execute(
                "SELECT count(*), coalesce(sum(length(body)) FILTER (WHERE length(body) > ?), 0)"
                " FROM asks WHERE answer IS NULL",
                (LARGE_BYTES,),
            ).fetchone()
            if waiting >= MOST_WAITING:
                raise MalformedExchange("too many asks are waiting in the exchange")
            if len(body) > LARGE_BYTES and large + len(body) > MOST_LARGE_BYTES:
                raise MalformedExchange("too many documents are waiting in the exchange")
            connection.execute(
                "INSERT INTO asks (ask_id, asked_at, body) VALUES (?, ?, ?)", (ask_id, now, body)
            )
        return ask_id

    def take(self, *, now: float) -> Taken | None:
        """Take the oldest ask that nobody is at work on."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT ask_id, body FROM asks WHERE answer IS NULL AND asked_at > ?"
                " AND (taken_at < ? OR taken_at > ?) ORDER BY asked_at LIMIT 1",
                # A clock that was set back must not leave an ask with nobody.
                (now - KEPT_SECONDS, now - TAKEN_SECONDS, now + TAKEN_SECONDS),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE asks SET taken_at = ? WHERE ask_id = ?", (now, row[0]))
        return Taken(ask_id=row[0], body=row[1], at=now)

    def take_again(self, taken: Taken, *, now: float) -> Taken | None:
        """Take an ask anew that has waited with this worker, to be left alone with it from now on.

        None where another worker took it meanwhile, or nobody waits for its answer any more.
        """
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT body FROM asks WHERE ask_id = ? AND taken_at = ? AND answer IS NULL"
                " AND asked_at > ?",
                (taken.ask_id, taken.at, now - KEPT_SECONDS),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE asks SET taken_at = ? WHERE ask_id = ?", (now, taken.ask_id))
        return Taken(ask_id=taken.ask_id, body=row[0], at=now)

    def hold(self, waiting: Iterable[Taken], *, now: float) -> tuple[Taken, ...]:
        """Keep asks that wait with this worker from others; give those that are still its own.

        Without their bodies, which `take_again` gives.
        """
        held = []
        with self._transaction() as connection:
            for taken in waiting:
                changed = connection.execute(
                    "UPDATE asks SET taken_at = ?"
                    " WHERE ask_id = ? AND taken_at = ? AND answer IS NULL",
                    (now, taken.ask_id, taken.at),
                ).rowcount
                if changed:
                    held.append(Taken(ask_id=taken.ask_id, body=b"", at=now))
        return tuple(held)

    def read(self, taken: Taken) -> Ask:
        """Open an ask. Raises MalformedExchange for what the site did not seal."""
        return decode_ask(self._open(b"ask", taken.ask_id, taken.body))

    def answer(self, ask_id: bytes, answer: Answer) -> None:
        """Put the answer down; the ask's body goes. The first answer stands."""
        sealed = self._seal(b"answer", ask_id, encode_message(answer))
        with self._transaction() as connection:
            connection.execute(
                "UPDATE asks SET answer = ?, body = NULL WHERE ask_id = ? AND answer IS NULL",
                (sealed, ask_id),
            )

    def drop(self, ask_id: bytes) -> None:
        """Take away an ask that cannot be read: nobody could answer it."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM asks WHERE ask_id = ?", (ask_id,))

    def is_answered(self, ask_id: bytes) -> bool:
        """Say whether an answer is there, and leave it. Takes no write lock."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT answer IS NOT NULL FROM asks WHERE ask_id = ?", (ask_id,)
            ).fetchone()
        return bool(row and row[0])

    def is_waiting(self, ask_id: bytes) -> bool:
        """Say whether the ask is still here, answered or not."""
        with self._connection() as connection:
            row = connection.execute("SELECT 1 FROM asks WHERE ask_id = ?", (ask_id,)).fetchone()
        return row is not None

    def collect(self, ask_id: bytes) -> Answer | None:
        """Take the answer away: it is had once. None while there is none."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT answer FROM asks WHERE ask_id = ? AND answer IS NOT NULL", (ask_id,)
            ).fetchone()
            if row is None:
                return None
            connection.execute("DELETE FROM asks WHERE ask_id = ?", (ask_id,))
        return decode_answer(self._open(b"answer", ask_id, row[0]))

    def purge(self, *, now: float) -> None:
        """Delete what nobody came for."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM asks WHERE asked_at <= ?", (now - KEPT_SECONDS,))

    def _seal(self, direction: bytes, ask_id: bytes, plain: bytes) -> bytes:
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, direction + b"\0" + ask_id)

    def _open(self, direction: bytes, ask_id: bytes, sealed: bytes) -> bytes:
        try:
            nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._aead.decrypt(nonce, body, direction + b"\0" + ask_id)
        except (InvalidTag, ValueError, TypeError):
            raise MalformedExchange("a body of the exchange does not open") from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            # A file may stand there without tables: emptied, or begun by an older program.
            connection.executescript(f"BEGIN IMMEDIATE;\n{SCHEMA}")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise MalformedExchange(f"the exchange: {type(error).__name__}") from None

    def _connect(self) -> sqlite3.Connection:
        put_in_place(self._file, SCHEMA)
        connection = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            # A power failure may lose the last asks: people ask again.
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA secure_delete=ON")
        except BaseException:
            connection.close()
            raise
        return connection
