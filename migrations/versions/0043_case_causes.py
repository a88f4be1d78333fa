"""A case is of one cause: each stuck payment, stuck refund and dispute of an order has its own.

An open case is of what needs a person now, otherwise of its order, as all others are.

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"

OPEN = "internal and status <> 'RESOLVED'"
TABLES = ("ticket", "payment", "refund", "dispute")
STUCK = "order_id = ticket.order_id and stuck_at is not null limit 1"
CAUSES = f"""
update ticket set cause_id = coalesce(
    case kind
        when 'PAYMENT' then coalesce(
            (select id from payment where {STUCK}), (select id from refund where {STUCK})
        )
        when 'DISPUTE' then (
            select id from dispute where order_id = ticket.order_id and closed_at is null limit 1
        )
    end,
    order_id
) where {OPEN}
"""


def upgrade() -> None:
    op.add_column("ticket", sa.Column("cause_id", sa.Uuid()))
    for table in TABLES:
        op.execute(f"alter table {table} no force row level security")
    op.execute("update ticket set cause_id = order_id where internal")
    op.execute(CAUSES)
    for table in TABLES:
        op.execute(f"alter table {table} force row level security")
    op.create_check_constraint("cause", "ticket", "internal = (cause_id is not null)")
    op.drop_index("uq_ticket_case", "ticket")
    op.create_index(
        "uq_ticket_case",
        "ticket",
        ["order_id", "kind", "cause_id"],
        unique=True,
        postgresql_where=sa.text(OPEN),
    )


def downgrade() -> None:
    op.drop_index("uq_ticket_case", "ticket")
    op.create_index(
        "uq_ticket_case",
        "ticket",
        ["order_id", "kind"],
        unique=True,
        postgresql_where=sa.text(OPEN),
    )
    op.drop_column("ticket", "cause_id")
