"""The ways of rides.

Revision ID: 0017
Revises: 0006c
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0006c"

TENANT = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
)


def upgrade() -> None:
    op.create_table(
        "delivery_track",
        sa.Column("delivery_id", sa.Uuid(), sa.ForeignKey("delivery.id"), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_delivery_track_points")),
        sa.CheckConstraint("first_at <= last_at", name=op.f("ck_delivery_track_times")),
    )
    op.create_index("ix_delivery_track_last", "delivery_track", ["last_at"])
    # Points are packed already: Postgres need not try to compress them at each append.
    op.execute("alter table delivery_track alter column line set storage external")
    op.execute("alter table delivery_track enable row level security")
    op.execute("alter table delivery_track force row level security")
    op.execute(f"create policy scope on delivery_track to darkstore_app using ({TENANT})")
    op.execute("grant select, insert, update, delete on delivery_track to darkstore_app")


def downgrade() -> None:
    op.drop_table("delivery_track")
