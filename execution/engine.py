"""The front door: prepares documents, executes operations, streams subscriptions."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ASTValidationRule, NoSchemaIntrospectionCustomRule
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution import reference
from execution.answer import Answer, OnError, format_errors, refusal
from execution.limits import Limits
from execution.prepared import Prepared


class Engine:
    """Runs the operations of one schema; `reference` leaves every operation to graphql-core."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value, never changed
        reference: bool = False,
        introspection: bool = True,
        on_error: OnError | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._reference = reference
        self._on_error = on_error
        self._rules = _rules(introspection)
        self._kept: OrderedDict[tuple[str, str | None], Prepared] = OrderedDict()

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared | Answer:
        """The document ready to run, from memory when it was met before, or why it won't."""
        key = (query, operation_name)
        if kept := self._kept.get(key):
            self._kept.move_to_end(key)
            return kept
        try:
            prepared = self._prepare(query, operation_name)
        except GraphQLError as error:
            return refusal([error], self._on_error)
        if isinstance(prepared, list):
            return refusal(prepared, self._on_error)
        self._kept[key] = prepared
        if len(self._kept) > self._limits.cached_documents:
            self._kept.popitem(last=False)
        return prepared

    def _prepare(self, query: str, operation_name: str | None) -> Prepared | list[GraphQLError]:
        document = parse(query, max_tokens=self._limits.tokens)
        errors = validate(
            self._schema._schema, document, self._rules, self._limits.validation_errors
        )
        if errors:
            return errors
        operation = _operation(document, operation_name)
        return Prepared(
            operation_type=operation.operation.value,
            operation_name=operation_name,
            cost=1,
            root_fields=tuple(
                node.name.value
                for node in operation.selection_set.selections
                if isinstance(node, FieldNode)
            ),
            document=document,
            operation=operation,
        )

    async def execute(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer:
        """Run a query or a mutation; every failure but cancellation stands in the answer."""
        limit = self._limits.variable_errors
        try:
            executor = reference.build(
                self._schema, prepared, variables or {}, context, root, limit
            )
            if isinstance(executor, list):
                return refusal(executor, self._on_error)
            return self._answer(await reference.run(executor))
        except Exception as error:
            return self._broken(error)

    async def subscribe(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, context: Any
    ) -> AsyncGenerator[Answer, None]:
        """One answer per event; closing the iterator closes the source of events."""
        limit = self._limits.variable_errors
        try:
            executor = reference.build(
                self._schema, prepared, variables or {}, context, None, limit
            )
            if isinstance(executor, list):
                yield refusal(executor, self._on_error)
                return
            async with aclosing(reference.stream(executor)) as results:
                async for result in results:
                    yield self._answer(result)
        except Exception as error:
            yield self._broken(error)

    def _answer(self, result: Any) -> Answer:
        errors = format_errors(result.errors, self._on_error) if result.errors else None
        return Answer(result.data, errors)

    def _broken(self, error: Exception) -> Answer:
        """What must never happen still gets an answer, and `on_error` sees it."""
        located = (
            error
            if isinstance(error, GraphQLError)
            else GraphQLError(str(error), original_error=error)
        )
        return Answer(None, format_errors([located], self._on_error))


def _rules(introspection: bool) -> tuple[type[ASTValidationRule], ...]:
    rules = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
    return rules if introspection else (*rules, NoSchemaIntrospectionCustomRule)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(document, name)
    if operation is None and name is not None:
        raise GraphQLError(f"Unknown operation named '{name}'.")
    if operation is None:
        raise GraphQLError("Must provide operation name if query contains multiple operations.")
    return operation
