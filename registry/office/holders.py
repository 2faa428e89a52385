"""A holder enters (持证人登录): two facts, then a one-time code to the contact on file.

Whoever brings two right facts and whoever does not get the same answer, after the same reads and
writes: a handle, under which a code may be typed. Only the letter is missing. A code is six
digits, good for five minutes, five tries and one use; twenty an hour are made for one network. An
earlier code stays good: nobody can make a holder's code void by asking.

Five an hour go to one holder. Whoever knows two facts can use these up, so there is a reserve: two
for a network from which this holder signed in within ninety days, and one for a network that got
none in this hour, as long as twenty were not sent. Guessing at a holder's codes so has 100 tries
an hour among a million, and ten more from each network of the holder's own.

Limits are silent too: who is told "too many codes for this person" has learnt that they exist.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from registry.office.certificates import open_certificate
from registry.office.channels import Letter
from registry.office.context import Context
from registry.office.holders_certificates import certificate_of_number, certificates_of
from registry.office.holders_contacts import contact_of
from registry.office.holders_lines import holder_line
from registry.office.holders_sessions import forget_sessions
from registry.store.audit import AuditLine
from registry.store.fields import TAG_LENGTH, blind_index
from registry.store.holders import HolderCode, HolderSession
from signing.holder_messages import Begin, Begun, Enter, Entered, Refusal
from signing.mirror import Factor, normalise
from signing.record import Record

CODE_TERM: Final = timedelta(minutes=5)
CODE_TRIES: Final = 5
CODE_DIGITS: Final = 6
HOUR: Final = timedelta(hours=1)
CODES_TO_ONE: Final = 5
CODES_TO_ONE_IN_ALL: Final = 20
OF_KNOWN_NETWORK: Final = 2
CODES_OF_NETWORK: Final = 20
KEPT: Final = timedelta(days=1)
KNOWN: Final = timedelta(days=90)
"""How long a network is known from which a holder signed in."""

SECRET_BYTES: Final = 16

FACTORS: Final = (Factor.NUMBER, Factor.ID_NUMBER, Factor.NAME)
"""What a holder may enter by; number or ID number must be among them, since the registry finds
nobody by a name."""

SUBJECT: Final = "职业技能等级证书持证人服务验证码"
TEXT: Final = (
    "验证码：{code}\n5 分钟内有效，只能使用一次。请勿告诉他人；非本人操作的，不必理会。\n"
    "Verification code, valid for 5 minutes. Do not pass it on.\n"
)


def begin(session: Session, ask: Begin, *, context: Context) -> tuple[Begun, Letter | None]:
    """Make a code; the letter is for the holder whom two facts fit, if they can be reached."""
    now = context.clock.now()
    unused = and_(HolderCode.made_at < now - KEPT, HolderCode.used.is_(False))
    session.execute(delete(HolderCode).where(or_(unused, HolderCode.made_at < now - KNOWN)))
    forget_sessions(session, context)
    handle = context.random(SECRET_BYTES).hex()
    # Unbiased: 10^6 divides 2^128 closely enough to be one.
    code = f"{int.from_bytes(context.random(SECRET_BYTES)) % 10**CODE_DIGITS:0{CODE_DIGITS}}"
    decoy = context.random(TAG_LENGTH)
    tag = _holder_of(session, ask.facts, context) or decoy
    network = blind_index(context.index_key, f"holder-network|{ask.network}")
    contact = contact_of(session, tag, context)
    may = _may_be_sent(session, tag, network, context)
    sent = contact is not None and may
    session.add(
        HolderCode(
            handle_hash=_digest(handle),
            id_tag=tag if sent else decoy,
            network_tag=network,
            code_hash=_code_hash(handle, code, context),
            tries=0,
            used=False,
            made_at=now,
        )
    )
    # The line is the same as well: an auditor is not to learn who was looked for in vain.
    session.add(holder_line("holder-begin", "", context, source=ask.network))
    if contact is None or not sent:
        return Begun(handle=handle), None
    return Begun(handle=handle), Letter(
        address=contact, subject=SUBJECT, text=TEXT.format(code=code)
    )


def enter(session: Session, ask: Enter, *, context: Context) -> Entered | Refusal:
    """Open a session for who has the code; every wrong one counts, whoever it was made for."""
    now = context.clock.now()
    query = select(HolderCode).where(HolderCode.handle_hash == _digest(ask.handle))
    row = session.scalars(query.with_for_update()).one_or_none()
    good = (
        row is not None
        and not row.used
        and row.tries < CODE_TRIES
        and row.made_at <= now < row.made_at + CODE_TERM
    )
    if row is None or not good:
        session.add(_entered_line(ask, context, "refused", "no-code"))
        return Refusal(code="bad-code")
    if not hmac.compare_digest(row.code_hash, _code_hash(ask.handle, ask.code, context)):
        row.tries += 1
        session.add(_entered_line(ask, context, "refused", "wrong-code"))
        return Refusal(code="bad-code")
    row.used = True
    token = context.random(SECRET_BYTES).hex()
    session.add(
        HolderSession(token_hash=_digest(token), id_tag=row.id_tag, begun_at=now, seen_at=now)
    )
    session.add(_entered_line(ask, context, "done", ""))
    return Entered(session=token)


def _entered_line(ask: Enter, context: Context, result: str, detail: str) -> AuditLine:
    return holder_line(
        "holder-enter", "", context, source=ask.network, result=result, detail=detail
    )


def is_handle(session: Session, handle: str) -> bool:
    """Say whether a code may be typed under this handle, or could once; for a snapshot."""
    return session.get(HolderCode, _digest(handle)) is not None


def _may_be_sent(session: Session, tag: bytes, network: bytes, context: Context) -> bool:
    """Weigh the limits: the same questions whoever it is, and whether or not they exist."""
    hour = HolderCode.made_at > context.clock.now() - HOUR
    to_one, from_here = HolderCode.id_tag == tag, HolderCode.network_tag == network
    of_network = _count(session, from_here, hour)
    sent = _count(session, to_one, hour)
    sent_here = _count(session, to_one, from_here, hour)
    known = _count(session, to_one, from_here, HolderCode.used.is_(True)) > 0
    if of_network >= CODES_OF_NETWORK:
        return False
    if sent < CODES_TO_ONE or (known and sent_here < OF_KNOWN_NETWORK):
        return True
    return sent_here == 0 and sent < CODES_TO_ONE_IN_ALL


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(HolderCode.handle_hash)).where(*conditions)) or 0


def _holder_of(session: Session, typed: Mapping[str, str], context: Context) -> bytes | None:
    """Find the holder to whom all facts belong, by one of their certificates; None for nobody."""
    facts = {each: normalise(each, typed[each]) for each in FACTORS if typed.get(each)}
    if len(facts) < 2:  # noqa: PLR2004 -- the lookup's rule: any two
        return None
    if number := facts.get(Factor.NUMBER):
        rows = certificate_of_number(session, number)
    else:
        rows = certificates_of(session, blind_index(context.index_key, facts[Factor.ID_NUMBER]))
    for row in rows:
        record = open_certificate(row, context).record
        if all(_fact(record, each) == value for each, value in facts.items()):
            return row.id_tag
    return None


def _fact(record: Record, factor: Factor) -> str:
    match factor:
        case Factor.NUMBER:
            return normalise(factor, record.number)
        case Factor.ID_NUMBER:
            return normalise(factor, record.id_number)
        case _:
            return normalise(factor, record.name)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _code_hash(handle: str, code: str, context: Context) -> bytes:
    # Keyed, and with the handle: six digits under a bare hash would be no secret.
    text = f"holder-code|{handle}|{code}".encode("utf-8", "replace")
    return hmac.digest(context.index_key, text, "sha256")
