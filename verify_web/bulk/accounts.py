"""Who may check in bulk: an e-mail address that received a code, or a key made by the office.

Codes, keys and sessions stand here as digests alone; addresses are sealed and found by a keyed
tag. A code is good for ten minutes, five tries and one use, and only together with the handle that
stands in the page on which it was asked for: so nobody ends another's code, or uses up its tries,
by asking for one to the same address. Whether an address has an account is told nobody: asking for
a code looks the same for all. An account by e-mail that nobody used for a year is deleted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from verify_web.bulk.quota import Employer, Kind
from verify_web.bulk.watches import forget_all
from verify_web.bulk.wording import MAIL_SUBJECT, MAIL_TEXT
from verify_web.channels import Message
from verify_web.outbox import put_down

if TYPE_CHECKING:
    import sqlite3

    from verify_web.bulk.store import Desk

CODE_TERM: Final = timedelta(minutes=10)
CODE_TRIES: Final = 5
CODE_DIGITS: Final = 8
SESSION_TERM: Final = timedelta(hours=2)
LONGEST_MAIL: Final = 200
LONGEST_NAME: Final = 60
KEY_BEGINNING: Final = "cbk_"
"""Of an organisation's key, so that a leaked one is recognised."""

_SECRET_BYTES: Final = 32
_HANDLE_BYTES: Final = 16
_ID_BYTES: Final = 5
_MAIL: Final = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An organisation with a key, as the office sees it. Times are aware UTC."""

    employer: str
    name: str
    created: datetime
    ended: datetime | None


def is_mail(text: str) -> bool:
    """Whether this can be an e-mail address of ours: the plain ASCII form, no quoting."""
    return len(text) <= LONGEST_MAIL and _MAIL.fullmatch(text) is not None


class AccountEnded(Exception):
    """The code was right, and the office has ended this account."""


def send_code(desk: Desk, address: str) -> str:
    """Put a code for this address down to be sent; give the handle it is good with.

    Raises ServiceTrouble. The caller has limited how often this may be asked.
    """
    now = desk.now()
    number = int.from_bytes(desk.random(_SECRET_BYTES)) % 10**CODE_DIGITS
    code, handle = f"{number:0{CODE_DIGITS}}", _text(desk.random(_HANDLE_BYTES))
    tag, until = _mail_tag(desk, address), now + CODE_TERM.total_seconds()
    message = Message(address=address, subject=MAIL_SUBJECT, text=MAIL_TEXT.format(code=code))
    with desk.state.transaction() as connection:
        connection.execute(
            "INSERT INTO sign_in_codes VALUES (?, ?, ?, ?, 0)",
            (_digest(handle), tag, _code_digest(desk, handle, code), until),
        )
        put_down(connection, desk, message, until=until)
    return handle


def enter_code(desk: Desk, handle: str, address: str, code: str) -> str | None:
    """Open a session for who has the code, and an account on the first time; None if it is wrong.

    Raises AccountEnded, ServiceTrouble.
    """
    place, tag = _digest(handle), _mail_tag(desk, address)
    with desk.state.transaction() as connection:
        row = connection.execute(
            "SELECT code FROM sign_in_codes"
            " WHERE handle = ? AND tag = ? AND until >= ? AND tries < ?",
            (place, tag, desk.now(), CODE_TRIES),
        ).fetchone()
        if row is None:
            return None
        if not hmac.compare_digest(row[0], _code_digest(desk, handle, code)):
            # Counted in the same transaction: tries made at once cannot share one count.
            connection.execute(
                "UPDATE sign_in_codes SET tries = tries + 1 WHERE handle = ?", (place,)
            )
            return None
        connection.execute("DELETE FROM sign_in_codes WHERE tag = ?", (tag,))
        known = connection.execute(
            "SELECT employer, ended IS NOT NULL FROM employers WHERE tag = ?", (tag,)
        ).fetchone()
        if known is None or not known[1]:
            employer = str(known[0]) if known else _add(connection, desk, Kind.MAIL, tag, address)
            return _open_session(connection, desk, employer)
    raise AccountEnded


def enter_key(desk: Desk, key: str) -> str | None:
    """Open a session for an organisation's key; None if it is none in force."""
    found = employer_of_key(desk, key)
    if found is None:
        return None
    with desk.state.transaction() as connection:
        return _open_session(connection, desk, found.employer)


def employer_of_key(desk: Desk, key: str) -> Employer | None:
    """Find whose key this is; None if it is none in force. Raises ServiceTrouble."""
    with desk.state.transaction() as connection:
        row = connection.execute(
            "SELECT employer FROM employers WHERE tag = ? AND kind = 'key' AND ended IS NULL",
            (_digest(key),),
        ).fetchone()
    return Employer(employer=row[0], kind=Kind.KEY) if row else None


def employer_of_session(desk: Desk, token: str) -> Employer | None:
    """Find whose session this is; None if it is over. Raises ServiceTrouble."""
    with desk.state.transaction() as connection:
        row = connection.execute(
            "SELECT e.employer, kind FROM sessions s JOIN employers e ON e.employer = s.employer"
            " WHERE token = ? AND until > ? AND ended IS NULL",
            (_digest(token), desk.now()),
        ).fetchone()
    return Employer(employer=row[0], kind=Kind(row[1])) if row else None


def leave(desk: Desk, token: str) -> None:
    """End a session."""
    with desk.state.transaction() as connection:
        connection.execute("DELETE FROM sessions WHERE token = ?", (_digest(token),))


def add_organisation(desk: Desk, name: str) -> tuple[str, str]:
    """Make an organisation's account; return its id and its key, which is shown this once."""
    key = KEY_BEGINNING + _text(desk.random(_SECRET_BYTES))
    with desk.state.transaction() as connection:
        return _add(connection, desk, Kind.KEY, _digest(key), name), key


def end_organisation(desk: Desk, employer: str) -> bool:
    """End an account, its sessions, jobs and notices; False if there is none in force."""
    with desk.state.transaction() as connection:
        ended = connection.execute(
            "UPDATE employers SET ended = ? WHERE employer = ? AND ended IS NULL",
            (desk.now(), employer),
        ).rowcount
        connection.execute("DELETE FROM sessions WHERE employer = ?", (employer,))
        connection.execute("DELETE FROM jobs WHERE employer = ?", (employer,))
        forget_all(connection, employer)
    return ended > 0


def organisations(desk: Desk) -> list[Listed]:
    """List the organisations with a key, oldest first. Raises ServiceTrouble."""
    with desk.state.transaction() as connection:
        rows = connection.execute(
            "SELECT employer, contact, created, ended FROM employers WHERE kind = 'key'"
            " ORDER BY created, employer"
        ).fetchall()
    return [
        Listed(
            employer=row[0],
            name=desk.sealer.open(f"contact|{row[0]}", row[1]).decode(),
            created=datetime.fromtimestamp(row[2], UTC),
            ended=None if row[3] is None else datetime.fromtimestamp(row[3], UTC),
        )
        for row in rows
    ]


def _add(connection: sqlite3.Connection, desk: Desk, kind: Kind, tag: bytes, contact: str) -> str:
    employer = f"E{_text(desk.random(_ID_BYTES))}"
    connection.execute(
        "INSERT INTO employers VALUES (?, ?, ?, ?, ?, NULL)",
        (
            *(employer, kind.value, tag),
            desk.sealer.seal(f"contact|{employer}", contact.encode()),
            desk.now(),
        ),
    )
    return employer


def _open_session(connection: sqlite3.Connection, desk: Desk, employer: str) -> str:
    token = _text(desk.random(_SECRET_BYTES))
    until = desk.now() + SESSION_TERM.total_seconds()
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?)", (_digest(token), employer, until))
    connection.execute("REPLACE INTO last_used VALUES (?, ?)", (employer, desk.now()))
    return token


def _mail_tag(desk: Desk, address: str) -> bytes:
    return desk.sealer.tag("mail", address.lower())


def _code_digest(desk: Desk, handle: str, code: str) -> bytes:
    # Keyed: eight digits could be found from a plain digest by trying them all.
    return desk.sealer.tag("code", f"{handle}|{code}")


def _digest(secret: str) -> bytes:
    """SHA-256 of a secret of 256 random bits, which no guessing finds."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().lower().rstrip("=")
