"""Supervisors' accounts, since when a matter waits, and the API's answers kept for a repetition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    # Plain statements: a table that others refer to is not built anew in SQLite.
    op.execute("ALTER TABLE experts ADD COLUMN account_id INTEGER REFERENCES accounts (account_id)")
    op.create_index("experts_account", "experts", ["account_id"], unique=True)
    op.execute(
        "ALTER TABLE supervisions ADD COLUMN expert_id INTEGER REFERENCES experts (expert_id)"
    )
    begun = sa.Column(
        "entered_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("'1970-01-01 00:00:00'"),
        nullable=False,
    )
    op.add_column("supervisions", begun)
    # Of rows from before nothing is known but when they were made, or decided on.
    op.execute("UPDATE supervisions SET entered_at = coalesce(decided_at, proposed_at)")
    op.create_index("supervisions_state", "supervisions", ["state", "kind"], unique=False)
    op.create_table(
        "api_answers",
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("attempt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
        sa.PrimaryKeyConstraint("answer_id"),
        sa.UniqueConstraint("account_id", "key_hash"),
    )
    op.create_index("api_answers_begun", "api_answers", ["begun_at"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("api_answers")
    op.drop_index("supervisions_state", "supervisions")
    op.drop_index("experts_account", "experts")
    for table, column in (
        ("supervisions", "entered_at"),
        ("supervisions", "expert_id"),
        ("experts", "account_id"),
    ):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
