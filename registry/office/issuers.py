"""Recording a filed company (备案企业) as an issuer, with its keys announced in the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from keys.model import KeyInfo
from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.issuer_keys import announce_key
from registry.store.audit import AuditLine
from registry.store.organisations import Issuer


def add_issuer(
    session: Session, issuer: Issuer, *, keys: Sequence[KeyInfo], context: Context
) -> None:
    """Record ``issuer`` and its keys for records and seals; all of it becomes public.

    Raises ``Refused`` if its prefix or social credit code (统一社会信用代码) is known already.
    """
    if is_known(session, prefix=issuer.prefix, uscc=issuer.uscc):
        msg = f"prefix {issuer.prefix} or this social credit code is recorded already"
        raise Refused(msg)
    now = context.clock.now()
    issuer.added_at = now
    session.add(issuer)
    session.flush()
    for key in keys:
        announce_key(session, issuer.prefix, key, now=now)
    session.add(
        AuditLine(
            at=now,
            actor=context.actor,
            action="issuer-add",
            subject=issuer.prefix,
            detail=", ".join(f"{key.purpose} key {key.key_id}" for key in keys),
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
