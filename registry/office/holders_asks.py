"""Each ask of a holder is carried out once (`signing.exchange`).

The answer is kept, sealed, in the transaction of what was done. A worker that dies between that
commit and handing the answer over leaves both; whoever takes the ask next hands over what is kept.
Two workers at one ask: the primary key lets one commit, and the other's work comes to nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry.errors import Overtaken
from registry.office.context import Context
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.holders import HolderAsk
from signing.holder_messages import Answer, decode_answer, encode_message

SEALED: Final = "holder_asks.sealed"
KEPT: Final = timedelta(minutes=15)
"""As long as an ask stands in the exchange."""


def kept_answer(session: Session, ask_id: bytes, context: Context) -> Answer | None:
    """Return the answer of an ask (16 bytes) that was carried out; None for one that was not."""
    row = session.get(HolderAsk, ask_id)
    if row is None:
        return None
    return decode_answer(_cipher(context).open(_place(ask_id), row.sealed))


def keep_answer(session: Session, ask_id: bytes, answer: Answer, context: Context) -> None:
    """Put an answer down in the transaction of what was done.

    Raises ``Overtaken`` if another worker carried the ask out meanwhile: this transaction must
    then come to nothing.
    """
    now = context.clock.now()
    session.execute(delete(HolderAsk).where(HolderAsk.answered_at < now - KEPT))
    plain = encode_message(answer)
    sealed = _cipher(context).seal(_place(ask_id), context.random(NONCE_LENGTH), plain)
    session.add(HolderAsk(ask_id=ask_id, answered_at=now, sealed=sealed))
    try:
        session.flush()
    except IntegrityError:
        raise Overtaken("another worker has carried this ask out") from None


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, SEALED)


def _place(ask_id: bytes) -> int:
    return int.from_bytes(ask_id[:8])
