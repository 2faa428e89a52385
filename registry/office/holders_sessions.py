"""A holder's session: fifteen minutes without a request end it, and an hour in any case.

The token is 128 random bits and stands here as its SHA-256: who reads the database enters nowhere.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, or_
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.context import Context
from registry.office.holders_lines import holder_line
from registry.store.holders import HolderSession
from signing.holder_messages import Done, Leave

IDLE: Final = timedelta(minutes=15)
WHOLE: Final = timedelta(hours=1)


class SessionOver(Refused):
    """Nobody is signed in with this token, or no longer."""

    code = "session-over"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("登录已失效，请重新登录")


def holder_of(session: Session, token: str, context: Context) -> bytes:
    """Return whose session this is (``id_tag``, 16 bytes), and keep it alive.

    Raises ``SessionOver``.
    """
    now = context.clock.now()
    row = session.get(HolderSession, _digest(token))
    if row is None or row.seen_at <= now - IDLE or row.begun_at <= now - WHOLE:
        raise SessionOver
    row.seen_at = now
    return row.id_tag


def is_known(session: Session, token: str) -> bool:
    """Say whether there is such a session, over or not; for a snapshot without the write lock.

    A token is easily made up: who floods the worker with them must not hold up an issue.
    """
    return session.get(HolderSession, _digest(token)) is not None


def forget_sessions(session: Session, context: Context) -> None:
    """Delete what is over: here, since a refusal's transaction comes to nothing."""
    now = context.clock.now()
    session.execute(
        delete(HolderSession).where(
            or_(HolderSession.seen_at <= now - IDLE, HolderSession.begun_at <= now - WHOLE)
        )
    )


def leave(session: Session, ask: Leave, *, context: Context) -> Done:
    """End a session; one that is over already is no fault, and leaves no line."""
    row = session.get(HolderSession, _digest(ask.session))
    if row is not None:
        session.delete(row)
        session.add(holder_line("holder-leave", "", context))
    return Done()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
