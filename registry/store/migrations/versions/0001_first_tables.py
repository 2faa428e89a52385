"""First tables: issuers, batches, certificates, events, log head, outbox and audit lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "audit_lines",
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("line_id"),
    )
    op.create_table(
        "counters",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("next_value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "event_groups",
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_status", sa.BigInteger(), nullable=True),
        sa.Column("certificates", sa.Integer(), nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("group_id"),
    )
    op.create_index(
        "event_groups_pending",
        "event_groups",
        ["group_id"],
        unique=False,
        sqlite_where=sa.text("first_index IS NULL"),
        postgresql_where=sa.text("first_index IS NULL"),
    )
    op.create_index(
        "event_groups_unpublished",
        "event_groups",
        ["group_id"],
        unique=False,
        sqlite_where=sa.text("NOT published"),
        postgresql_where=sa.text("NOT published"),
    )

    op.create_table(
        "issuers",
        sa.Column("prefix", sa.String(length=13), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("levels", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("prefix"),
        sa.UniqueConstraint("uscc"),
    )
    op.create_table(
        "log_heads",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("status_leaf", sa.BigInteger(), nullable=False),
        sa.Column("status_entry", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "status_pages",
        sa.Column("page", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("page"),
    )
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.Column("prefix", sa.String(length=13), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("approval", sa.String(length=80), nullable=False),
        sa.Column("first_status", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["prefix"],
            ["issuers.prefix"],
        ),
        sa.PrimaryKeyConstraint("batch_id"),
        sa.UniqueConstraint("prefix", "content_digest"),
    )
    op.create_table(
        "event_pages",
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_ordinal", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["event_groups.group_id"],
        ),
        sa.PrimaryKeyConstraint("group_id", "first_ordinal"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "certificates",
        sa.Column(
            "status_index",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("number", sa.String(length=22), nullable=False),
        sa.Column("edition", sa.SmallInteger(), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.String(length=1), nullable=False),
        sa.Column("occupation_code", sa.String(length=16), nullable=False),
        sa.Column("issued", sa.Date(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["event_groups.group_id"],
        ),
        sa.PrimaryKeyConstraint("status_index"),
        sa.UniqueConstraint("number", "edition"),
    )
    op.create_index(
        "certificates_holding",
        "certificates",
        ["id_tag", "occupation_code", "level"],
        unique=True,
        sqlite_where=sa.text("state IN (0, 2)"),
        postgresql_where=sa.text("state IN (0, 2)"),
    )

    op.create_table(
        "upload_rows",
        sa.Column(
            "status_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["status_index"],
            ["certificates.status_index"],
        ),
        sa.PrimaryKeyConstraint("status_index", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "upload_rows_batch",
        "upload_rows",
        ["batch_id"],
        unique=False,
        sqlite_where=sa.text("kind != '新增'"),
        postgresql_where=sa.text("kind != '新增'"),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("upload_rows")
    op.drop_table("certificates")
    op.drop_table("event_pages")
    op.drop_table("batches")
    op.drop_table("status_pages")
    op.drop_table("log_heads")
    op.drop_table("issuers")
    op.drop_table("event_groups")
    op.drop_table("counters")
    op.drop_table("audit_lines")
