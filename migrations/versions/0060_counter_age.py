"""A counter sale of products that are not sold to minors has the document that proved the age.

Sales of before have none: nobody was asked.

Revision ID: 0060
Revises: 0059
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
PROVED = "(minimum_age is null) = (age_document is null) and age_document <> 'NONE'"


def upgrade() -> None:
    op.add_column("counter_sale", sa.Column("minimum_age", sa.Integer()))
    op.add_column("counter_sale", sa.Column("age_document", sa.String(40)))
    op.create_check_constraint(op.f("ck_counter_sale_age_document"), "counter_sale", PROVED)


def downgrade() -> None:
    op.drop_column("counter_sale", "age_document")
    op.drop_column("counter_sale", "minimum_age")
