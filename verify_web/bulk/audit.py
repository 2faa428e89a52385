"""The audit line of each bulk check, chained: who asked, when, how many rows, what for; no names.

A subscription to later changes has one when it begins and when it is ended, and one for each
notice that is made.

link(n) = SHA-256(link before ‖ canonical JSON of the line), the first from 32 zero bytes. Whoever
changes or takes out a line breaks every link after it. Lines are kept when the job is deleted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from signing.canonical import encode_tree
from signing.tlog.entry import format_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from verify_web.bulk.store import Desk

_START: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a check of the chain found: lines that are whole, and the first that is not (or None).

    `head` is the last link in hex: whoever wrote it down earlier can tell that an end was cut off.
    """

    lines: int
    head: str
    broken_at: int | None = None


def printed(now: float) -> str:
    """Write Unix seconds as the lines have times: UTC, whole seconds."""
    return format_time(datetime.fromtimestamp(int(now), UTC))


def add_line(connection: sqlite3.Connection, facts: Mapping[str, str | int]) -> None:
    """Chain one more line, in the transaction of what it tells of."""
    last = connection.execute(
        "SELECT line, digest FROM audit ORDER BY line DESC LIMIT 1"
    ).fetchone()
    number, before = (last[0] + 1, last[1]) if last else (1, _START)
    body = encode_tree({**facts, "line": number})
    digest = hashlib.sha256(before + body).digest()
    connection.execute("INSERT INTO audit VALUES (?, ?, ?)", (number, body, digest))


def check_chain(desk: Desk) -> Chain:
    """Go over all lines. Raises ServiceTrouble."""
    before, whole = _START, 0
    with desk.state.transaction() as connection:
        for number, body, digest in connection.execute(
            "SELECT line, CAST(body AS BLOB), digest FROM audit ORDER BY line"
        ):
            if number != whole + 1 or hashlib.sha256(before + body).digest() != digest:
                return Chain(lines=whole, head=before.hex(), broken_at=whole + 1)
            before, whole = digest, whole + 1
    return Chain(lines=whole, head=before.hex())
