"""A change of the beginning of business days keeps the current one; sales keep their time zone.

Revision ID: 0061
Revises: 0060
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
ZONES = """
update counter_sale set timezone = store.timezone
from store where store.id = counter_sale.store_id
"""
KEPT = "(day_kept is null) = (day_kept_until is null)"


def upgrade() -> None:
    op.add_column("store", sa.Column("day_kept", sa.Date()))
    op.add_column("store", sa.Column("day_kept_until", sa.DateTime(timezone=True)))
    op.create_check_constraint(op.f("ck_store_day_kept"), "store", KEPT)
    zone = sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False)
    op.add_column("counter_sale", zone)
    # The owner would otherwise be held to the policies, which show no row without a scope.
    for table in ("counter_sale", "store"):
        op.execute(f"alter table {table} no force row level security")
    op.execute(ZONES)
    for table in ("counter_sale", "store"):
        op.execute(f"alter table {table} force row level security")
    op.alter_column("counter_sale", "timezone", server_default=None)


def downgrade() -> None:
    op.drop_column("counter_sale", "timezone")
    op.drop_column("store", "day_kept_until")
    op.drop_column("store", "day_kept")
