"""Recording a filed company (备案企业) as an issuer, with its key announced in the ledger."""

from __future__ import annotations

import base64

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from keys.model import KeyInfo
from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.events import event_page
from registry.store.audit import AuditLine
from registry.store.log import EventGroup
from registry.store.organisations import Issuer
from signing.canonical import encode
from signing.tlog.entry import Key, format_time


def add_issuer(session: Session, issuer: Issuer, *, key: KeyInfo, context: Context) -> None:
    """Record ``issuer`` and its record-signing key; both become public.

    Raises ``Refused`` if its prefix or social credit code (统一社会信用代码) is known already.
    """
    if is_known(session, prefix=issuer.prefix, uscc=issuer.uscc):
        msg = f"prefix {issuer.prefix} or this social credit code is recorded already"
        raise Refused(msg)
    now = context.clock.now()
    issuer.added_at = now
    group = EventGroup(kind="key", count=1, at=now)
    session.add_all((issuer, group))
    session.flush()
    entry = Key(
        action="add",
        alg=key.algorithm.value,
        issuer=issuer.prefix,
        key=key.key_id,
        public=base64.b64encode(key.public_key).decode(),
        time=format_time(now),
    )
    session.add_all(
        (
            event_page(group.group_id, encode(entry)),
            AuditLine(
                at=now,
                actor=context.actor,
                action="issuer-add",
                subject=issuer.prefix,
                detail=f"record key {key.key_id}",
            ),
        )
    )


def is_known(session: Session, *, prefix: str, uscc: str) -> bool:
    """Tell whether an issuer with this prefix or social credit code is recorded."""
    query = select(Issuer).where(or_(Issuer.prefix == prefix, Issuer.uscc == uscc))
    return session.scalars(query).first() is not None


def get_issuer(session: Session, prefix: str) -> Issuer:
    """Return the issuer with this prefix; ``NotFound`` if there is none."""
    issuer = session.get(Issuer, prefix)
    if issuer is None:
        msg = f"no issuer with prefix {prefix}: add it with `certreg issuer add`"
        raise NotFound(msg)
    return issuer


def all_issuers(session: Session) -> tuple[Issuer, ...]:
    """Return all issuers in the order of their prefixes."""
    return tuple(session.scalars(select(Issuer).order_by(Issuer.prefix)))
