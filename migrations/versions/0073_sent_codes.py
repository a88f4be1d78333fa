"""When a shared code was accepted for sending: until then nobody else is told that it was sent.

Revision ID: 0073
Revises: 0072
"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
SENT = """update one_time_code set sent_at = issued_at
    where digits > 6 and not joined and not not_sent"""


def upgrade() -> None:
    op.add_column("one_time_code", sa.Column("sent_at", sa.DateTime(timezone=True)))
    # As before each change of rows, should policies be forced for the owner one day.
    op.execute("alter table one_time_code no force row level security")
    op.execute(SENT)
    op.execute("alter table one_time_code force row level security")


def downgrade() -> None:
    op.drop_column("one_time_code", "sent_at")
