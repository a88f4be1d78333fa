"""One-time codes that several requests share.

Revision ID: 0066
Revises: 0065
"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    joined = sa.Column("joined", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    digits = sa.Column("digits", sa.SmallInteger(), server_default=sa.text("6"), nullable=False)
    for column in (joined, digits):
        op.add_column("one_time_code", column)


def downgrade() -> None:
    op.drop_column("one_time_code", "digits")
    op.drop_column("one_time_code", "joined")
