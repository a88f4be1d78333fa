"""Endpoints of third parties, what is on its way to them, and the event log in commit order.

Revision ID: 0014
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "0014"
down_revision = "0011"

PLATFORM = "(select app_platform())"
TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
TABLES = ("webhook_endpoint", "webhook_delivery", "webhook_attempt")


class Xid8(UserDefinedType):
    def get_col_spec(self, **_):
        return "xid8"


def _moment(name: str, **options) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def _now(name: str) -> sa.Column:
    return _moment(name, server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("app_id", sa.Uuid(), sa.ForeignKey("app.id")),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Text(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("suspended_because", sa.Text()),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("previous_nonce", sa.Text()),
        _moment("previous_until"),
        sa.Column("failures", sa.Integer(), nullable=False),
        _moment("failing_since"),
        _moment("circuit_open_until"),
        _moment("missed_since"),
        sa.Column("round", sa.Integer(), nullable=False),
        _now("created_at"),
        sa.Column("created_by_id", sa.Uuid()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_webhook_endpoint_failures")),
    )
    op.create_index("ix_webhook_endpoint_company", "webhook_endpoint", ["company_id", "id"])
    op.create_index("ix_webhook_endpoint_app_id", "webhook_endpoint", ["app_id"])
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), sa.ForeignKey("webhook_endpoint.id"), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        _moment("event_at", nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("attempts_count", sa.Integer(), nullable=False),
        _moment("due_at", nullable=False),
        _moment("ends_at", nullable=False),
        _now("created_at"),
        _moment("finished_at"),
        sa.Column("last_error", sa.Text()),
    )
    op.create_index(
        "uq_webhook_delivery_event", "webhook_delivery", ["endpoint_id", "stream", "seq", "round"],
        unique=True,
    )
    op.create_index(
        "ix_webhook_delivery_due", "webhook_delivery", ["endpoint_id", "due_at"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_index("ix_webhook_delivery_endpoint", "webhook_delivery", ["endpoint_id", "id"])
    op.create_index("ix_webhook_delivery_created_at", "webhook_delivery", ["created_at"])
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        _now("at"),
        sa.Column("status_code", sa.Integer()),
        sa.Column("latency_ms", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("snippet", sa.Text(), nullable=False),
    )
    op.create_index("ix_webhook_attempt_delivery", "webhook_attempt", ["delivery_id", "id"])
    op.create_table(
        "event_place",
        sa.Column("reader", sa.Text(), primary_key=True),
        sa.Column("tx", Xid8(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _now("at"),
    )
    _events()
    for table in TABLES:
        _close(table, TENANT)
    _close("event_place", PLATFORM)


def _events() -> None:
    """Number events by their transactions; those of before count as of this one, and as read."""
    default = sa.text("pg_current_xact_id()")
    op.add_column("event", sa.Column("tx", Xid8(), server_default=default, nullable=False))
    op.create_index("ix_event_tx", "event", ["tx", "stream", "seq"])
    op.execute(
        "insert into event_place (reader, tx, stream, seq) values ('webhooks',"
        " (pg_current_xact_id()::text::bigint + 1)::text::xid8, '', 0)"
    )


def _close(table: str, policy: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy scope on {table} to darkstore_app using ({policy})")
    op.execute(f"grant select, insert, update, delete on {table} to darkstore_app")


def downgrade() -> None:
    op.drop_index("ix_event_tx", "event")
    op.drop_column("event", "tx")
    for table in ("event_place", *reversed(TABLES)):
        op.drop_table(table)
