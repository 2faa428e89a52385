"""Which pages of the desks the benchmark walks: all that people open in everyday work, by login.

Numbers are found in the database by kind and state. What is no page is left out (spreadsheets, a
PDF, a draw's file), and so are the sign-in, where a password's hash is meant to cost time, and the
check of the whole audit chain, which is a job that grows with the years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.cli.demo_cast import POWER, PRECISION
from registry.store.accounts import Account
from registry.store.procedure import Case, Company
from registry.store.registers import Assessor, Draw, Supervision

LOGINS = ("editor-jm", "head-jm", "editor-dl", "clerk", "clerk-a", "approver", "supervisor")
OTHERS = ("auditor", "admin")
_CLERKS = ("clerk", "clerk-a")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Numbers to put into addresses; ``cases`` are the first company's, by kind and state."""

    cases: dict[tuple[str, str], int]
    small: dict[tuple[str, str], int]
    filings: dict[str, int]
    company: int
    assessor: int
    item: int
    draw: int
    account: int


def find_places(session: Session) -> Places:
    """Look the numbers up."""
    ids = dict(session.execute(select(Company.uscc, Company.company_id)).all())
    of = {uscc: dict(_cases(session, number)) for uscc, number in ids.items()}
    filings = session.execute(
        select(Case.state, Case.case_id).where(Case.kind == "filing").order_by(Case.case_id.desc())
    )
    first = select(Assessor.assessor_id).where(Assessor.company_id == ids[PRECISION.uscc])
    visits = select(Supervision.supervision_id).where(Supervision.draw_id.is_not(None))
    return Places(
        cases=of[PRECISION.uscc],
        small=of[POWER.uscc],
        filings=dict(filings.all()),
        company=ids[PRECISION.uscc],
        assessor=session.scalars(first).first() or 0,
        item=session.scalars(visits).first() or 0,
        draw=session.scalars(select(Draw.draw_id)).first() or 0,
        account=session.scalars(select(Account.account_id)).first() or 0,
    )


def _cases(session: Session, company: int) -> Iterator[tuple[tuple[str, str], int]]:
    query = select(Case.kind, Case.state, Case.case_id).where(Case.company_id == company)
    for kind, state, number in session.execute(query.order_by(Case.case_id.desc())):
        yield (kind, state), number


def pages(at: Places) -> Iterator[tuple[str, str]]:
    """Yield login and address of each page."""
    yield from _lists()
    yield from _office(at)
    yield from _company(at)
    yield from _batches(at)


def _lists() -> Iterator[tuple[str, str]]:
    kinds = ("filing", "scheme", "plan", "batch")
    for login in LOGINS:
        yield login, "/"
        yield from ((login, f"/list/{kind}") for kind in kinds)
        yield from ((login, path) for path in ("/companies", "/assessors", "/supervision"))
    for login in ("clerk", "editor-jm"):
        yield from ((login, f"/list/{kind}?page=2") for kind in kinds)
        yield login, "/schemes/published"
        yield login, "/occupations"
        yield login, "/occupations?q=示例工种15"
        yield from ((login, path) for path in ("/rules", "/calendar/2026", "/me"))
    yield from (("clerk", path) for path in ("/experts", "/companies?page=5", "/assessors?page=9"))
    yield from (("auditor", path) for path in ("/", "/audit", "/audit?actor=editor-dl-7"))
    yield from (("admin", path) for path in ("/accounts", "/accounts?page=9", "/accounts/new"))


def _office(at: Places) -> Iterator[tuple[str, str]]:
    for state, number in at.filings.items():
        yield "clerk", f"/cases/{number}"
        yield "clerk", f"/cases/{number}/documents"
        if state == "submitted":
            yield "clerk", f"/filings/{number}/return"
        if state == "in-review":
            yield "clerk", f"/filings/{number}/assign"
        if state == "site-review":
            yield "clerk", f"/filings/{number}/votes"
        if state == "prepared":
            yield "approver", f"/filings/{number}/approve"
    for (kind, state), number in at.cases.items():
        yield "clerk", f"/cases/{number}"
        if (kind, state) == ("scheme", "assessed"):
            yield "clerk", f"/schemes/{number}/votes"
        if (kind, state) == ("plan", "submitted"):
            yield "clerk", f"/plans/{number}/return"
    yield "admin", f"/accounts/{at.account}"
    yield "clerk", f"/supervision/{at.item}"
    yield "clerk", "/supervision/draws/new"
    yield "clerk", f"/supervision/draws/{at.draw}"
    yield "clerk", f"/supervision/companies/{at.company}/evaluate"
    yield "clerk", "/supervision/propose"
    yield "clerk", f"/supervision/companies/{at.company}/delist"
    yield "clerk", f"/supervision/assessors/{at.assessor}/disqualify"
    yield "clerk", "/supervision/batches/revoke"
    yield "supervisor", f"/supervision/assessors/{at.assessor}/fault"
    yield from (("approver", f"/rules/{path}") for path in ("terms/publicity",))
    yield "approver", "/calendar/2027/notice"


def _company(at: Places) -> Iterator[tuple[str, str]]:
    yield from (("editor-jm", path) for path in ("/filings/new", "/schemes/new", "/plans/new"))
    yield from (("editor-jm", path) for path in ("/batches/new", "/assessors/new"))
    yield "editor-jm", f"/assessors/{at.assessor}"
    yield "editor-jm", "/assessors/import"
    for (kind, state), number in at.small.items():
        if (kind, state) == ("filing", "draft"):
            for part in ("tasks", "company", "conditions", "occupations", "check"):
                yield "editor-dl", f"/filings/{number}/{part}"
            yield "editor-dl", f"/cases/{number}/documents"
    for (kind, state), number in at.cases.items():
        yield "editor-jm", f"/cases/{number}"
        if (kind, state) == ("scheme", "draft"):
            for part in ("tasks", "standard", "levels/5", "check"):
                yield "editor-jm", f"/schemes/{number}/{part}"
        if (kind, state) == ("plan", "returned"):
            for part in ("tasks", "times", "assessors", "training", "roster", "check"):
                yield "editor-jm", f"/plans/{number}/{part}"
        if kind == "plan" and state in ("submitted", "held"):
            yield "editor-jm", f"/plans/{number}/people"
            yield "clerk", f"/plans/{number}/people?page=20"


def _batches(at: Places) -> Iterator[tuple[str, str]]:
    for (kind, state), number in at.cases.items():
        if kind != "batch":
            continue
        yield "clerk", f"/batches/{number}/results"
        yield "editor-jm", f"/batches/{number}/results?page=20"
        if state in ("draft", "returned"):
            for part in ("tasks", "evidence", "scores", "publish"):
                yield "editor-jm", f"/batches/{number}/{part}"
        if state == "publicity":
            for part in ("publicity", "publicity/list", "check"):
                yield "head-jm", f"/batches/{number}/{part}"
        if state in ("submitted", "prepared"):
            login = "clerk" if state == "submitted" else "approver"
            yield login, f"/batches/{number}/review"
            yield login, f"/batches/{number}/return"
        if state == "approved":
            yield "clerk", f"/batches/{number}/issue"
        if state == "issued":
            yield "clerk", f"/batches/{number}/issued"
