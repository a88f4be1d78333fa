"""Guests to whom nothing refers any more are deleted: each check of a reference is a look-up.

The customer of what belongs to an order or a cart is the customer of that order or cart, which
refers to the person. Who made a change is indexed.

Revision ID: 0045
Revises: 0044
"""

from alembic import op

revision = "0045"
down_revision = "0044"

COPIES = {
    **{
        table: ("customer_id", f"fk_{table}_customer_id")
        for table in (
            "age_check", "delivery", "fulfillment", "fulfillment_line", "order_line", "payment",
            "refund", "substitute", "ticket_message",
        )
    },
    "order_change": ("customer_id", "fk_order_change_customer_id_person"),
    "cart_line": ("person_id", "fk_cart_line_person_id"),
}  # fmt: skip
INDEXED = {
    "age_check": ("checked_by_id",),
    "app": ("person_id",),
    "fulfillment": ("picker_id", "put_back_by_id"),
    "goods_receipt": ("received_by_id",),
    "membership": ("person_id",),
    "person": ("merged_into_id",),
    "purchase_order": ("created_by_id", "approved_by_id"),
    "stock_count": ("started_by_id", "submitted_by_id", "decided_by_id"),
    "stock_count_entry": ("person_id",),
    "stock_count_line": ("counted_by_id",),
    "stock_import": ("started_by_id",),
    "ticket": ("opened_by_id", "assignee_id"),
    "ticket_message": ("author_id",),
    "transfer": ("requested_by_id", "decided_by_id", "shipped_by_id", "received_by_id"),
}


def upgrade() -> None:
    for table, (_, name) in COPIES.items():
        op.drop_constraint(name, table, type_="foreignkey")
    for table, columns in INDEXED.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, columns in INDEXED.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}", table)
    for table, (column, name) in COPIES.items():
        op.create_foreign_key(name, table, "person", [column], ["id"])
