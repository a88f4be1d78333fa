"""Products that are not sold to minors: the confirmation at the order, the check at the handover.

Orders of before have nothing to check: their customers were not asked.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

VISIBLE = (
    "(select app_platform()) or company_id = any ((select app_order_companies())::uuid[])"
    " or store_id = any ((select app_order_stores())::uuid[])"
    " or customer_id = (select app_person()) or checked_by_id = (select app_person())"
)
LINKS = {
    "order_id": "order.id",
    "company_id": "company.id",
    "store_id": "store.id",
    "customer_id": "person.id",
    "checked_by_id": "person.id",
}


def upgrade() -> None:
    op.add_column("order", sa.Column("minimum_age", sa.Integer()))
    for table in ("order_line", "fulfillment_line"):
        op.add_column(
            table,
            sa.Column("age_restricted", sa.Boolean(), nullable=False, server_default="false"),
        )
    for table in ("fulfillment", "delivery"):
        op.add_column(table, sa.Column("minimum_age", sa.Integer()))
        op.add_column(table, sa.Column("age_result", sa.String(40)))
    op.create_table(
        "age_check",
        sa.Column("id", sa.Uuid(), primary_key=True),
        *(
            sa.Column(name, sa.Uuid(), sa.ForeignKey(target), nullable=False)
            for name, target in LINKS.items()
        ),
        sa.Column("minimum_age", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(40), nullable=False),
        sa.Column("from_birth_date", sa.Boolean(), nullable=False),
        sa.Column("result", sa.String(40), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_age_check_order", "age_check", ["order_id"])
    op.execute("alter table age_check enable row level security")
    op.execute("alter table age_check force row level security")
    op.execute(f"create policy scope on age_check to darkstore_app using ({VISIBLE})")
    op.execute("grant select, insert on age_check to darkstore_app")


def downgrade() -> None:
    op.drop_table("age_check")
    for table in ("fulfillment", "delivery"):
        op.drop_column(table, "age_result")
        op.drop_column(table, "minimum_age")
    for table in ("order_line", "fulfillment_line"):
        op.drop_column(table, "age_restricted")
    op.drop_column("order", "minimum_age")
