"""Files that people send, by purpose.

Revision ID: 0076
Revises: 0075
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
POLICY = (
    "(select app_platform()) or company_id = any ((select app_companies())::uuid[])"
    " or (company_id is null and owner_id = (select app_person()))"
)


def upgrade() -> None:
    op.create_table(
        "stored_file",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("owner_id", sa.Uuid(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("company_id", sa.Uuid(), sa.ForeignKey("company.id"), nullable=True),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("rejection", sa.String(40), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("has_staged", sa.Boolean(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'REJECTED') = (rejection is not null)", name="rejection"
        ),
        sa.CheckConstraint("status <> 'READY' or sha256 is not null", name="digest"),
    )
    op.create_index("ix_stored_file_owner", "stored_file", ["owner_id", "created_at"])
    op.create_index("ix_stored_file_company", "stored_file", ["company_id", "id"])
    op.create_index("ix_stored_file_expires", "stored_file", ["expires_at"])
    op.create_index(
        "ix_stored_file_staged",
        "stored_file",
        ["created_at"],
        postgresql_where=sa.text("has_staged"),
    )
    op.execute("alter table stored_file enable row level security")
    op.execute("alter table stored_file force row level security")
    op.execute(f"create policy scope on stored_file to darkstore_app using ({POLICY})")
    op.execute("grant select, insert, update, delete on stored_file to darkstore_app")


def downgrade() -> None:
    op.drop_table("stored_file")
