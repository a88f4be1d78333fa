"""A case is a ticket that the system opens for support: nobody opened it, no customer sees it.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

PLATFORM = "(select app_platform())"
TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
ME = "(select app_person())"
TABLES = ("ticket", "ticket_message", "refund")


def upgrade() -> None:
    op.add_column("ticket", sa.Column("internal", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("ticket", sa.Column("details", sa.Text(), server_default="", nullable=False))
    op.alter_column("ticket", "opened_by_id", nullable=True)
    op.create_check_constraint("opener", "ticket", "internal or opened_by_id is not null")
    op.create_index(
        "uq_ticket_case",
        "ticket",
        ["order_id", "kind"],
        unique=True,
        postgresql_where=sa.text("internal and status <> 'RESOLVED'"),
    )
    op.execute("drop policy scope on ticket")
    op.execute(
        "create policy scope on ticket to darkstore_app"
        f" using ({TENANT} or customer_id = {ME} and not internal)"
    )


def downgrade() -> None:
    """Delete the cases: without the column that marks them, customers would see them."""
    for table in TABLES:  # their owner changes all rows
        op.execute(f"alter table {table} no force row level security")
    cases = "(select id from ticket where internal)"
    op.execute(f"delete from ticket_message where ticket_id in {cases}")
    op.execute(f"update refund set ticket_id = null where ticket_id in {cases}")
    op.execute("delete from ticket where internal")
    for table in TABLES:
        op.execute(f"alter table {table} force row level security")
    op.execute("drop policy scope on ticket")
    op.execute(
        f"create policy scope on ticket to darkstore_app using ({TENANT} or customer_id = {ME})"
    )
    op.drop_index("uq_ticket_case", "ticket")
    op.drop_constraint(op.f("ck_ticket_opener"), "ticket", type_="check")
    op.alter_column("ticket", "opened_by_id", nullable=False)
    op.drop_column("ticket", "details")
    op.drop_column("ticket", "internal")
