"""Holders: contacts, codes, sessions, answered asks, copies, share links, change requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = (
    "change_requests",
    "share_views",
    "share_links",
    "holder_copies",
    "holder_asks",
    "holder_sessions",
    "holder_codes",
    "holder_contacts",
)


def upgrade() -> None:
    """Apply the change."""
    # The index of holdings leaves out what was revoked; whoever held it still sees it.
    op.create_index(
        "certificates_revoked",
        "certificates",
        ["id_tag"],
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    _entering()
    _copies_and_links()
    _requests()


def _entering() -> None:
    op.create_table(
        "holder_contacts",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_at", _TIME, nullable=False),
        sa.Column("former", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("contact_id"),
        sa.UniqueConstraint("id_tag"),
    )
    op.create_table(
        "holder_codes",
        sa.Column("handle_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("network_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("handle_hash"),
    )
    op.create_index("holder_codes_tag", "holder_codes", ["id_tag", "made_at"])
    op.create_index("holder_codes_network", "holder_codes", ["network_tag", "made_at"])
    op.create_table(
        "holder_sessions",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("begun_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "holder_asks",
        sa.Column("ask_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("answered_at", _TIME, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ask_id"),
    )


def _copies_and_links() -> None:
    op.create_table(
        "holder_copies",
        sa.Column("copy_id", sa.Integer(), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.String(length=22), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("copy_id"),
    )
    op.create_index("holder_copies_tag", "holder_copies", ["id_tag"])
    op.create_table(
        "share_links",
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.String(length=22), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("share_id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("share_links_tag", "share_links", ["id_tag"])
    op.create_table(
        "share_views",
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("network", sa.String(length=48), nullable=False),
        sa.ForeignKeyConstraint(["share_id"], ["share_links.share_id"]),
        sa.PrimaryKeyConstraint("view_id"),
    )
    op.create_index("share_views_share", "share_views", ["share_id"])


def _requests() -> None:
    op.create_table(
        "change_requests",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("number", sa.String(length=22), nullable=False),
        sa.Column("id_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("document_kind", sa.String(length=4), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["accounts.account_id"]),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index("change_requests_tag", "change_requests", ["id_tag"])
    op.create_index("change_requests_state", "change_requests", ["state", "due_on"])


def downgrade() -> None:
    """Take the change back."""
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("certificates_revoked", "certificates")
