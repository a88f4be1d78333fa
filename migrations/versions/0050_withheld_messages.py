"""Messages to recipients who were sent too many are kept back, with a status like that of others.

Revision ID: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    op.add_column(
        "outgoing_message",
        sa.Column("withheld", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("outgoing_message", "withheld")
