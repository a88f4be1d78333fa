"""Orders that customers collect from the store.

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

ENDED = "'REJECTED','TIMED_OUT','CANCELED','PUT_BACK'"
QUEUE = "'QUEUED','ACCEPTED','PICKING','AWAITING_SUBSTITUTION','PACKED','STAGED'"


def upgrade() -> None:
    for table in ("order", "fulfillment"):
        op.add_column(
            table, sa.Column("method", sa.String(40), nullable=False, server_default="DELIVERY")
        )
    op.add_column("order", sa.Column("pickup_due_at", sa.DateTime(timezone=True)))
    op.add_column(
        "fulfillment",
        sa.Column("pickup_attempts", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column(
        "store", sa.Column("pickup_enabled", sa.Boolean(), nullable=False, server_default="false")
    )
    op.add_column(
        "store",
        sa.Column("pickup_wait_seconds", sa.Integer(), nullable=False, server_default="7200"),
    )
    op.create_check_constraint(
        op.f("ck_store_pickup_wait_seconds"), "store", "pickup_wait_seconds between 600 and 86400"
    )
    _index(f"{ENDED},'NOT_COLLECTED'", f"{QUEUE},'READY_FOR_PICKUP'")


def _index(ended: str, queue: str) -> None:
    """Build the indexes of live and of open tasks again, with these statuses."""
    op.drop_index("uq_fulfillment_live", table_name="fulfillment")
    op.drop_index("ix_fulfillment_queue", table_name="fulfillment")
    op.create_index(
        "uq_fulfillment_live",
        "fulfillment",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text(f"status not in ({ended})"),
    )
    op.create_index(
        "ix_fulfillment_queue",
        "fulfillment",
        ["store_id", "id"],
        postgresql_where=sa.text(f"status in ({queue})"),
    )


def downgrade() -> None:
    _index(ENDED, QUEUE)
    op.drop_constraint(op.f("ck_store_pickup_wait_seconds"), "store")
    op.drop_column("store", "pickup_wait_seconds")
    op.drop_column("store", "pickup_enabled")
    op.drop_column("fulfillment", "pickup_attempts")
    op.drop_column("order", "pickup_due_at")
    for table in ("order", "fulfillment"):
        op.drop_column(table, "method")
