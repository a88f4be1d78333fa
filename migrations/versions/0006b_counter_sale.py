"""Sales over the counter of a store.

Revision ID: 0006b
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006b"
down_revision = "0003"

TENANT = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
)
CHANGE = (
    "tender <> 'CASH' or (cash_received_minor is not null"
    " and change_minor = cash_received_minor - total_minor and change_minor >= 0)"
)


def _link(name: str, target: str) -> sa.Column:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(target), nullable=False)


def upgrade() -> None:
    op.create_table(
        "counter_sale",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _link("company_id", "company.id"),
        _link("store_id", "store.id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("tender", sa.String(40), nullable=False),
        sa.Column("cash_received_minor", sa.BigInteger()),
        sa.Column("change_minor", sa.BigInteger(), nullable=False),
        sa.Column("terminal_reference", sa.Text(), nullable=False),
        sa.Column("cashier_id", sa.Uuid()),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("shares", postgresql.JSONB(), nullable=False),
        sa.Column(
            "sold_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("voided_at", sa.DateTime(timezone=True)),
        sa.Column("voided_by_id", sa.Uuid()),
        sa.Column("void_note", sa.Text(), nullable=False),
        sa.UniqueConstraint("store_id", "number", name=op.f("uq_counter_sale_store_id_number")),
        sa.CheckConstraint("total_minor > 0", name=op.f("ck_counter_sale_total")),
        sa.CheckConstraint(CHANGE, name=op.f("ck_counter_sale_change")),
    )
    op.create_index("ix_counter_sale_day", "counter_sale", ["store_id", "business_day"])
    op.create_table(
        "counter_sale_line",
        sa.Column(
            "counter_sale_id", sa.Uuid(), sa.ForeignKey("counter_sale.id"), primary_key=True
        ),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        _link("company_id", "company.id"),
        _link("store_id", "store.id"),
        _link("product_id", "product.id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_counter_sale_line_quantity")),
        sa.CheckConstraint(
            "total_minor = quantity * unit_price_minor", name=op.f("ck_counter_sale_line_total")
        ),
    )
    op.create_table(
        "counter_till",
        sa.Column("store_id", sa.Uuid(), sa.ForeignKey("store.id"), primary_key=True),
        _link("company_id", "company.id"),
        sa.Column("last_number", sa.Integer(), nullable=False),
    )
    for table, writes in (
        ("counter_sale", ", update"),
        ("counter_sale_line", ""),
        ("counter_till", ", update"),
    ):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy scope on {table} to darkstore_app using ({TENANT})")
        op.execute(f"grant select, insert{writes} on {table} to darkstore_app")


def downgrade() -> None:
    for table in ("counter_sale_line", "counter_sale", "counter_till"):
        op.drop_table(table)
