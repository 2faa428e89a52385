"""The provincial exchange: uploads with their events and receipts, visibility, office keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change; every row there was before is owed, for nothing recorded it as sent."""
    _add_row_columns()
    _create_uploads()
    op.create_table(
        "visibility_checks",
        sa.Column("status_index", _LONG, nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.Column("seen_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["status_index"], ["certificates.status_index"]),
        sa.PrimaryKeyConstraint("status_index", "source"),
    )
    op.create_table(
        "office_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("algorithm", sa.String(length=32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_group", _LONG, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_group", _LONG, nullable=True),
        sa.ForeignKeyConstraint(["added_group"], ["event_groups.group_id"]),
        sa.ForeignKeyConstraint(["ended_group"], ["event_groups.group_id"]),
        sa.PrimaryKeyConstraint("key_id"),
    )


def _add_row_columns() -> None:
    op.add_column("upload_rows", sa.Column("upload_id", sa.String(length=9), nullable=True))
    op.add_column("upload_rows", sa.Column("row", sa.Integer(), nullable=True))
    state = sa.Column("state", sa.String(length=9), nullable=False, server_default="owed")
    op.add_column("upload_rows", state)
    reason = sa.Column("reason", sa.String(length=64), nullable=False, server_default="")
    op.add_column("upload_rows", reason)
    op.add_column("upload_rows", sa.Column("answered_on", sa.Date(), nullable=True))
    for name, columns, where in (
        ("upload_rows_owed", ["batch_id", "status_index"], "state = 'owed'"),
        ("upload_rows_refused", ["upload_id"], "state = 'refused'"),
        ("upload_rows_upload", ["upload_id"], "upload_id IS NOT NULL"),
    ):
        op.create_index(
            name,
            "upload_rows",
            columns,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("upload_id", sa.String(length=9), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("prefix", sa.String(length=13), nullable=False),
        sa.Column("authority_batch", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_way", sa.String(length=4), nullable=True),
        sa.Column("snapshot", sa.String(length=64), nullable=True),
        sa.Column("package", sa.String(length=64), nullable=True),
        sa.Column("manifest_digest", sa.String(length=64), nullable=True),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("mapping", sa.String(length=80), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_problem", sa.String(length=64), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(["prefix"], ["issuers.prefix"]),
        sa.PrimaryKeyConstraint("upload_id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("uploads_state", "uploads", ["state", "next_try_at"])
    op.create_table(
        "upload_events",
        sa.Column("event_id", _LONG, nullable=False),
        sa.Column("upload_id", sa.String(length=9), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.upload_id"]),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("upload_events_upload", "upload_events", ["upload_id", "event_id"])
    op.create_table(
        "upload_receipts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("upload_id", sa.String(length=9), nullable=False),
        sa.Column("centre", sa.String(length=100), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.upload_id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("upload_receipts_upload", "upload_receipts", ["upload_id"])
    op.create_index("upload_receipts_previous", "upload_receipts", ["centre", "previous"])
    op.create_table(
        "chain_changes",
        sa.Column("change_id", _LONG, nullable=False),
        sa.Column("status_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("change_id"),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("chain_changes")
    op.drop_table("office_keys")
    op.drop_table("visibility_checks")
    op.drop_table("upload_receipts")
    op.drop_table("upload_events")
    op.drop_table("uploads")
    op.drop_index("upload_rows_upload", "upload_rows")
    op.drop_index("upload_rows_refused", "upload_rows")
    op.drop_index("upload_rows_owed", "upload_rows")
    for column in ("answered_on", "reason", "state", "row", "upload_id"):
        op.execute(f"ALTER TABLE upload_rows DROP COLUMN {column}")
