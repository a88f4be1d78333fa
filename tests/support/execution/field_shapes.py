"""Schemas made of a few shapes and values each, on which both executors are held equal."""

from collections.abc import Callable
from typing import Any

import strawberry

from execution import Answer
from tests.support.execution.differential import Pair, assert_same

Make = Callable[[], Any]


class Fault(Exception):
    """What breaks in these schemas."""


def now(make: Make) -> Callable[[], Any]:
    """A resolver that answers at once."""

    def resolve() -> Any:
        return make()

    return resolve


def later(make: Make) -> Callable[[], Any]:
    """A coroutine function that answers the same."""

    async def resolve() -> Any:
        return make()

    return resolve


def fails() -> Any:
    """A value that isn't to be had."""
    raise Fault("it broke")


def asked(type_: Any, resolve: Callable[[], Any]) -> Any:
    """A field of a type, whatever the resolver is annotated to answer."""
    return strawberry.field(resolver=resolve, graphql_type=type_)


def made(name: str, **fields: Any) -> Any:
    """An object type of these fields."""
    return strawberry.type(type(name, (), {"__annotations__": {}, **fields}))


class Ground:
    """Both executors over one query type."""

    def __init__(self, query_type: Any, **more: Any) -> None:
        self._pair = Pair(strawberry.Schema(query_type, **more))

    async def told(self, query: str, variables: Any = None) -> Answer:
        """The compiled answer, after holding it equal to graphql-core's."""
        ours, theirs = await self._pair.answers(query, variables, lambda: None)
        assert_same(ours, theirs)
        return ours
