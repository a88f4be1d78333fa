"""An order may have several payment attempts, of which one is current.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column(
        "payment",
        sa.Column("is_current", sa.Boolean(), nullable=False, server_default=sa.text("true")),
    )
    op.execute("alter table payment no force row level security")  # its owner changes all rows
    op.execute(
        "update payment p set is_current = false"
        " where exists (select from payment q where q.order_id = p.order_id and q.id > p.id)"
    )
    op.execute("alter table payment force row level security")
    op.create_index(
        "uq_payment_current",
        "payment",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )


def downgrade() -> None:
    op.drop_index("uq_payment_current", table_name="payment")
    op.drop_column("payment", "is_current")
