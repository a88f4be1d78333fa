"""Changes of paid orders count as unpaid units; ended tasks keep lines of removed products.

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"

TABLES = ("fulfillment_line", "substitute")


def upgrade() -> None:
    op.create_index(
        "ix_order_pending_change",
        "order",
        ["customer_id"],
        postgresql_where=sa.text("pending_change_id is not null"),
    )
    for table in TABLES:
        op.alter_column(table, "order_line_id", nullable=True)


def downgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "order_line_id", nullable=False)
    op.drop_index("ix_order_pending_change", table_name="order")
