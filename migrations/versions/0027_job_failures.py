"""Transient failures are counted apart; a payment notice has a key that job failures can name.

The attempts of a notice are counted by its job failure now.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    transient = sa.Column("transient_tries", sa.Integer(), nullable=False, server_default="0")
    op.add_column("job_failure", transient)
    new_key = sa.text("gen_random_uuid()")
    op.add_column(
        "payment_notice", sa.Column("id", sa.Uuid(), nullable=False, server_default=new_key)
    )
    op.create_index("uq_payment_notice_id", "payment_notice", ["id"], unique=True)
    op.drop_column("payment_notice", "tries")


def downgrade() -> None:
    op.add_column(
        "payment_notice", sa.Column("tries", sa.Integer(), nullable=False, server_default="0")
    )
    op.drop_index("uq_payment_notice_id", "payment_notice")
    op.drop_column("payment_notice", "id")
    op.drop_column("job_failure", "transient_tries")
