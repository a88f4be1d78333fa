"""Age checks move with the orders of a guest who signs in to an account.

Revision ID: 0032
Revises: 0031
"""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute("grant update (customer_id) on age_check to darkstore_app")


def downgrade() -> None:
    op.execute("revoke update (customer_id) on age_check from darkstore_app")
