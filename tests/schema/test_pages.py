"""Every page of the graph is asked for by its size, and no size is out of bounds."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLNonNull, get_named_type

from schema.root import graph
from services.core.pages import PAGE_ROWS

FIRST = "first"


def connections() -> Iterator[tuple[str, GraphQLField]]:
    """All fields that answer a connection, by their coordinates."""
    for name, kind in graph._schema.type_map.items():
        for field, definition in getattr(kind, "fields", {}).items():
            if not isinstance(definition, GraphQLField):
                continue
            if get_named_type(definition.type).name.endswith("Connection"):
                yield f"{name}.{field}", definition


EVERY = dict(connections())


def test_there_are_connections() -> None:
    assert {"Query.storeQueue", "Customer.orders", "Category.products"} <= set(EVERY)


@pytest.mark.parametrize("coordinate", sorted(EVERY))
def test_a_connection_needs_the_size_of_its_page(coordinate: str) -> None:
    argument = EVERY[coordinate].args.get(FIRST)
    assert argument is not None
    assert isinstance(argument.type, GraphQLNonNull)
    assert str(argument.type) == "Int!"
    assert str(PAGE_ROWS) in (argument.description or "")
