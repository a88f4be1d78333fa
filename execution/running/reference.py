"""The reference path: graphql-core runs the operation, as Strawberry would have it."""

from collections.abc import AsyncIterator, Mapping
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError
from graphql.execution import Executor, create_source_event_stream

from execution.document.prepared import Prepared


def build(
    schema: strawberry.Schema,
    prepared: Prepared,
    variables: Mapping[str, Any],
    context: Any,
    root: Any,
) -> Executor[Any] | list[GraphQLError]:
    """An executor of graphql-core for one request, or the reasons why the variables won't do."""
    extensions = schema.get_extensions()  # Only what carries out the schema's own directives.
    return schema.execution_context_class.build(
        schema._schema,
        prepared.document,
        root_value=root,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=prepared.operation_name,
        middleware=list(extensions) or None,
    )


async def run(executor: Executor[Any]) -> ExecutionResult:
    """Run an operation, or one event of a subscription, to its one result."""
    result: Any = executor.execute_operation()
    if isawaitable(result):
        result = await result
    return result  # type: ignore[no-any-return] # only @defer and @stream lead to others


async def source(executor: Executor[Any]) -> AsyncIterator[Any] | ExecutionResult:
    """The events of a subscription, or the errors for which there are none."""
    events: Any = create_source_event_stream(executor)
    if isawaitable(events):
        events = await events
    return events  # type: ignore[no-any-return] # it gives one or the other
