"""Searches find a size with a space or a decimal comma: the search words are cut anew.

Revision ID: 0070
Revises: 0069
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from models.catalog import product_search
from models.purchasing import supplier_search

revision = "0070"
down_revision = "0069"

ROWS = 2_000
"""Rows that are read and written at once."""
SOURCES: dict[str, tuple[Callable[[Any], str], str]] = {
    "product": (product_search, "id, code, name, translations, search_text"),
    "supplier": (supplier_search, "id, name"),
}


def upgrade() -> None:
    for table in SOURCES:
        op.execute(f"alter table {table} no force row level security")
        _rebuild(table)
        op.execute(f"alter table {table} force row level security")


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
        " where t.id = r.id and t.search <> cast(r.search as tsvector)"
    )
    after = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(page, {"after": after}).mappings().all():
        vectors = [build(row) for row in rows]
        connection.execute(update, {"ids": [row["id"] for row in rows], "vectors": vectors})
        after = rows[-1]["id"]


def downgrade() -> None:
    pass  # The words stay: those of before are among them, but for parts of "1,5".
