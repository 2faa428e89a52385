"""Change requests: what is to be done, by which version, from which day, and each step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ADDED = ("version", "plan", "edition", "edition_made", "due_from")


def upgrade() -> None:
    """Apply the change."""
    for column in (
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("plan", sa.LargeBinary(), nullable=True),
        sa.Column("edition", sa.SmallInteger(), nullable=True),
        sa.Column("edition_made", sa.SmallInteger(), nullable=True),
        sa.Column("due_from", sa.Date(), nullable=True),
    ):
        op.add_column("change_requests", column)
    # What the desk had taken up waits for its check; what it had refused stays refused.
    op.execute("UPDATE change_requests SET state = 'received' WHERE state = 'accepted'")
    op.execute("UPDATE change_requests SET due_from = received_on")
    op.create_index("change_requests_number", "change_requests", ["number"])
    op.create_table(
        "change_events",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=20), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("from_state", sa.String(length=12), nullable=False),
        sa.Column("to_state", sa.String(length=12), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["change_requests.request_id"]),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("change_events_request", "change_events", ["request_id"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("change_events")
    op.drop_index("change_requests_number", "change_requests")
    for name in _ADDED:
        op.drop_column("change_requests", name)
