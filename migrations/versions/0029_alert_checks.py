"""Up to which change of its stock a store was looked at for alerts.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

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
