"""Second factor by time-based codes (动态口令, RFC 6238): enrolment and sign-in.

Six digits of HMAC-SHA-1, 30 seconds; one step before and after is allowed for slow clocks. A step
is taken once: who looks over a shoulder, or keeps a code, cannot use it again. The secret stands
in the database encrypted, bound to its account; while it is not confirmed it belongs to the
session alone.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.auditing import line_of
from registry.office.context import Context
from registry.office.guessing import is_shut
from registry.office.sessions import SignedIn, Stage, demand_fresh, find_visit, start_session
from registry.office.signing_in import refuse
from registry.store.accounts import Account
from registry.store.fields import NONCE_LENGTH, FieldCipher

SECRET_BYTES: Final = 20
DIGITS: Final = 6
PERIOD: Final = 30
"""Seconds of a step."""

DRIFT: Final = 1
"""Steps before and after the present one whose codes are taken."""

_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_PLACE: Final = "accounts.totp"
_PENDING: Final = b"totp:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A secret to be put into an authenticator: as text, and as the address a QR picture holds."""

    text: str
    uri: str


def offer_totp(session: Session, token: str, *, issuer: str, context: Context) -> Offer:
    """Make a secret for this session, or show it again. Raises ``Refused``.

    A factor that is there is never replaced from a session, which may be a stolen one: the
    administrator takes it away (重置).
    """
    visit = find_visit(session, token, context.clock.now(), lock=True)
    if visit is None or visit.stage not in {Stage.ENROL, Stage.DONE} or visit.account.totp:
        raise Refused("此时不能登记动态口令；更换设备请联系系统管理员重置")
    if visit.stage is Stage.DONE:
        demand_fresh(visit, context.clock.now())
    row, account = visit.row, visit.account
    if not row.challenge.startswith(_PENDING):
        sealed = _seal(account, context.random(SECRET_BYTES), context)
        row.challenge = _PENDING + sealed
    secret = _open(account, row.challenge.removeprefix(_PENDING), context)
    uri = _totp(secret).get_provisioning_uri(account.login, issuer)
    return Offer(text=b32encode(secret).decode(), uri=uri)


def confirm_totp(
    session: Session, token: str, code: str, *, source: str, context: Context
) -> SignedIn | None:
    """Take the offered secret as the account's factor if its code is right; None if it is not."""
    now = context.clock.now()
    visit = find_visit(session, token, now, lock=True)
    if visit is None or not visit.row.challenge.startswith(_PENDING) or visit.account.totp:
        return None
    account, action = visit.account, "totp-enrol"
    sealed = visit.row.challenge.removeprefix(_PENDING)
    step = _step_of(_open(account, sealed, context), code, int(now.timestamp()))
    if step is None:
        refuse(session, account, action, "code", source=source, context=context)
        return None
    account.totp, account.totp_step = sealed, step
    session.add(line_of(action, login=account.login, source=source, context=context))
    return start_session(session, account, context=context, strong=True, before=visit.row)


def sign_in_by_code(
    session: Session, token: str, code: str, *, source: str, context: Context
) -> SignedIn | None:
    """Go on with a session whose password was right; None, and one failure more, otherwise."""
    now = context.clock.now()
    visit = find_visit(session, token, now, lock=True)
    if visit is None or visit.stage is not Stage.CODE or not visit.account.totp:
        return None
    account, action = visit.account, "sign-in-code"
    if is_shut(session, account, source, now):
        refuse(session, account, action, "locked", source=source, context=context)
        return None
    step = _step_of(_open(account, account.totp, context), code, int(now.timestamp()))
    if step is None or not _claim(session, account, step):
        why = "code" if step is None else "code-used"
        refuse(session, account, action, why, source=source, context=context)
        return None
    account.failures, account.locked_until = 0, None
    session.add(line_of(action, login=account.login, source=source, context=context))
    return start_session(session, account, context=context, strong=True, before=visit.row)


def _claim(session: Session, account: Account, step: int) -> bool:
    # By comparison in the database: of two who show one code at once, one gets in.
    taken = session.execute(
        update(Account)
        .where(Account.account_id == account.account_id, Account.totp_step < step)
        .values(totp_step=step)
        .execution_options(synchronize_session=False)
    )
    return isinstance(taken, CursorResult) and taken.rowcount == 1


def _step_of(secret: bytes, code: str, now: int) -> int | None:
    """Return the step whose code this is, the newest first; None if it is none's."""
    typed = "".join(code.split())
    if not _CODE.fullmatch(typed):
        return None
    totp, present = _totp(secret), now // PERIOD
    for step in range(present + DRIFT, present - DRIFT - 1, -1):
        if hmac.compare_digest(totp.generate(step * PERIOD), typed.encode()):
            return step
    return None


def _totp(secret: bytes) -> TOTP:
    # SHA-1 is what every authenticator app understands; HMAC does not rest on its collisions.
    return TOTP(secret, DIGITS, SHA1(), PERIOD)  # noqa: S303


def _seal(account: Account, secret: bytes, context: Context) -> bytes:
    return _cipher(context).seal(account.account_id, context.random(NONCE_LENGTH), secret)


def _open(account: Account, sealed: bytes, context: Context) -> bytes:
    return _cipher(context).open(account.account_id, sealed)


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, _PLACE)
