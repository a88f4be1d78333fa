"""A failed refund may be settled by another one, which it names.

Revision ID: 0063
Revises: 0062
"""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    op.add_column("refund", sa.Column("settled_by_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_refund_settled_by_id_refund"), "refund", "refund", ["settled_by_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_column("refund", "settled_by_id")
