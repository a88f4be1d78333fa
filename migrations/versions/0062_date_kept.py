"""A change of a store's time zone does not put back the date for last days of sale.

Revision ID: 0062
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    op.add_column("store", sa.Column("date_kept", sa.Date()))


def downgrade() -> None:
    op.drop_column("store", "date_kept")
