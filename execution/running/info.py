"""What resolvers are told about the field they answer, in the shape that Strawberry expects."""

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
    """graphql-core's resolve info, made once per field and request instead of once per parent.

    So `path` names the response keys down to the field but not the positions inside lists.
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


class Gathering:
    """What type resolvers of graphql-core use to wait for several predicates at once."""

    @staticmethod
    async def gather(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
        """All answers, in order."""
        return list(await asyncio.gather(*awaitables))

    @staticmethod
    def track(awaitables: Iterable[Any]) -> None:
        """Let go of predicates whose answers are no longer wanted."""
        for unwanted in awaitables:
            if asyncio.iscoroutine(unwanted):
                unwanted.close()
