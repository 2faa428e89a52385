"""Panels of experts, a filing's prepared prefix, and companies' facts changed by four eyes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("cases", sa.Column("prefix", sa.String(length=13), nullable=True))
    op.create_table(
        "panels",
        sa.Column("case_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expert_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.ForeignKeyConstraint(["expert_id"], ["experts.expert_id"]),
        sa.PrimaryKeyConstraint("case_id", "round", "expert_id"),
    )
    op.create_table(
        "company_changes",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("before", sa.String(length=120), nullable=False),
        sa.Column("after", sa.String(length=120), nullable=False),
        sa.Column("basis", sa.String(length=200), nullable=False),
        sa.Column("based_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["companies.company_id"]),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.account_id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["accounts.account_id"]),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index("company_changes_company", "company_changes", ["company_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("company_changes")
    op.drop_table("panels")
    op.execute("ALTER TABLE cases DROP COLUMN prefix")
