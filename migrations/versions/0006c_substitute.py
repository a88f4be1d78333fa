"""Products that are put in a bag for others that were not there.

Revision ID: 0006c
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0006c"
down_revision = "0009"

TENANT = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
    " or customer_id = (select app_person())"
)
LINKS = {
    "company_id": "company.id",
    "customer_id": "person.id",
    "store_id": "store.id",
    "order_id": "order.id",
    "fulfillment_id": "fulfillment.id",
    "fulfillment_line_id": "fulfillment_line.id",
    "order_line_id": "order_line.id",
    "product_id": "product.id",
}


def upgrade() -> None:
    op.create_table(
        "substitute",
        sa.Column("id", sa.Uuid(), primary_key=True),
        *(
            sa.Column(name, sa.Uuid(), sa.ForeignKey(target), nullable=False)
            for name, target in LINKS.items()
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("proposed_by_id", sa.Uuid()),
        sa.Column(
            "proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_substitute_quantity")),
        sa.CheckConstraint(
            "total_minor <= quantity * unit_price_minor", name=op.f("ck_substitute_total")
        ),
    )
    op.create_index("ix_substitute_order", "substitute", ["order_id"])
    op.create_index("ix_substitute_fulfillment", "substitute", ["fulfillment_id"])
    op.create_index(
        "uq_substitute_line", "substitute", ["fulfillment_line_id"], unique=True,
        postgresql_where=sa.text("status in ('PROPOSED', 'ACCEPTED')"),
    )
    op.create_index(
        "ix_substitute_due", "substitute", ["due_at"],
        postgresql_where=sa.text("due_at is not null"),
    )
    op.execute("alter table substitute enable row level security")
    op.execute("alter table substitute force row level security")
    op.execute(f"create policy scope on substitute to darkstore_app using ({TENANT})")
    op.execute("grant select, insert, update, delete on substitute to darkstore_app")


def downgrade() -> None:
    op.drop_table("substitute")
