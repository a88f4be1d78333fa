"""A change of stock has the time of the change, not of the beginning of its transaction.

Revision ID: 0075
Revises: 0074
"""

from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    op.execute("alter table stock_entry alter column occurred_at set default clock_timestamp()")


def downgrade() -> None:
    op.execute("alter table stock_entry alter column occurred_at set default now()")
