"""Who hands bags over without the customer's code says why.

Revision ID: 0057
Revises: 0056
"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    op.add_column("fulfillment", sa.Column("override_reason", sa.String(40)))
    note = sa.Column("override_note", sa.Text(), server_default="", nullable=False)
    op.add_column("fulfillment", note)


def downgrade() -> None:
    op.drop_column("fulfillment", "override_note")
    op.drop_column("fulfillment", "override_reason")
