"""Up to which change of its stock a store was looked at for alerts.

Revision ID: x2c_alert_checks
Revises: x2b_retention
"""

import sqlalchemy as sa
from alembic import op

revision = "x2c_alert_checks"
down_revision = "x2b_retention"

TENANT = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
)


def upgrade() -> None:
    op.create_table(
        "stock_alert_check",
        sa.Column("store_id", sa.Uuid(), sa.ForeignKey("store.id"), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
    )
    op.execute("alter table stock_alert_check enable row level security")
    op.execute("alter table stock_alert_check force row level security")
    op.execute(f"create policy scope on stock_alert_check to darkstore_app using ({TENANT})")
    op.execute("grant select, insert, update, delete on stock_alert_check to darkstore_app")


def downgrade() -> None:
    op.drop_table("stock_alert_check")
