"""Goods sold by weight: their price is of a kilogram, and what is charged is what the scale says.

Revision ID: 0011
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0013"

COLUMNS: dict[str, list[sa.Column]] = {
    "company": [
        sa.Column("weighed_headroom_bp", sa.Integer(), server_default="1500", nullable=False)
    ],
    "product": [sa.Column("unit_grams", sa.Integer())],
    "listing": [
        sa.Column("unit_grams", sa.Integer()),
        sa.Column("kilo_price_minor", sa.BigInteger()),
    ],
    "order": [
        sa.Column("headroom_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("charged_minor", sa.BigInteger()),
        sa.Column("charged_tax_minor", sa.BigInteger()),
    ],
    "order_line": [
        sa.Column("unit_grams", sa.Integer()),
        sa.Column("kilo_price_minor", sa.BigInteger()),
        sa.Column("headroom_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("packed_grams", sa.Integer()),
        sa.Column("charged_minor", sa.BigInteger()),
    ],
    "fulfillment_line": [
        sa.Column("unit_grams", sa.Integer()),
        sa.Column("most_grams", sa.Integer()),
        sa.Column("picked_grams", sa.Integer()),
    ],
    "substitute": [sa.Column("grams", sa.Integer())],
    "counter_sale_line": [
        sa.Column("grams", sa.Integer()),
        sa.Column("kilo_price_minor", sa.BigInteger()),
    ],
}
PIECE = "greatest(1, (kilo_price_minor * unit_grams + 500) / 1000)"
CHECKS = [
    ("company", "weighed_headroom", "weighed_headroom_bp between 0 and 5000"),
    ("product", "weighed", "weighed = (unit_grams is not null)"),
    ("product", "unit_grams", "unit_grams between 1 and 50000"),
    ("listing", "weighed", "(kilo_price_minor is null) = (unit_grams is null)"),
    ("listing", "piece", f"kilo_price_minor is null or price_minor = {PIECE}"),
    ("order", "headroom", "headroom_minor >= 0"),
    ("order", "charged", "charged_minor between 0 and total_minor + headroom_minor"),
    ("order_line", "weighed", "(kilo_price_minor is null) = (unit_grams is null)"),
    ("order_line", "headroom", "headroom_minor >= 0"),
    ("order_line", "charged", "charged_minor between 0 and total_minor + headroom_minor"),
    ("fulfillment_line", "picked_grams", "picked_grams between 1 and most_grams"),
    ("substitute", "grams", "grams > 0"),
    ("counter_sale_line", "grams", "grams > 0 and kilo_price_minor > 0"),
]
TOTAL = "ck_counter_sale_line_total"


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    op.drop_constraint(op.f(TOTAL), "counter_sale_line", type_="check")
    op.create_check_constraint(
        op.f(TOTAL), "counter_sale_line",
        "grams is not null or total_minor = quantity * unit_price_minor",
    )


def downgrade() -> None:
    op.drop_constraint(op.f(TOTAL), "counter_sale_line", type_="check")
    op.create_check_constraint(
        op.f(TOTAL), "counter_sale_line", "total_minor = quantity * unit_price_minor"
    )
    for table, name, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for table, columns in reversed(COLUMNS.items()):
        for column in reversed(columns):
            op.drop_column(table, column.name)
