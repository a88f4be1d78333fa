"""Invitations, links of accounts and messages that wait to be sent.

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

PLATFORM = "(select app_platform())"
TENANT = f"{PLATFORM} or company_id = any ((select app_companies())::uuid[])"
PENDING = sa.text("status = 'PENDING'")


def upgrade() -> None:
    _outgoing_message()
    _account_link()
    _invitation()
    for table, policy in (
        ("outgoing_message", PLATFORM),
        ("account_link", PLATFORM),
        ("invitation", TENANT),
    ):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy scope on {table} to darkstore_app using ({policy})")
        op.execute(f"grant select, insert, update, delete on {table} to darkstore_app")


def _outgoing_message() -> None:
    op.create_table(
        "outgoing_message",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link_subject_id", sa.Uuid()),
        sa.Column("link_round", sa.Integer()),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("attempts_count", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        _now("due_at"),
        _moment("expires_at", nullable=False),
        _now("created_at"),
        _moment("sent_at"),
        sa.CheckConstraint("(link_subject_id is null) = (link_round is null)", name="link"),
    )
    op.create_index(
        "ix_outgoing_message_due", "outgoing_message", ["due_at"], postgresql_where=PENDING
    )
    op.create_index(
        "ix_outgoing_message_recipient", "outgoing_message", ["recipient", "created_at"]
    )
    op.create_index("ix_outgoing_message_created_at", "outgoing_message", ["created_at"])


def _account_link() -> None:
    op.create_table(
        "account_link",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("person.id")),
        sa.Column("address", sa.Text(), nullable=False),
        _now("created_at"),
        _moment("expires_at", nullable=False),
        _moment("used_at"),
    )
    op.create_index("ix_account_link_person_id", "account_link", ["person_id"])
    op.create_index("ix_account_link_expires_at", "account_link", ["expires_at"])


def _invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id")),
        sa.Column("store_id", sa.Uuid(), sa.ForeignKey("store.id")),
        sa.Column("phone", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("invited_by_id", sa.Uuid(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("membership_id", sa.Uuid(), sa.ForeignKey("membership.id")),
        sa.Column("message_id", sa.Uuid()),
        sa.Column("round", sa.Integer(), nullable=False),
        _now("created_at"),
        _now("sent_at"),
        _moment("expires_at", nullable=False),
        _moment("answered_at"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(phone is null) <> (email is null)", name="one_contact"),
        sa.CheckConstraint(
            "store_id is null or company_id is not null", name="store_in_company"
        ),
    )
    op.create_index(
        "uq_invitation_pending",
        "invitation",
        ["role", "company_id", "store_id", "phone", "email"],
        unique=True,
        postgresql_where=PENDING,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_invitation_company", "invitation", ["company_id", "created_at"])
    op.create_index("ix_invitation_inviter", "invitation", ["invited_by_id", "created_at"])
    op.create_index("ix_invitation_store_id", "invitation", ["store_id"])
    op.create_index("ix_invitation_membership_id", "invitation", ["membership_id"])
    for column in ("phone", "email"):
        op.create_index(
            f"ix_invitation_{column}", "invitation", [column], postgresql_where=PENDING
        )
    op.create_index("ix_invitation_due", "invitation", ["expires_at"], postgresql_where=PENDING)


def _now(name: str) -> sa.Column:
    now = sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def downgrade() -> None:
    for table in ("invitation", "account_link", "outgoing_message"):
        op.drop_table(table)
