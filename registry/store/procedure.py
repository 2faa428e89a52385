"""The procedure's cases (办件): filings, schemes, plans and result batches of companies.

All four are rows of one table with a state, a version and a typed form; what a state allows is
the business of `registry.rules.machines`. Forms, people and contacts are encrypted; the columns
in clear are what due lists and searches need, and never name a person.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class Company(Base):
    """A company that files or has filed (备案企业); ``prefix`` once the province has given one.

    ``state`` is one of the company machine's; barred until just before ``barred_until``.
    """

    __tablename__ = "companies"
    __table_args__ = (
        Index("companies_name", "name", "company_id"),
        Index("companies_district", "district", "name", "company_id"),
    )

    company_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    district: Mapped[str] = mapped_column(String(12), default="")
    state: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(Integer, default=1)
    pilot: Mapped[bool] = mapped_column(default=False)
    prefix: Mapped[str | None] = mapped_column(ForeignKey("issuers.prefix"), unique=True)
    listed_on: Mapped[date | None]
    barred_until: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Case(Base):
    """One case. ``version`` grows with every change: of two people who act at once, one wins.

    ``reference`` is what people quote (备案-2026-0001); ``title`` names occupation and level;
    ``parent_id`` is the case this one rests on (scheme → filing, plan → scheme, batch → plan).
    ``due_on``, ``due_term`` and ``turn`` say until when whose turn it is; ``due_provisional``
    that a day counted lies in a year without a calendar notice. ``prefix`` is the province's code
    as the clerk entered it, for the approver to compare.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("cases_due", "state", "due_on"),
        Index("cases_company", "company_id", "turn", "due_on"),
        Index("cases_assigned", "assigned_to", "turn", "due_on", "case_id"),
        Index("cases_kind", "kind", "case_id"),
        Index("cases_kind_company", "kind", "company_id"),
        Index("cases_turn", "turn", "due_on", "case_id", "company_id"),
    )

    case_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.company_id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("cases.case_id"))
    title: Mapped[str] = mapped_column(String(160))
    state: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(Integer, default=1)
    form: Mapped[bytes] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_on: Mapped[date | None]
    first_day: Mapped[date | None]
    due_on: Mapped[date | None]
    due_from: Mapped[date | None]
    due_term: Mapped[str | None] = mapped_column(String(32))
    due_provisional: Mapped[bool] = mapped_column(default=False)
    turn: Mapped[str | None] = mapped_column(String(12))
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    prepared_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    outcome: Mapped[str] = mapped_column(String(40), default="")
    prefix: Mapped[str | None] = mapped_column(String(13))


class CompanyChange(Base):
    """A change of a company's facts (名称、代码、辖区、试点): proposed by one, decided by another.

    ``before`` and ``after`` are the values, ``basis`` and ``based_on`` the paper it rests on and
    that paper's date; ``state`` is proposed, adopted or dropped. Decided rows are the history.
    """

    __tablename__ = "company_changes"
    __table_args__ = (Index("company_changes_company", "company_id"),)

    change_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.company_id"))
    kind: Mapped[str] = mapped_column(String(12))
    before: Mapped[str] = mapped_column(String(120))
    after: Mapped[str] = mapped_column(String(120))
    basis: Mapped[str] = mapped_column(String(200))
    based_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(12))
    proposed_by: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CaseEvent(Base):
    """One step of a case's timeline (办理过程); ``note`` is encrypted: people write names in it."""

    __tablename__ = "case_events"
    __table_args__ = (Index("case_events_case", "case_id", "event"),)

    event_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    actor: Mapped[str] = mapped_column(String(20))
    event: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str] = mapped_column(String(20))
    to_state: Mapped[str] = mapped_column(String(20))
    note: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    milestone_id: Mapped[int | None] = mapped_column(ForeignKey("milestones.milestone_id"))


class CasePerson(Base):
    """One person of a plan's roster (评价员工名册) or of a batch's results (评价结果)."""

    __tablename__ = "case_persons"
    __table_args__ = (Index("case_persons_tag", "id_tag"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    passed: Mapped[bool] = mapped_column(default=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class CaseDocument(Base):
    """One document of a case: its digest here, its bytes in the document store.

    ``kept_until`` is the last day by the rule for its coming or removal; it is erased after that
    only if it was removed or its case refused.
    """

    __tablename__ = "case_documents"
    __table_args__ = (Index("case_documents_case", "case_id"),)

    document_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"))
    kind: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    scan: Mapped[str] = mapped_column(String(12))
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kept_until: Mapped[date | None]
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PanelMember(Base):
    """One expert of the panel (专家组) that was drawn for one round of a case."""

    __tablename__ = "panels"

    case_id: Mapped[int] = mapped_column(
        ForeignKey("cases.case_id"), primary_key=True, autoincrement=False
    )
    round: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    expert_id: Mapped[int] = mapped_column(
        ForeignKey("experts.expert_id"), primary_key=True, autoincrement=False
    )


class Vote(Base):
    """One expert's opinion (专家意见) on a filing's site or a scheme, as recorded by the clerk."""

    __tablename__ = "votes"
    __table_args__ = (Index("votes_case", "case_id"),)

    vote_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"))
    expert_id: Mapped[int] = mapped_column(ForeignKey("experts.expert_id"))
    round: Mapped[int] = mapped_column(Integer, default=1)
    in_favour: Mapped[bool]
    opinion: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
