"""Indexes for the desks' lists: what is due, cases by kind, registers by company, sessions."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES = (
    ("assessors_company", "assessors", ["company_id", "assessor_id"]),
    ("assessors_state", "assessors", ["state", "id_tag"]),
    ("cases_assigned", "cases", ["assigned_to", "turn", "due_on", "case_id"]),
    ("cases_kind", "cases", ["kind", "case_id"]),
    ("cases_kind_company", "cases", ["kind", "company_id"]),
    ("cases_turn", "cases", ["turn", "due_on", "case_id", "company_id"]),
    ("companies_district", "companies", ["district", "name", "company_id"]),
    ("companies_name", "companies", ["name", "company_id"]),
    ("passkeys_account", "passkeys", ["account_id"]),
    ("supervisions_kind", "supervisions", ["kind", "company_id", "proposed_at"]),
)
_WIDENED = (
    ("case_events_case", "case_events", ["case_id"], ["case_id", "event"]),
    ("cases_company", "cases", ["company_id", "kind"], ["company_id", "turn", "due_on"]),
)


def upgrade() -> None:
    """Apply the change."""
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns, unique=False)
    for name, table, _before, columns in _WIDENED:
        op.drop_index(name, table)
        op.create_index(name, table, columns, unique=False)


def downgrade() -> None:
    """Take the change back."""
    for name, table, before, _columns in _WIDENED:
        op.drop_index(name, table)
        op.create_index(name, table, before, unique=False)
    for name, table, _columns in reversed(_INDEXES):
        op.drop_index(name, table)
