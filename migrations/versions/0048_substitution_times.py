"""A cart line tells when its substitution was chosen: at a merge the later wish is kept.

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    op.add_column("cart_line", sa.Column("substitution_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("cart_line", "substitution_at")
