"""Locks on a case and its company: what a step was checked against stays so until its commit."""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry.store.locks import share_almanac
from registry.store.procedure import Case, Company


def lock_standing(session: Session, company_id: int) -> Company:
    """Read a company and let its standing be until the commit.

    The order of locks, in which nobody waits for one who waits for him: the almanac, the company,
    its cases by number.
    """
    share_almanac(session)
    return session.get_one(
        Company, company_id, with_for_update={"read": True}, populate_existing=True
    )


def lock_case(session: Session, case: Case) -> None:
    """Read a case and its company again and keep others off, so that what is checked stays so."""
    lock_standing(session, case.company_id)
    # Not the key: a line of its timeline that somebody else adds need not wait.
    session.refresh(case, with_for_update={"key_share": True})
