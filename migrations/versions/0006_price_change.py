"""Prices that a store asks from a moment on.

Revision ID: 0006
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"

TENANT = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
)


def upgrade() -> None:
    op.create_table(
        "price_change",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("store_id", sa.Uuid(), sa.ForeignKey("store.id"), nullable=False),
        sa.Column("product_id", sa.Uuid(), sa.ForeignKey("product.id"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("previous_price_minor", sa.BigInteger()),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("created_by_id", sa.Uuid()),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_price_change_price")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_price_change_ends_at")),
    )
    op.create_index("ix_price_change_place", "price_change", ["store_id", "product_id", "id"])
    op.create_index(
        "ix_price_change_due", "price_change", ["due_at"],
        postgresql_where=sa.text("due_at is not null"),
    )
    op.execute("alter table price_change enable row level security")
    op.execute("alter table price_change force row level security")
    op.execute(f"create policy scope on price_change to darkstore_app using ({TENANT})")
    op.execute("grant select, insert, update, delete on price_change to darkstore_app")


def downgrade() -> None:
    op.drop_table("price_change")
