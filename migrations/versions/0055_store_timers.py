"""A store may have timers of its own; where it has none, those of its company hold.

Revision ID: 0055
Revises: 0054
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    op.add_column(
        "store",
        sa.Column("timer_overrides", JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("store", "timer_overrides")
