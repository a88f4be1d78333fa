"""What a store's staff should see to, and from how few units on.

Revision ID: 0006a
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006a"
down_revision = "0006"

TENANT = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
)
LATER = ("acknowledged_at", "snoozed_until", "resolved_at")


def upgrade() -> None:
    op.create_table(
        "stock_alert",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("store_id", sa.Uuid(), sa.ForeignKey("store.id"), nullable=False),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("product.id"), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column(
            "raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("acknowledged_by_id", sa.Uuid()),
        *(sa.Column(name, sa.DateTime(timezone=True)) for name in LATER),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("urgency between 0 and 3", name=op.f("ck_stock_alert_urgency")),
    )
    op.create_index(
        "uq_stock_alert_live", "stock_alert", ["store_id", "product_id", "kind"], unique=True,
        postgresql_where=sa.text("resolved_at is null"),
    )
    op.create_index("ix_stock_alert_store", "stock_alert", ["store_id", "urgency", "id"])
    op.create_index("ix_stock_alert_company", "stock_alert", ["company_id", "urgency", "id"])
    op.create_index(
        "ix_stock_alert_snoozed", "stock_alert", ["snoozed_until"],
        postgresql_where=sa.text("status = 'SNOOZED'"),
    )
    op.execute("alter table stock_alert enable row level security")
    op.execute("alter table stock_alert force row level security")
    op.execute(f"create policy scope on stock_alert to darkstore_app using ({TENANT})")
    op.execute("grant select, insert, update, delete on stock_alert to darkstore_app")
    op.add_column("listing", sa.Column("reorder_point", sa.Integer()))
    op.create_check_constraint(op.f("ck_listing_reorder_point"), "listing", "reorder_point >= 0")
    op.add_column(
        "store", sa.Column("reorder_point", sa.Integer(), server_default="5", nullable=False)
    )
    op.create_check_constraint(op.f("ck_store_reorder_point"), "store", "reorder_point >= 0")


def downgrade() -> None:
    op.drop_table("stock_alert")
    op.drop_column("listing", "reorder_point")
    op.drop_column("store", "reorder_point")
