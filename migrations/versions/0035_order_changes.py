"""Changes of paid orders.

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"

POLICY = (
    "(select app_platform()) or company_id = any ((select app_order_companies())::uuid[])"
    " or customer_id = (select app_person())"
    " or ((select cardinality(app_order_stores())) > 0"
    ' and (select p.store_id from "order" p where p.id = order_change.order_id)'
    " = any ((select app_order_stores())::uuid[]))"
)
LINKS = {
    "order_id": "order.id",
    "store_id": "store.id",
    "company_id": "company.id",
    "customer_id": "person.id",
}


def upgrade() -> None:
    op.add_column("order", sa.Column("pending_change_id", sa.Uuid()))
    op.create_table(
        "order_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in LINKS),
        sa.Column("payment_id", sa.Uuid()),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("previous_total_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("previous", postgresql.JSONB(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid()),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_change")),
        *(
            sa.ForeignKeyConstraint(
                [name], [target], name=op.f(f"fk_order_change_{name}_{target.partition('.')[0]}")
            )
            for name, target in LINKS.items()
        ),
    )
    op.create_index("ix_order_change_order", "order_change", ["order_id"])
    op.create_index(
        "ix_order_change_due",
        "order_change",
        ["due_at"],
        postgresql_where=sa.text("due_at is not null"),
    )
    op.execute("alter table order_change enable row level security")
    op.execute("alter table order_change force row level security")
    op.execute(f"create policy scope on order_change to darkstore_app using ({POLICY})")
    op.execute("grant select, insert, update on order_change to darkstore_app")


def downgrade() -> None:
    op.drop_table("order_change")
    op.drop_column("order", "pending_change_id")
