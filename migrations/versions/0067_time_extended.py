"""Whether the customer of a payment attempt got further time, which each attempt gets once.

Revision ID: 0067
Revises: 0066
"""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    column = sa.Column("time_extended", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("payment", column)


def downgrade() -> None:
    op.drop_column("payment", "time_extended")
