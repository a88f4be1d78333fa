"""Constraints named by the term of the column that they check: the authorization buffer.

Revision ID: 0074
Revises: 0073
"""

from alembic import op

revision = "0074"
down_revision = "0073"
NAMES = (
    ("company", "ck_company_weighed_headroom", "ck_company_authorization_buffer"),
    ("order", "ck_order_headroom", "ck_order_authorization_buffer"),
    ("order_line", "ck_order_line_headroom", "ck_order_line_authorization_buffer"),
)


def upgrade() -> None:
    for table, old, new in NAMES:
        op.execute(f'alter table "{table}" rename constraint {old} to {new}')


def downgrade() -> None:
    for table, old, new in NAMES:
        op.execute(f'alter table "{table}" rename constraint {new} to {old}')
