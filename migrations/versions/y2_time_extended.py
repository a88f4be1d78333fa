"""Whether the customer of a payment attempt got further time, which each attempt gets once.

Revision ID: y2_time_extended
Revises: y1_shared_codes
"""

import sqlalchemy as sa
from alembic import op

revision = "y2_time_extended"
down_revision = "y1_shared_codes"


def upgrade() -> None:
    column = sa.Column("time_extended", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("payment", column)


def downgrade() -> None:
    op.drop_column("payment", "time_extended")
