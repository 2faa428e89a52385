"""Second factor by passkeys (通行密钥, W3C WebAuthn level 3 §7): adding one, and signing in.

A passkey signs only for the desk's own host, so a copied page gets nothing. A challenge is 32
random bytes, belongs to one session and serves once. Browsers give passkeys to host names alone:
a desk reached by a bare IP address has none, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor

from registry.errors import NotFound, Refused
from registry.office.auditing import line_of
from registry.office.context import Context
from registry.office.guessing import is_shut
from registry.office.identity import Role
from registry.office.sessions import (
    WITHOUT_FACTOR,
    SignedIn,
    Stage,
    Visit,
    demand_fresh,
    find_visit,
    start_session,
)
from registry.office.signing_in import refuse
from registry.store.accounts import Passkey
from registry.store.prepared import Prepared

CHALLENGE_BYTES: Final = 32
LONGEST_LABEL: Final = 60
MOST: Final = 10
"""Passkeys of one account."""

_ADDING: Final = b"add:"
_SHOWING: Final = b"show:"
_NOT_TAKEN: Final = "通行密钥未能登记，请重新操作"
_KEYS: Final = Prepared(
    select(Passkey.credential_id, Passkey.label, Passkey.added_at)
    .where(Passkey.account_id == bindparam("account"))
    .order_by(Passkey.added_at)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The desk as browsers know it: its host (relying party) and its origin."""

    host: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One passkey of an account; ``key`` is its public identifier in hex."""

    key: str
    label: str
    added_at: datetime


def site_of(base_url: str, name: str) -> Site | None:
    """Return the desk's site; None where browsers give no passkeys (a bare IP address)."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return Site(host=host, origin=f"{parts.scheme}://{parts.netloc}", name=name)
    return None


def passkeys_of(session: Session, account_id: int) -> tuple[Held, ...]:
    """Return an account's passkeys, the oldest first."""
    keys = _KEYS.all(session, account=account_id)
    return tuple(Held(key=key.hex(), label=label, added_at=at) for key, label, at in keys)


def offer_passkey(session: Session, token: str, site: Site, *, context: Context) -> str:
    """Return what a browser needs to make a passkey (JSON). Raises ``Refused``."""
    visit = _just_signed_in(session, token, context)
    known = _descriptors(session, visit)
    if len(known) >= MOST:
        raise Refused(f"一个账号最多登记 {MOST} 个通行密钥，请先删除不用的")
    challenge = context.random(CHALLENGE_BYTES)
    visit.row.challenge = _ADDING + challenge
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=site.name,
        user_id=visit.account.account_id.to_bytes(8),
        user_name=visit.account.login,
        challenge=challenge,
        exclude_credentials=known,
    )
    return options_to_json(options)


def add_passkey(
    session: Session,
    token: str,
    credential: str,
    *,
    label: str,
    site: Site,
    source: str,
    context: Context,
) -> SignedIn:
    """Keep the passkey a browser has made (its JSON). Raises ``Refused``.

    Whoever has just made it has shown it: the session goes on, under a new token.
    """
    visit = _just_signed_in(session, token, context)
    challenge, visit.row.challenge = visit.row.challenge, b""
    if not challenge.startswith(_ADDING):
        raise Refused(_NOT_TAKEN)
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge.removeprefix(_ADDING),
            expected_rp_id=site.host,
            expected_origin=site.origin,
        )
    except WebAuthnException:
        raise Refused(_NOT_TAKEN) from None
    if session.get(Passkey, made.credential_id) is not None:
        raise Refused(_NOT_TAKEN)
    session.add(
        Passkey(
            credential_id=made.credential_id,
            account_id=visit.account.account_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            label=label.strip()[:LONGEST_LABEL] or "通行密钥",
            added_at=context.clock.now(),
        )
    )
    login = visit.account.login
    session.add(line_of("passkey-add", login=login, source=source, context=context))
    account, row = visit.account, visit.row
    return start_session(session, account, context=context, strong=True, before=row)


def remove_passkey(
    session: Session, token: str, key: str, *, source: str, context: Context
) -> None:
    """Remove one of one's own passkeys. Raises ``NotFound``, or ``Refused`` for the last factor."""
    visit = _just_signed_in(session, token, context)
    try:
        held = session.get(Passkey, bytes.fromhex(key))
    except ValueError:
        held = None
    if held is None or held.account_id != visit.account.account_id:
        raise NotFound("没有此通行密钥")
    needed = Role(visit.account.role) not in WITHOUT_FACTOR
    if needed and not visit.account.totp and len(passkeys_of(session, held.account_id)) == 1:
        raise Refused("这是您唯一的第二认证方式，请先登记动态口令或者另一个通行密钥")
    session.delete(held)
    login = visit.account.login
    session.add(line_of("passkey-remove", login=login, source=source, context=context))


def ask_passkey(session: Session, token: str, site: Site, *, context: Context) -> str:
    """Return what a browser needs to show a passkey (JSON). Raises ``Refused``."""
    visit = _at(session, token, Stage.CODE, context)
    challenge = context.random(CHALLENGE_BYTES)
    visit.row.challenge = _SHOWING + challenge
    options = generate_authentication_options(
        rp_id=site.host, challenge=challenge, allow_credentials=_descriptors(session, visit)
    )
    return options_to_json(options)


def sign_in_by_passkey(
    session: Session, token: str, credential: str, *, site: Site, source: str, context: Context
) -> SignedIn | None:
    """Go on with a session whose password was right; None, and one failure more, otherwise."""
    visit = _at(session, token, Stage.CODE, context)
    account, action = visit.account, "sign-in-passkey"
    challenge, visit.row.challenge = visit.row.challenge, b""
    held = _shown(session, visit, credential)
    if is_shut(session, account, source, context.clock.now()) or not challenge.startswith(_SHOWING):
        held = None
    given = challenge.removeprefix(_SHOWING)
    count = None if held is None else _checked(held, credential, given, site)
    if held is None or count is None:
        refuse(session, account, action, "passkey", source=source, context=context)
        return None
    held.sign_count = count
    account.failures, account.locked_until = 0, None
    session.add(line_of(action, login=account.login, source=source, context=context))
    return start_session(session, account, context=context, strong=True, before=visit.row)


def _just_signed_in(session: Session, token: str, context: Context) -> Visit:
    visit = _at(session, token, Stage.DONE, context)
    demand_fresh(visit, context.clock.now())
    return visit


def _at(session: Session, token: str, stage: Stage, context: Context) -> Visit:
    visit = find_visit(session, token, context.clock.now(), lock=True)
    if visit is None or visit.stage is not stage:
        raise Refused("登录已过期，请重新登录")
    return visit


def _shown(session: Session, visit: Visit, credential: str) -> Passkey | None:
    try:
        shown = parse_authentication_credential_json(credential)
    except WebAuthnException:
        return None
    held = session.get(Passkey, shown.raw_id)
    # Another account's passkey is nobody's here.
    return held if held and held.account_id == visit.account.account_id else None


def _checked(held: Passkey, credential: str, challenge: bytes, site: Site) -> int | None:
    """Return the passkey's new count of signatures; None if it does not verify.

    A count that does not grow tells of a copied passkey, and is refused (WebAuthn §7.2 step 22).
    """
    try:
        return verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=held.public_key,
            credential_current_sign_count=held.sign_count,
        ).new_sign_count
    except WebAuthnException:
        return None


def _descriptors(session: Session, visit: Visit) -> list[PublicKeyCredentialDescriptor]:
    keys = passkeys_of(session, visit.account.account_id)
    return [PublicKeyCredentialDescriptor(id=bytes.fromhex(held.key)) for held in keys]
