"""A lock over more than rows: what is counted by the calendar, against a change of the calendar.

SQLite lets one writer in at a time and needs none of this. In PostgreSQL a step that read the
calendar before a notice was loaded could store its deadline after every other was counted again,
and that one would stay wrong. Whoever counts shares this lock until the commit; whoever changes
the calendar or a rule has it alone.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from registry.store.base import only_reads

_ALMANAC: Final = {"room": 0x63657274, "what": 1}
"""Two 32-bit numbers: other locks of the database have one of 64 bits and never meet this one."""

_SHARED: Final = text("SELECT pg_advisory_xact_lock_shared(:room, :what)")
_ALONE: Final = text("SELECT pg_advisory_xact_lock(:room, :what)")


def share_almanac(session: Session) -> None:
    """Let calendar and rules stand until this transaction ends; take it before any row's lock.

    A snapshot that only reads needs it not, and does not wait.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql" and not only_reads(session):
        # Not by the session, which would first write, and so lock, what was changed in it.
        connection.execute(_SHARED, _ALMANAC)


def hold_almanac(session: Session) -> None:
    """Wait for all who count by calendar and rules, and keep them out until the commit.

    Call it before anything is read: two who first shared it would wait for each other.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE, _ALMANAC)
