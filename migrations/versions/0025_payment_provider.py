"""Payments that need a person, refunds at the provider, disputes.

A payment that was given up after an outage is due again. Refunds that failed are shown to support,
and their payments are read once more: some were fulfilled although the answer was lost.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

# Not for the staff of stores: for those who see the orders of all stores of the company.
COMPANY = "(select app_platform()) or company_id = any ((select app_order_companies())::uuid[])"
GIVEN_UP = """
update payment set failure_code = null, failure_message = null, last_error = failure_message,
    tries = 0, due_at = now()
where failure_code = 'GAVE_UP'
    and status not in ('CAPTURED', 'PARTLY_REFUNDED', 'REFUNDED', 'VOIDED', 'EXPIRED')
"""
FAILED = "update refund set stuck_at = now(), stuck_reason = 'REFUSED' where status = 'FAILED'"
UNEXPLAINED = """
update payment set due_at = now()
where intent_id is not null and status in ('CAPTURED', 'PARTLY_REFUNDED', 'REFUNDED') and (
    refunded_minor <> coalesce((
        select sum(amount_minor) from refund
        where refund.payment_id = payment.id and refund.status = 'SUCCEEDED'), 0)
    or exists (
        select from refund where refund.payment_id = payment.id and refund.status = 'FAILED'
            and refund.provider_refund_id is null))
"""


def upgrade() -> None:
    for table in ("payment", "refund"):
        op.add_column(table, sa.Column("last_error", sa.Text()))
        op.add_column(table, sa.Column("stuck_reason", sa.String(40)))
        op.add_column(table, sa.Column("stuck_at", sa.DateTime(timezone=True)))
        op.create_check_constraint(
            op.f(f"ck_{table}_stuck"), table, "(stuck_at is null) = (stuck_reason is null)"
        )
        where = sa.text("stuck_at is not null")
        op.create_index(f"ix_{table}_stuck", table, ["id"], postgresql_where=where)
    op.add_column("payment", sa.Column("keep_minor", sa.BigInteger()))
    for name in ("disputed_minor", "refusals"):
        kind = sa.Integer() if name == "refusals" else sa.BigInteger()
        op.add_column("payment", sa.Column(name, kind, server_default="0", nullable=False))
    op.add_column("payment", sa.Column("dispute_status", sa.String(40)))
    op.add_column(
        "refund",
        sa.Column("made_at_provider", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("refund", sa.Column("retry_of_id", sa.Uuid(), sa.ForeignKey("refund.id")))
    op.add_column("refund", sa.Column("resolution", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "uq_refund_provider_refund_id",
        "refund",
        ["provider_refund_id"],
        unique=True,
        postgresql_where=sa.text("provider_refund_id is not null"),
    )
    _create_dispute()
    for table in ("payment", "refund"):
        op.execute(f"alter table {table} no force row level security")  # its owner changes all
    for statement in (GIVEN_UP, FAILED, UNEXPLAINED):
        op.execute(statement)
    for table in ("payment", "refund"):
        op.execute(f"alter table {table} force row level security")


def _create_dispute() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("payment_id", sa.Uuid(), sa.ForeignKey("payment.id"), nullable=False),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("order.id"), nullable=False),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("provider_dispute_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("evidence_due_at", sa.DateTime(timezone=True)),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount")),
    )
    op.create_index(
        "uq_dispute_provider_dispute_id", "dispute", ["provider_dispute_id"], unique=True
    )
    op.create_index("ix_dispute_payment_id", "dispute", ["payment_id"])
    op.create_index("ix_dispute_order_id", "dispute", ["order_id"])
    op.create_index("ix_dispute_company", "dispute", ["company_id", "id"])
    op.create_index(
        "ix_dispute_due", "dispute", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )
    op.execute("alter table dispute enable row level security")
    op.execute("alter table dispute force row level security")
    op.execute(f"create policy scope on dispute to darkstore_app using ({COMPANY})")
    op.execute("grant select, insert, update on dispute to darkstore_app")


def downgrade() -> None:
    op.drop_table("dispute")
    op.drop_index("uq_refund_provider_refund_id", "refund")
    for name in ("made_at_provider", "retry_of_id", "resolution"):
        op.drop_column("refund", name)
    for name in ("keep_minor", "disputed_minor", "refusals", "dispute_status"):
        op.drop_column("payment", name)
    for table in ("payment", "refund"):
        op.drop_index(f"ix_{table}_stuck", table)
        op.drop_constraint(op.f(f"ck_{table}_stuck"), table)
        for name in ("last_error", "stuck_reason", "stuck_at"):
            op.drop_column(table, name)
