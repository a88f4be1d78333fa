"""The fee of a company for canceling during picking, and the fee of a canceled order.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

COLUMN = "cancellation_fee_minor"
TABLES = ("company", "order")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(
            table, sa.Column(COLUMN, sa.BigInteger(), nullable=False, server_default="0")
        )
        op.create_check_constraint(op.f(f"ck_{table}_cancellation_fee"), table, f"{COLUMN} >= 0")


def downgrade() -> None:
    for table in TABLES:
        op.drop_constraint(op.f(f"ck_{table}_cancellation_fee"), table)
        op.drop_column(table, COLUMN)
