"""Products and suppliers are searched for by words that one rule cuts, in every script.

Revision ID: 0046
Revises: 0045
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.catalog import product_search
from models.purchasing import supplier_search

revision = "0046"
down_revision = "0045"

ROWS = 2_000
"""Rows that are read and written at once."""
OLD = "to_tsvector('english', name || ' ' || search_text) || to_tsvector('simple', search_text)"
SOURCES = {
    "product": (product_search, "id, code, name, translations, search_text"),
    "supplier": (supplier_search, "id, name"),
}


def upgrade() -> None:
    op.execute("alter table product alter column search drop expression")
    op.execute("alter table product alter column search set default ''")
    op.add_column(
        "supplier",
        sa.Column("search", postgresql.TSVECTOR(), server_default="", nullable=False),
    )
    op.drop_index("ix_product_company_search", "product", postgresql_using="gin")
    for table in SOURCES:
        op.execute(f"alter table {table} no force row level security")
        _rebuild(table)
        op.execute(f"alter table {table} force row level security")
    _create_index()


def _rebuild(table: str) -> None:
    """Write the search words of all rows, in the order of their keys."""
    build, columns = SOURCES[table]
    connection = op.get_bind()
    page = sa.text(
        f"select {columns} from {table} where id > :after order by id limit {ROWS}"
    )
    update = sa.text(
        f"update {table} t set search = cast(r.search as tsvector)"
        " from unnest(cast(:ids as uuid[]), cast(:vectors as text[])) as r (id, search)"
        " where t.id = r.id"
    )
    after = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(page, {"after": after}).mappings().all():
        connection.execute(update, _vectors(rows, build))
        after = rows[-1]["id"]


def _vectors(rows: Sequence[sa.RowMapping], build: object) -> dict[str, list[object]]:
    return {
        "ids": [row["id"] for row in rows],
        "vectors": [build(row) for row in rows],
    }


def _create_index() -> None:
    op.create_index(
        "ix_product_company_search", "product", ["company_id", "search"], postgresql_using="gin"
    )


def downgrade() -> None:
    op.drop_column("supplier", "search")
    op.drop_index("ix_product_company_search", "product", postgresql_using="gin")
    op.drop_column("product", "search")
    op.add_column(
        "product",
        sa.Column(
            "search", postgresql.TSVECTOR(), sa.Computed(OLD, persisted=True), nullable=False
        ),
    )
    _create_index()
