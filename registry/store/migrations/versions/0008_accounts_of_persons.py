"""Accounts of persons: a staff number (工号), and changes that wait for a second administrator."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OF_THE_OFFICE = "company_id IS NULL AND NOT disabled AND staff_number <> ''"


def upgrade() -> None:
    """Apply the change."""
    number = sa.Column("staff_number", sa.String(length=20), nullable=False, server_default="")
    op.add_column("accounts", number)
    op.create_index(
        "accounts_staff_number",
        "accounts",
        ["staff_number"],
        unique=True,
        sqlite_where=sa.text(_OF_THE_OFFICE),
        postgresql_where=sa.text(_OF_THE_OFFICE),
    )
    op.create_table(
        "account_changes",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("value", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.account_id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["accounts.account_id"]),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index("account_changes_account", "account_changes", ["account_id", "state"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("account_changes")
    op.drop_index("accounts_staff_number", "accounts")
    op.execute("ALTER TABLE accounts DROP COLUMN staff_number")
