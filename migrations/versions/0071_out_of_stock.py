"""Units taken off sale by a rejected order have a reason of their own in the ledger.

Revision ID: 0071
Revises: 0070
"""

from alembic import op

revision = "0071"
down_revision = "0070"
TABLES = ("stock_entry", "fulfillment")


def upgrade() -> None:
    # A rejection refers to its task, the movements of an order's own units to the order.
    _replace(
        "update stock_entry e set reason = 'OUT_OF_STOCK' from fulfillment f"
        " where e.reason = 'PICK_SHORTAGE' and e.reference = f.id::text"
    )


def downgrade() -> None:
    _replace("update stock_entry set reason = 'PICK_SHORTAGE' where reason = 'OUT_OF_STOCK'")


def _replace(statement: str) -> None:
    """Change rows of the ledger; row-level security is forced for the owner as well."""
    op.execute("alter table stock_entry disable trigger keep")
    for table in TABLES:
        op.execute(f"alter table {table} no force row level security")
    op.execute(statement)
    for table in TABLES:
        op.execute(f"alter table {table} force row level security")
    op.execute("alter table stock_entry enable trigger keep")
