"""A customer is charged for a wait at the door that a position shows.

Revision ID: 0058
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    # Of arrivals before this column nobody knows: the next position at the door sets it.
    op.add_column("delivery", sa.Column("at_door_since", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("delivery", "at_door_since")
