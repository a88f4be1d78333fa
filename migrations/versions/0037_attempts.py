"""Tries of secrets are counted by account and source, and codes belong to whoever asked for them.

Nothing locks an account any more. Codes keep the network that asked for them in place of the
address: of IPv6 the /64. Codes that are valid now were asked for in the last five minutes.

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

SOURCES = """
update one_time_code set source = 'network:' || case
    when source !~ '^[0-9a-fA-F.:]+$' then 'local'
    when family(source::inet) = 6 then
        host(network(set_masklen(source::inet, 64))) || '/64'
    else host(source::inet) end
"""


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("rule", sa.Text(), primary_key=True),
        sa.Column("subject", sa.LargeBinary(), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column(
            "tried_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("blocked_until", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_attempt_tried_at", "attempt", ["tried_at"])
    op.execute("alter table attempt enable row level security")
    op.execute("alter table attempt force row level security")
    op.execute("create policy scope on attempt to darkstore_app using ((select app_platform()))")
    op.execute("grant select, insert, update, delete on attempt to darkstore_app")
    op.drop_column("person", "failed_sign_ins")
    op.drop_column("person", "locked_until")
    op.drop_index("ix_one_time_code_address", table_name="one_time_code")
    op.alter_column("one_time_code", "address", new_column_name="source")
    op.execute("alter table one_time_code no force row level security")
    op.execute(SOURCES)
    op.execute("alter table one_time_code force row level security")
    op.add_column(
        "one_time_code", sa.Column("site", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "one_time_code",
        sa.Column("known_device", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index("ix_one_time_code_source", "one_time_code", ["source", "issued_at"])
    op.create_index(
        "ix_one_time_code_site",
        "one_time_code",
        ["site", "issued_at"],
        postgresql_where=sa.text("site <> ''"),
    )


def downgrade() -> None:
    op.drop_index("ix_one_time_code_site", table_name="one_time_code")
    op.drop_index("ix_one_time_code_source", table_name="one_time_code")
    op.drop_column("one_time_code", "known_device")
    op.drop_column("one_time_code", "site")
    op.alter_column("one_time_code", "source", new_column_name="address")
    op.create_index("ix_one_time_code_address", "one_time_code", ["address", "issued_at"])
    op.add_column("person", sa.Column("locked_until", sa.DateTime(timezone=True)))
    op.add_column(
        "person",
        sa.Column("failed_sign_ins", sa.Integer(), server_default="0", nullable=False),
    )
    op.drop_table("attempt")
