"""Changes of paid orders count as unpaid units; ended tasks keep lines of removed products.

Revision ID: x7a
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "x7a"
down_revision = "0037"

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
