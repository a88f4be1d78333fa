"""The resolve info that resolvers receive, with the attributes that Strawberry expects."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.pyutils import Path, is_awaitable


class FieldInfo(NamedTuple):
    """graphql-core's resolve info, created once per field and request instead of once per parent.

    `path` therefore has the response keys from the root to the field, but no list indexes.
    """

    field_name: str
    field_nodes: list[FieldNode]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType
    path: Path
    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    root_value: Any
    operation: OperationDefinitionNode
    variable_values: dict[str, Any]
    context: Any
    is_awaitable: Any = is_awaitable
    abort_signal: Any = None
    async_helpers: Any = None
    operation_extensions: Any = None


class PredicateAwaiter:
    """Helpers that type resolvers of graphql-core use to await several predicates at once."""

    @staticmethod
    async def gather(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
        """Await all; return the results in order."""
        return list(await asyncio.gather(*awaitables))

    @staticmethod
    def track(awaitables: Iterable[Any]) -> None:
        """Close predicates whose results are no longer needed."""
        for awaitable in awaitables:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
