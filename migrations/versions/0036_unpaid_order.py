"""Where an unpaid order comes from, as keyed hashes, to bound what waits for payment.

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"

COLUMNS = {"customer": "customer_id", "device": "device_hash", "network": "network_hash"}


def upgrade() -> None:
    op.add_column("order", sa.Column("network_hash", sa.LargeBinary()))
    op.add_column("order", sa.Column("device_hash", sa.LargeBinary()))
    for payer, column in COLUMNS.items():
        op.create_index(
            f"ix_order_unpaid_{payer}",
            "order",
            [column],
            postgresql_where=sa.text("status = 'PLACED'"),
        )


def downgrade() -> None:
    for payer in COLUMNS:
        op.drop_index(f"ix_order_unpaid_{payer}", table_name="order")
    op.drop_column("order", "device_hash")
    op.drop_column("order", "network_hash")
