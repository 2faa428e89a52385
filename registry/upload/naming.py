"""The name under which an organisation was filed (备案) at a given moment.

A sheet that is stamped is stamped under the name of the day. It is made again from the database
if its file is lost, perhaps after a renaming, and must come out the same to the byte.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.store.organisations import Issuer
from registry.store.procedure import Company, CompanyChange


def filed_name(session: Session, prefix: str, at: datetime) -> str:
    """Return the organisation's name as filed at ``at`` (aware); "" if there is none such."""
    issuer = session.get(Issuer, prefix)
    if issuer is None:
        return ""
    # The first renaming after that moment says what the name was until then.
    before = (
        select(CompanyChange.before)
        .join(Company, Company.company_id == CompanyChange.company_id)
        .where(
            Company.uscc == issuer.uscc,
            CompanyChange.kind == "name",
            CompanyChange.state == "adopted",
            CompanyChange.decided_at > at,
        )
        .order_by(CompanyChange.decided_at, CompanyChange.change_id)
        .limit(1)
    )
    return session.scalar(before) or issuer.name
