"""The reference executor: graphql-core executes the operation, configured as by Strawberry."""

from collections.abc import AsyncIterator, Mapping
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError
from graphql.execution import Executor, create_source_event_stream

from execution.document.prepared_operation import PreparedOperation


def build_executor(
    schema: strawberry.Schema,
    prepared: PreparedOperation,
    variables: Mapping[str, Any],
    context: Any,
    root: Any,
) -> Executor[Any] | list[GraphQLError]:
    """An executor of graphql-core for one request, or the errors of invalid variables."""
    extensions = schema.get_extensions()  # Only those that execute the schema's own directives.
    return schema.execution_context_class.build(
        schema._schema,
        prepared.document,
        root_value=root,
        context_value=context,
        raw_variable_values=dict(variables),
        operation_name=prepared.operation_name,
        middleware=list(extensions) or None,
    )


async def run_executor(executor: Executor[Any]) -> ExecutionResult:
    """Execute an operation, or the selection of a subscription for one event."""
    result: Any = executor.execute_operation()
    if isawaitable(result):
        result = await result
    return result  # type: ignore[no-any-return] # only @defer and @stream have other result types


async def open_event_source(executor: Executor[Any]) -> AsyncIterator[Any] | ExecutionResult:
    """Open the event source of a subscription, or return the errors that prevent it."""
    events: Any = create_source_event_stream(executor)
    if isawaitable(events):
        events = await events
    return events  # type: ignore[no-any-return] # it returns one of the two
