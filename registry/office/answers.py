"""Requests that are sent again (幂等): the same key gives the answer of the first time.

A machine whose connection broke cannot know whether its request was carried out. With a key of
its own choosing it may ask again: a request that was carried out is answered from what was kept,
one that was not is carried out now. The answer is put down in the transaction of what was done
(`registry.office.holding`), so there is no moment at which one stands without the other; a crash
leaves at most a turn, which another attempt takes over when it is old. Refusals are not kept:
nothing was done, and the same request may be right later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.errors import Overtaken, Refused
from registry.office.context import Context
from registry.office.identity import AccountId
from registry.office.unit import Desk
from registry.store.answers import ApiAnswer
from registry.store.fields import NONCE_LENGTH, FieldCipher

SEALED: Final = "api_answers.body"
KEPT: Final = timedelta(hours=48)
"""How long an answer is given again; what is older is cleared away as requests come."""

TURN: Final = timedelta(seconds=60)
"""How long an attempt is left alone; then it is taken for dead, and can no longer end."""

ATTEMPT_BYTES: Final = 16


class KeyUsed(Refused):
    """The key was used for another request."""

    code = "idempotency-key-used"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("此 Idempotency-Key 已用于另一请求，请为新的请求另取一个")


class InProgress(Overtaken):
    """A request with this key is being carried out, or was by somebody faster."""

    code = "idempotency-in-progress"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("同一 Idempotency-Key 的请求正在办理，请稍后用同一键重试")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with a key: whose, and the SHA-256 of the key and of the whole request."""

    account: AccountId
    key_hash: bytes
    request_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to carry a request out, and to put its answer down: nobody else has it."""

    answer_id: int
    attempt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer: HTTP status and body."""

    status: int
    body: bytes


def begin(desk: Desk, asked: Asked, context: Context) -> Turn | Answer:
    """Return the kept answer, or the turn to carry the request out.

    Raises ``KeyUsed`` if the key belongs to another request, ``InProgress`` if somebody has the
    turn.
    """
    with desk.read() as session:
        # First without the write lock, which whoever is at work may hold for a while.
        found = _standing(_find(session, asked), asked, context)
    if found is not None:
        return found
    turn = context.random(ATTEMPT_BYTES)
    try:
        with desk.write() as session:
            now = context.clock.now()
            session.execute(delete(ApiAnswer).where(ApiAnswer.begun_at < now - KEPT))
            row = _find(session, asked, lock=True)
            found = _standing(row, asked, context)
            if found is not None:
                return found
            if row is None:
                row = ApiAnswer(
                    account_id=asked.account,
                    key_hash=asked.key_hash,
                    request_hash=asked.request_hash,
                )
                session.add(row)
            row.attempt, row.begun_at = turn, now
            session.flush()
            return Turn(answer_id=row.answer_id, attempt=turn)
    except (IntegrityError, Overtaken):
        raise InProgress from None


def keep(session: Session, turn: Turn, answer: Answer, context: Context) -> None:
    """Put the answer down in the transaction of what was done. Raises ``InProgress``.

    It raises if the turn was taken over meanwhile; the transaction must then come to nothing.
    """
    cipher = FieldCipher(context.field_key, SEALED)
    taken = session.execute(
        update(ApiAnswer)
        .where(
            ApiAnswer.answer_id == turn.answer_id,
            ApiAnswer.attempt == turn.attempt,
            ApiAnswer.status == 0,
        )
        .values(
            status=answer.status,
            body=cipher.seal(turn.answer_id, context.random(NONCE_LENGTH), answer.body),
        )
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise InProgress


def let_go(desk: Desk, turn: Turn) -> None:
    """Give the turn back: nothing was done, and the next attempt need not wait."""
    with desk.write() as session:
        session.execute(
            delete(ApiAnswer).where(
                ApiAnswer.answer_id == turn.answer_id,
                ApiAnswer.attempt == turn.attempt,
                ApiAnswer.status == 0,
            )
        )


def _find(session: Session, asked: Asked, *, lock: bool = False) -> ApiAnswer | None:
    query = select(ApiAnswer).where(
        ApiAnswer.account_id == asked.account, ApiAnswer.key_hash == asked.key_hash
    )
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def _standing(row: ApiAnswer | None, asked: Asked, context: Context) -> Answer | None:
    now = context.clock.now()
    if row is None or row.begun_at < now - KEPT:
        return None
    if row.request_hash != asked.request_hash:
        raise KeyUsed
    if row.status:
        body = FieldCipher(context.field_key, SEALED).open(row.answer_id, row.body)
        return Answer(status=row.status, body=body)
    if now - row.begun_at < TURN:
        raise InProgress
    return None
