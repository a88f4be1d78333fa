"""Batches, recalls, and a ledger that no role can rewrite.

Revision ID: 0003
Revises: 0006a
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0006a"

TABLES = ("stock_batch", "batch_recall", "picked_batch", "stock_audit")
TENANT = "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
KEEP = """
create function keep_ledger() returns trigger language plpgsql as $$
begin
    raise exception 'the stock ledger is append-only' using errcode = 'restrict_violation';
end $$
"""


def upgrade() -> None:
    _counters()
    _batches()
    _ledger()
    for table in TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy scope on {table} to darkstore_app using ({TENANT})")
        op.execute(f"grant select, insert, update on {table} to darkstore_app")
    op.execute("revoke update on batch_recall from darkstore_app")


def _counters() -> None:
    for name in ("damaged", "incoming"):
        op.add_column("stock", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        op.alter_column("stock", name, server_default=None)
        op.create_check_constraint(op.f(f"ck_stock_{name}"), "stock", f"{name} >= 0")


def _batches() -> None:
    op.create_table(
        "stock_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_places("stock_batch"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("damaged", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("OPEN", "EXPIRED", "RECALLED", name="batchstatus", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_batch_on_hand")),
        sa.CheckConstraint("damaged >= 0", name=op.f("ck_stock_batch_damaged")),
        sa.CheckConstraint("length(code) between 1 and 64", name=op.f("ck_stock_batch_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_batch")),
        sa.UniqueConstraint("store_id", "product_id", "code", name=op.f("uq_stock_batch_store_id_product_id_code")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_stock_batch_expiry", "stock_batch", ["store_id", "expires_on", "id"],
                    postgresql_where=sa.text("expires_on is not null"))
    op.create_index("ix_stock_batch_frozen", "stock_batch", ["store_id", "product_id"],
                    postgresql_where=sa.text("status <> 'OPEN'"))
    op.create_index("ix_stock_batch_product", "stock_batch", ["product_id", "code"])
    op.create_table(
        "batch_recall",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("batch_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _refers("batch_recall", "company_id", "company"),
        _refers("batch_recall", "product_id", "product"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_recall")),
        sa.UniqueConstraint("company_id", "product_id", "batch_code",
                            name=op.f("uq_batch_recall_company_id_product_id_batch_code")),
    )
    op.create_index("ix_batch_recall_company", "batch_recall", ["company_id", "id"])
    op.create_table(
        "picked_batch",
        sa.Column("fulfillment_line_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        *_places("picked_batch"),
        sa.Column("quantity", sa.Integer(), nullable=False),
        _refers("picked_batch", "fulfillment_line_id", "fulfillment_line"),
        _refers("picked_batch", "batch_id", "stock_batch"),
        _refers("picked_batch", "order_id", "order"),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_picked_batch_quantity")),
        sa.PrimaryKeyConstraint("fulfillment_line_id", "batch_id", name=op.f("pk_picked_batch")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_picked_batch_order", "picked_batch", ["order_id"])
    op.create_index("ix_picked_batch_batch", "picked_batch", ["batch_id", "order_id"])
    op.create_table(
        "stock_audit",
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("audited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("differences", sa.Integer(), nullable=False),
        _refers("stock_audit", "store_id", "store"),
        _refers("stock_audit", "company_id", "company"),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_stock_audit")),
    )


def _ledger() -> None:
    for name in ("damaged_delta", "incoming_delta", "batch_delta"):
        op.add_column("stock_entry", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        op.alter_column("stock_entry", name, server_default=None)
    op.add_column("stock_entry", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_stock_entry_batch_id"), "stock_entry", "stock_batch", ["batch_id"], ["id"])
    op.drop_constraint(op.f("ck_stock_entry_delta"), "stock_entry", type_="check")
    op.create_check_constraint(
        op.f("ck_stock_entry_delta"), "stock_entry",
        "delta <> 0 or damaged_delta <> 0 or incoming_delta <> 0 or batch_delta <> 0",
    )
    op.create_check_constraint(
        op.f("ck_stock_entry_batch"), "stock_entry", "batch_delta = 0 or batch_id is not null"
    )
    op.drop_index("ix_stock_entry_row", table_name="stock_entry")
    op.create_index("ix_stock_entry_row", "stock_entry", ["store_id", "product_id", "id"])
    op.create_index("ix_stock_entry_store", "stock_entry", ["store_id", "id"])
    op.create_index("ix_stock_entry_batch", "stock_entry", ["batch_id"],
                    postgresql_where=sa.text("batch_id is not null"))
    op.execute(KEEP)
    op.execute(
        "create trigger keep before update or delete or truncate on stock_entry"
        " for each statement execute function keep_ledger()"
    )


def _places(table: str) -> list[sa.schema.SchemaItem]:
    """The columns of a row that belongs to a product in a store of a company."""
    nouns = ("company", "store", "product")
    columns = [sa.Column(f"{noun}_id", sa.Uuid(), nullable=False) for noun in nouns]
    return [*columns, *(_refers(table, f"{noun}_id", noun) for noun in nouns)]


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def downgrade() -> None:
    op.execute("drop trigger keep on stock_entry")
    op.execute("drop function keep_ledger()")
    op.execute("alter table stock_entry no force row level security")  # its owner changes all rows
    op.execute("delete from stock_entry where delta = 0")
    op.execute("alter table stock_entry force row level security")
    for name in ("ix_stock_entry_batch", "ix_stock_entry_store", "ix_stock_entry_row"):
        op.drop_index(name, table_name="stock_entry")
    op.create_index("ix_stock_entry_row", "stock_entry", ["store_id", "product_id"])
    op.drop_constraint(op.f("ck_stock_entry_batch"), "stock_entry", type_="check")
    op.drop_constraint(op.f("ck_stock_entry_delta"), "stock_entry", type_="check")
    op.create_check_constraint(op.f("ck_stock_entry_delta"), "stock_entry", "delta <> 0")
    for name in ("batch_id", "damaged_delta", "incoming_delta", "batch_delta"):
        op.drop_column("stock_entry", name)
    for table in ("stock_audit", "picked_batch", "batch_recall", "stock_batch"):
        op.drop_table(table)
    for name in ("damaged", "incoming"):
        op.drop_column("stock", name)
