"""Disputes have cases of their own, which other trouble of a payment does not close.

Revision ID: 0041
Revises: 0040
"""

from alembic import op

revision = "0041"
down_revision = "0040"

DISPUTE_CASES = """
update ticket t set kind = 'DISPUTE'
where internal and kind = 'PAYMENT' and status <> 'RESOLVED' and exists (
    select from dispute d
    where d.order_id = t.order_id and d.status in ('NEEDS_RESPONSE', 'UNDER_REVIEW'))
"""
TABLES = ("ticket", "dispute")


def upgrade() -> None:
    # Row-level security is forced on the owner too, who sees no company here.
    for table in TABLES:
        op.execute(f"alter table {table} no force row level security")
    op.execute(DISPUTE_CASES)
    for table in TABLES:
        op.execute(f"alter table {table} force row level security")


def downgrade() -> None:
    op.execute("alter table ticket no force row level security")
    op.execute("update ticket set kind = 'PAYMENT' where kind in ('DISPUTE', 'NOT_PAID')")
    op.execute("alter table ticket force row level security")
