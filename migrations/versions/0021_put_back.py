"""Picked units of ended orders are put back by a person.

RESTOCKED becomes PUT_BACK: those bags were counted back into the books when they came back.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TENANT = "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
LIVE = "status not in ('REJECTED','TIMED_OUT','CANCELED','{last}')"
OPEN = "put_back_opened_at is not null and put_back_at is null"
LINKS = {
    "company_id": "company.id",
    "store_id": "store.id",
    "fulfillment_id": "fulfillment.id",
    "fulfillment_line_id": "fulfillment_line.id",
    "product_id": "product.id",
}
COUNTS = (
    "returned_quantity >= 0 and wasted_quantity >= 0 and missing_quantity >= 0"
    " and returned_quantity + wasted_quantity + missing_quantity = quantity"
)


def upgrade() -> None:
    _add_promised_at()
    op.add_column("fulfillment", sa.Column("put_back_reason", sa.String(40)))
    op.add_column("fulfillment", sa.Column("put_back_opened_at", sa.DateTime(timezone=True)))
    op.add_column("fulfillment", sa.Column("put_back_at", sa.DateTime(timezone=True)))
    op.add_column("fulfillment", sa.Column("put_back_by_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_fulfillment_put_back_by_id"), "fulfillment", "person", ["put_back_by_id"], ["id"]
    )
    op.add_column(
        "fulfillment",
        sa.Column("put_back_reminders", sa.Integer(), nullable=False, server_default="0"),
    )
    _rename("RESTOCKED", "PUT_BACK")
    op.create_index(
        "ix_fulfillment_put_back", "fulfillment", ["store_id", "id"], postgresql_where=sa.text(OPEN)
    )
    op.create_table(
        "put_back_line",
        sa.Column("id", sa.Uuid(), primary_key=True),
        *(
            sa.Column(
                name,
                sa.Uuid(),
                sa.ForeignKey(target, name=op.f(f"fk_put_back_line_{name}")),
                nullable=False,
            )
            for name, target in LINKS.items()
        ),
        sa.Column(
            "batch_id",
            sa.Uuid(),
            sa.ForeignKey("stock_batch.id", name=op.f("fk_put_back_line_batch_id")),
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("returned_quantity", sa.Integer()),
        sa.Column("wasted_quantity", sa.Integer()),
        sa.Column("missing_quantity", sa.Integer()),
        sa.Column("waste_reason", sa.String(40)),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_put_back_line_quantity")),
        sa.CheckConstraint(COUNTS, name=op.f("ck_put_back_line_counts")),
        sa.CheckConstraint(
            "(waste_reason is not null) = (coalesce(wasted_quantity, 0) > 0)",
            name=op.f("ck_put_back_line_waste_reason"),
        ),
    )
    op.create_index("ix_put_back_line_fulfillment", "put_back_line", ["fulfillment_id"])
    op.execute("alter table put_back_line enable row level security")
    op.execute("alter table put_back_line force row level security")
    op.execute(f"create policy scope on put_back_line to darkstore_app using ({TENANT})")
    op.execute("grant select, insert, update on put_back_line to darkstore_app")


def _add_promised_at() -> None:
    """Orders that have moved already keep their placing as the time of their estimate."""
    op.add_column(
        "order",
        sa.Column(
            "promised_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
    )
    op.execute('alter table "order" no force row level security')
    op.execute('update "order" set promised_at = placed_at')
    op.execute('alter table "order" force row level security')


def _rename(old: str, new: str) -> None:
    """Rename the state of bags that were put back, in the rows and in the index of live tasks."""
    op.drop_index("uq_fulfillment_live", table_name="fulfillment")
    op.execute("alter table fulfillment no force row level security")  # its owner writes all rows
    op.execute(f"update fulfillment set status = '{new}' where status = '{old}'")
    op.execute("alter table fulfillment force row level security")
    op.create_index(
        "uq_fulfillment_live",
        "fulfillment",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text(LIVE.format(last=new)),
    )


def downgrade() -> None:
    op.drop_column("order", "promised_at")
    op.drop_table("put_back_line")
    op.drop_index("ix_fulfillment_put_back", table_name="fulfillment")
    _rename("PUT_BACK", "RESTOCKED")
    op.drop_constraint(op.f("fk_fulfillment_put_back_by_id"), "fulfillment")
    for name in ("reminders", "by_id", "at", "opened_at", "reason"):
        op.drop_column("fulfillment", f"put_back_{name}")
