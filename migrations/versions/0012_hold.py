"""A hold is of a shelf row: one foreign key says so, where three asked store, product and company.

The batch that grants holds has locked those shelf rows, so the check costs next to nothing, and
the rows of the store and its company are not locked by every batch that is granted.

Revision ID: 0012
Revises: 0017
"""

from alembic import op

revision = "0012"
down_revision = "0017"

OLD = ("store", "product", "company")


def upgrade() -> None:
    for name in OLD:
        op.drop_constraint(f"fk_hold_{name}_id", "hold", type_="foreignkey")
    keys = ["store_id", "product_id"]
    op.create_foreign_key("fk_hold_store_id_product_id", "hold", "stock", keys, keys)


def downgrade() -> None:
    op.drop_constraint("fk_hold_store_id_product_id", "hold", type_="foreignkey")
    for name in OLD:
        op.create_foreign_key(f"fk_hold_{name}_id", "hold", name, [f"{name}_id"], ["id"])
