"""The reference path: graphql-core runs the operation, as Strawberry would have it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError
from graphql.execution import (
    Executor,
    create_source_event_stream,
    map_source_to_response_event,
)

from execution.prepared import Prepared

Outcome = Executor[Any] | list[GraphQLError]


def build(
    schema: strawberry.Schema,
    prepared: Prepared,
    variables: Mapping[str, Any],
    context: Any,
    root: Any,
    variable_errors: int,
) -> Outcome:
    """An executor of graphql-core for one request, or the reasons why the variables won't do."""
    return schema.execution_context_class.build(
        schema._schema,
        prepared.document,
        root_value=root,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=prepared.operation_name,
        max_coercion_errors=variable_errors,
    )


async def run(executor: Executor[Any]) -> ExecutionResult:
    """Run a query or mutation to its one result."""
    result: Any = executor.execute_operation()
    if isawaitable(result):
        result = await result
    if isinstance(result, ExecutionResult):
        return result
    return ExecutionResult(None, [GraphQLError("Incremental delivery is not supported.")])


async def stream(executor: Executor[Any]) -> AsyncGenerator[ExecutionResult, None]:
    """One result per event of the source; a source that can't start gives one result of errors."""
    source: Any = create_source_event_stream(executor)
    if isawaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        yield source
        return
    async with aclosing(map_source_to_response_event(executor, source)) as results:
        async for result in results:
            yield result
