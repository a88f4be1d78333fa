"""In which zone a product is kept, and what pickers found unfit.

Revision ID: 0010
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "product",
        sa.Column("temperature_zone", sa.String(40), server_default="AMBIENT", nullable=False),
    )
    op.add_column(
        "fulfillment_line",
        sa.Column("temperature_zone", sa.String(40), server_default="AMBIENT", nullable=False),
    )
    op.add_column(
        "fulfillment_line",
        sa.Column("damaged_quantity", sa.Integer(), server_default="0", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_fulfillment_line_damaged_quantity"), "fulfillment_line", "damaged_quantity >= 0"
    )


def downgrade() -> None:
    op.drop_column("fulfillment_line", "damaged_quantity")
    op.drop_column("fulfillment_line", "temperature_zone")
    op.drop_column("product", "temperature_zone")
