"""Searches stay within one company.

Revision ID: 0009
Revises: 0005
"""

from alembic import op

revision = "0009"
down_revision = "0005"


def upgrade() -> None:
    # A trusted extension: the owner of a database may create it.
    op.execute("create extension if not exists btree_gin")
    op.create_index(
        "ix_product_company_search", "product", ["company_id", "search"], postgresql_using="gin"
    )
    op.drop_index("ix_product_search", table_name="product", postgresql_using="gin")


def downgrade() -> None:
    op.create_index("ix_product_search", "product", ["search"], postgresql_using="gin")
    op.drop_index("ix_product_company_search", table_name="product", postgresql_using="gin")
