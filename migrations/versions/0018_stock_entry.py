"""A line of the stock ledger is of a shelf row: one foreign key says so, where three asked.

Whoever writes a line has locked that row, so the check costs next to nothing, and no sale locks
the rows of the store and its company.

Revision ID: 0018
Revises: 0015
"""

from alembic import op

revision = "0018"
down_revision = "0015"

OLD = ("store", "product", "company")
NEW = "fk_stock_entry_store_id_product_id"


def upgrade() -> None:
    for name in OLD:
        op.drop_constraint(f"fk_stock_entry_{name}_id", "stock_entry", type_="foreignkey")
    keys = ["store_id", "product_id"]
    op.create_foreign_key(NEW, "stock_entry", "stock", keys, keys)


def downgrade() -> None:
    op.drop_constraint(NEW, "stock_entry", type_="foreignkey")
    for name in OLD:
        op.create_foreign_key(f"fk_stock_entry_{name}_id", "stock_entry", name, [f"{name}_id"], ["id"])
