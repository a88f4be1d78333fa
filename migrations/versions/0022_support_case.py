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
    op.execute("delete from ticket where internal")
    op.execute("drop policy scope on ticket")
    op.execute(
        f"create policy scope on ticket to darkstore_app using ({TENANT} or customer_id = {ME})"
    )
    op.drop_index("uq_ticket_case", "ticket")
    op.drop_constraint("opener", "ticket")
    op.alter_column("ticket", "opened_by_id", nullable=False)
    op.drop_column("ticket", "details")
    op.drop_column("ticket", "internal")
