"""Holders' papers that were looked into and not taken in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "holder_papers",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("paper_id"),
    )
    op.create_index("holder_papers_tag", "holder_papers", ["id_tag", "looked_at"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("holder_papers")
