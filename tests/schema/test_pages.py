"""Every connection requires a page size within the limit."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, get_named_type

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


def test_a_page_has_what_relay_requires() -> None:
    """Relay's compiler refuses a connection without all four fields of its pages."""
    required = {"hasNextPage": "Boolean!", "hasPreviousPage": "Boolean!"}
    cursors = {"startCursor": "String", "endCursor": "String"}
    info = graph._schema.type_map["PageInfo"]
    assert isinstance(info, GraphQLObjectType)
    assert {name: str(field.type) for name, field in info.fields.items()} == required | cursors
    for definition in CONNECTIONS.values():
        connection = get_named_type(definition.type)
        assert isinstance(connection, GraphQLObjectType)
        assert str(connection.fields["pageInfo"].type) == "PageInfo!"
        assert str(connection.fields["edges"].type).endswith("Edge!]!")


@pytest.mark.parametrize("coordinate", sorted(CONNECTIONS))
def test_a_connection_requires_a_page_size(coordinate: str) -> None:
    argument = CONNECTIONS[coordinate].args.get(FIRST)
    assert argument is not None
    assert isinstance(argument.type, GraphQLNonNull)
    assert str(argument.type) == "Int!"
    assert str(MAX_PAGE_ROWS) in (argument.description or "")
