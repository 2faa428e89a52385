"""The ledger, complete: keys, milestones, cosignatures, and logs that follow each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("log_heads") as table:
        table.add_column(
            sa.Column("round_id", sa.String(length=40), server_default="", nullable=False)
        )
    op.create_table(
        "log_eras",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("final_note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("origin"),
    )
    op.create_table(
        "cosignatures",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=255), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", "witness"),
    )
    op.create_table(
        "issuer_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("prefix", sa.String(length=13), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("algorithm", sa.String(length=32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_group", _id(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_group", _id(), nullable=True),
        sa.ForeignKeyConstraint(["prefix"], ["issuers.prefix"]),
        sa.ForeignKeyConstraint(["added_group"], ["event_groups.group_id"]),
        sa.ForeignKeyConstraint(["ended_group"], ["event_groups.group_id"]),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index("issuer_keys_prefix", "issuer_keys", ["prefix"], unique=False)
    op.create_table(
        "milestones",
        sa.Column("milestone_id", _id(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("group_id", _id(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["event_groups.group_id"]),
        sa.PrimaryKeyConstraint("milestone_id"),
    )
    op.create_index("milestones_subject", "milestones", ["subject"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("milestones")
    op.drop_table("issuer_keys")
    op.drop_table("cosignatures")
    op.drop_table("log_eras")
    with op.batch_alter_table("log_heads") as table:
        table.drop_column("round_id")
