"""How jobs fare, and what they can't do.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "job_state",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("every_seconds", sa.Float(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("backlog", sa.Integer()),
    )
    op.create_table(
        "job_failure",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column(
            "first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dead", sa.Boolean(), nullable=False),
    )
    op.create_index("uq_job_failure_item", "job_failure", ["job", "item"], unique=True)
    for table in ("job_state", "job_failure"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy scope on {table} to darkstore_app using ((select app_platform()))"
        )
        op.execute(f"grant select, insert, update, delete on {table} to darkstore_app")


def downgrade() -> None:
    op.drop_table("job_failure")
    op.drop_table("job_state")
