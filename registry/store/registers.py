"""The registers (名册) of the procedure: experts, assessors, occupations, draws and supervision.

Also the rules and calendars that were made at the desk: dated rows, never changes of code.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class Expert(Base):
    """An expert or quality supervisor (专家、质量督导员) of the office's pool; name encrypted.

    ``account_id`` is the account a supervisor works with; no two share one.
    """

    __tablename__ = "experts"
    __table_args__ = (Index("experts_account", "account_id", unique=True),)

    expert_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    label: Mapped[str] = mapped_column(String(40), unique=True)
    fields: Mapped[str] = mapped_column(String(400))
    active: Mapped[bool] = mapped_column(default=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))


class Assessor(Base):
    """An assessor (考评人员) of a company: what they may assess and until when."""

    __tablename__ = "assessors"
    __table_args__ = (
        UniqueConstraint("company_id", "id_tag"),
        Index("assessors_company", "company_id", "assessor_id"),
        Index("assessors_state", "state", "id_tag"),
    )

    assessor_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.company_id"))
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    occupations: Mapped[str] = mapped_column(String(400))
    valid_until: Mapped[date]
    state: Mapped[str] = mapped_column(String(20))
    faults: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Occupation(Base):
    """One occupation of the classification (职业分类大典), by edition (2015, 2022).

    ``levels`` are the symbols that may be assessed; ``directions`` are the trades (工种), parted
    by ``、``; ``national``: it stands in the national qualification catalogue and is shut out.
    """

    __tablename__ = "occupations"

    edition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    directions: Mapped[str] = mapped_column(String(800), default="")
    levels: Mapped[str] = mapped_column(String(16))
    national: Mapped[bool] = mapped_column(default=False)


class RuleRow(Base):
    """A dated rule made at the desk: a term (unit, counting, turn) or a threshold."""

    __tablename__ = "rule_rows"

    rule_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(32))
    length: Mapped[int] = mapped_column(Integer)
    unit: Mapped[str] = mapped_column(String(16), default="")
    counting: Mapped[str] = mapped_column(String(16), default="")
    turn: Mapped[str] = mapped_column(String(12), default="")
    bars: Mapped[bool] = mapped_column(default=True)
    basis: Mapped[str] = mapped_column(String(200))
    since: Mapped[date]
    until: Mapped[date | None]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(80))


class YearNoticeRow(Base):
    """A year's holiday notice as loaded: days off and made up, as ISO dates parted by spaces."""

    __tablename__ = "year_notices"

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    basis: Mapped[str] = mapped_column(String(200))
    off: Mapped[str] = mapped_column(String(1200))
    work: Mapped[str] = mapped_column(String(400))
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    loaded_by: Mapped[str] = mapped_column(String(80))


class Draw(Base):
    """A random draw (双随机) of plans and supervisors that anyone can compute again.

    ``pool`` is canonical JSON, fixed with its own ledger entry before the checkpoint whose hash
    is the seed was published; ``result`` is empty until then.
    """

    __tablename__ = "draws"

    draw_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    pool: Mapped[bytes] = mapped_column(LargeBinary)
    pool_group: Mapped[int] = mapped_column(ForeignKey("event_groups.group_id"))
    seed_note: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    result: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    result_group: Mapped[int | None] = mapped_column(ForeignKey("event_groups.group_id"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))


class Supervision(Base):
    """One visit (质量督导), yearly evaluation (年度评估) or sanction (处理), with its finding.

    ``decided_by`` is never ``proposed_by``; the text is encrypted. ``expert_id`` is the supervisor
    who was drawn; the row has been in its state since ``entered_at``.
    """

    __tablename__ = "supervisions"
    __table_args__ = (
        Index("supervisions_company", "company_id", "kind"),
        Index("supervisions_kind", "kind", "company_id", "proposed_at"),
        Index("supervisions_state", "state", "kind"),
    )

    supervision_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.company_id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.case_id"))
    assessor_id: Mapped[int | None] = mapped_column(ForeignKey("assessors.assessor_id"))
    draw_id: Mapped[int | None] = mapped_column(ForeignKey("draws.draw_id"))
    state: Mapped[str] = mapped_column(String(20))
    result: Mapped[str] = mapped_column(String(40), default="")
    text: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    proposed_by: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expert_id: Mapped[int | None] = mapped_column(ForeignKey("experts.expert_id"))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
