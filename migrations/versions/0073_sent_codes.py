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
    op.execute(SENT)


def downgrade() -> None:
    op.drop_column("one_time_code", "sent_at")
