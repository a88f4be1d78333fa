"""Rides have an owner in every state: timers, silence, a new rider, a return code of their own.

Rides that are under way get the timers of their state from now on, and those on their way back a
return code. Who pays the fee of a failed ride is stored when it fails. A customer sees the rider in
the states of the way to the door only.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

PLATFORM = "(select app_platform())"
TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
ME = "(select app_person())"
OPEN = "d.status not in ('DELIVERED','RETURNED','CANCELED','HANDED_TO_PARTNER')"
TRACKED = (
    "d.status in ('ASSIGNED','TO_STORE','AT_STORE','PICKED_UP','TO_CUSTOMER','ARRIVING','AT_CUSTOMER')"
)
RANDOM_CODE = "lpad((('x' || substr(md5(gen_random_uuid()::text), 1, 8))::bit(32)::bigint % 10000)::text, 4, '0')"

UNDER_WAY = f"""
update delivery set
    search_started_at = case when status in ('SEARCHING','OFFERED') then now() end,
    arrived_at = case when status = 'AT_CUSTOMER' then now() end,
    failed_attempts = case when status = 'RETURNING' then 1 else 0 end,
    fee_kept = status = 'RETURNING' and fail_reason in ('NOBODY_HOME','WRONG_ADDRESS','REFUSED'),
    return_code = case when status = 'RETURNING' then {RANDOM_CODE} end,
    due_at = case when status in ('SEARCHING','OFFERED') then due_at
        else now() + interval '30 minutes' end
where status not in ('DELIVERED','RETURNED','CANCELED')
"""


def upgrade() -> None:
    for column in (
        sa.Column("failed_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fee_kept", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("return_code", sa.Text()),
        sa.Column("return_tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("override_reason", sa.String(40)),
        sa.Column("override_note", sa.Text(), server_default="", nullable=False),
        sa.Column("former_rider_id", sa.Uuid()),
        sa.Column("needs_rider_since", sa.DateTime(timezone=True)),
        sa.Column("has_case", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True)),
        sa.Column("search_started_at", sa.DateTime(timezone=True)),
        sa.Column("search_step", sa.Integer(), server_default="0", nullable=False),
        sa.Column("silence_step", sa.Integer(), server_default="0", nullable=False),
    ):
        op.add_column("delivery", column)
    op.create_foreign_key(None, "delivery", "rider", ["former_rider_id"], ["id"])
    op.create_check_constraint("return_tries", "delivery", "return_tries between 0 and 10")
    op.create_index(
        "ix_delivery_store_live",
        "delivery",
        ["store_id", "id"],
        postgresql_where=sa.text(OPEN.replace("d.", "")),
    )
    op.add_column("order", sa.Column("cancel_offered_at", sa.DateTime(timezone=True)))
    op.execute("alter table delivery no force row level security")  # its owner changes all rows
    op.execute(UNDER_WAY)
    op.execute("alter table delivery force row level security")
    _show_riders(TRACKED)
    # Positions of riders who are offline are of no use to anybody.
    op.execute("alter table rider_position no force row level security")
    op.execute("alter table rider no force row level security")
    op.execute(
        "delete from rider_position where rider_id in (select id from rider where status = 'OFFLINE')"
    )
    op.execute("alter table rider force row level security")
    op.execute("alter table rider_position force row level security")


def _show_riders(states: str) -> None:
    op.execute("drop policy scope on rider_position")
    op.execute(
        f"create policy scope on rider_position to darkstore_app using ({TENANT} or person_id = {ME}"
        f" or exists (select from delivery d where d.customer_id = {ME}"
        f" and d.rider_id = rider_position.rider_id and {states}))"
    )


def downgrade() -> None:
    _show_riders(OPEN)
    op.drop_column("order", "cancel_offered_at")
    op.drop_index("ix_delivery_store_live", "delivery")
    for name in (
        "silence_step", "search_step", "search_started_at", "arrived_at", "has_case",
        "needs_rider_since", "former_rider_id", "override_note", "override_reason", "return_tries",
        "return_code", "fee_kept", "failed_attempts",
    ):
        op.drop_column("delivery", name)
