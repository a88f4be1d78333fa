"""What a payment attempt waits for while the provider does not answer, and what it gets after that.

Revision ID: 0072
Revises: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
FLAGS = ("outage_extended", "reservation_released")


def upgrade() -> None:
    op.add_column("payment", sa.Column("unanswered_since", sa.DateTime(timezone=True)))
    for name in FLAGS:
        column = sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)
        op.add_column("payment", column)


def downgrade() -> None:
    for name in (*FLAGS, "unanswered_since"):
        op.drop_column("payment", name)
