"""Every connection requires a page size within the limit."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLNonNull, get_named_type

from schema.root import graph
from services.core.pages import MAX_PAGE_ROWS

FIRST = "first"


def connections() -> Iterator[tuple[str, GraphQLField]]:
    """Yield all fields that return a connection, by their coordinates."""
    for name, kind in graph._schema.type_map.items():
        for field, definition in getattr(kind, "fields", {}).items():
            if not isinstance(definition, GraphQLField):
                continue
            if get_named_type(definition.type).name.endswith("Connection"):
                yield f"{name}.{field}", definition


CONNECTIONS = dict(connections())


def test_there_are_connections() -> None:
    assert {"Query.storeQueue", "Customer.orders", "Category.products"} <= set(CONNECTIONS)


@pytest.mark.parametrize("coordinate", sorted(CONNECTIONS))
def test_a_connection_requires_a_page_size(coordinate: str) -> None:
    argument = CONNECTIONS[coordinate].args.get(FIRST)
    assert argument is not None
    assert isinstance(argument.type, GraphQLNonNull)
    assert str(argument.type) == "Int!"
    assert str(MAX_PAGE_ROWS) in (argument.description or "")
