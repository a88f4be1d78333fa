"""The search for a rider begins anew for a bounded number of riders who are lost.

Revision ID: 0059
Revises: 0058
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    op.add_column(
        "delivery",
        sa.Column("search_restarts", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_delivery_search_restarts"), "delivery", "search_restarts between 0 and 10"
    )


def downgrade() -> None:
    op.drop_column("delivery", "search_restarts")
