"""The note of a failed attempt to hand over the bags.

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("fail_note", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("delivery", "fail_note")
