"""Tries of a code without its challenge count by themselves; codes that were not sent count less.

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.add_column(
        "one_time_code",
        sa.Column("blind_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "one_time_code",
        sa.Column("not_sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("one_time_code", "not_sent")
    op.drop_column("one_time_code", "blind_tries")
