"""Support reopens an order that was completed by mistake: when, why, and in which words.

Revision ID: 0054
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"

REASONS = sa.Enum(
    "NOT_RECEIVED", "WRONG_ORDER", "OTHER", name="orderreopenreason", native_enum=False, length=40
)


def upgrade() -> None:
    op.add_column("order", sa.Column("reopened_at", sa.DateTime(timezone=True)))
    op.add_column("order", sa.Column("reopen_reason", REASONS))
    note = sa.Column("reopen_note", sa.Text(), server_default="", nullable=False)
    op.add_column("order", note)


def downgrade() -> None:
    for name in ("reopen_note", "reopen_reason", "reopened_at"):
        op.drop_column("order", name)
