"""When a shared code was accepted for sending: until then nobody else is told that it was sent.

Revision ID: x2_codes
Revises: x2
"""

import sqlalchemy as sa
from alembic import op

revision = "x2_codes"
down_revision = "x2"
SENT = """update one_time_code set sent_at = issued_at
    where digits > 6 and not joined and not not_sent"""


def upgrade() -> None:
    op.add_column("one_time_code", sa.Column("sent_at", sa.DateTime(timezone=True)))
    op.execute(SENT)


def downgrade() -> None:
    op.drop_column("one_time_code", "sent_at")
