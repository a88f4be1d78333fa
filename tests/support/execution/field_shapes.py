"""Builds small schemas at run time, to compare both executors on them."""

from collections.abc import Callable
from typing import Any

import strawberry

from execution import Answer
from tests.support.execution.differential import ExecutorPair, assert_same

Make = Callable[[], Any]


class Fault(Exception):
    """The error that resolvers of these schemas raise."""


def sync_resolver(make: Make) -> Callable[[], Any]:
    """A synchronous resolver."""

    def resolve() -> Any:
        return make()

    return resolve


def async_resolver(make: Make) -> Callable[[], Any]:
    """An asynchronous resolver with the same result."""

    async def resolve() -> Any:
        return make()

    return resolve


def raise_fault() -> Any:
    """A value function that fails."""
    raise Fault("it broke")


def typed_field(type_: Any, resolve: Callable[[], Any]) -> Any:
    """A field of the given type, independent of the resolver's annotation."""
    return strawberry.field(resolver=resolve, graphql_type=type_)


def object_type(name: str, **fields: Any) -> Any:
    """An object type with these fields."""
    return strawberry.type(type(name, (), {"__annotations__": {}, **fields}))


class SchemaUnderTest:
    """Both executors for a schema with this query type."""

    def __init__(self, query_type: Any, **options: Any) -> None:
        self._pair = ExecutorPair(strawberry.Schema(query_type, **options))

    async def compare(self, query: str, variables: Any = None) -> Answer:
        """The answer of the compiled plan, after asserting that graphql-core's is equal."""
        ours, theirs = await self._pair.execute(query, variables, lambda: None)
        assert_same(ours, theirs)
        return ours
