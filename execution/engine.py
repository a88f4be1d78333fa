"""The engine: prepares documents, executes operations, streams subscriptions."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Hashable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError, get_variable_values
from graphql.execution import Executor, VariableValues

from execution.document.cost import CostEstimator, response_cost
from execution.document.document_cache import DocumentCache
from execution.document.limits import Limits, check_cost
from execution.document.prepared_operation import PreparedOperation
from execution.document.values import NOT_TEXT, has_only_text
from execution.fanout_port import FanoutPort, Sink
from execution.planning.plan import ExecutionPlan
from execution.planning.sharing_key import sharing_key
from execution.runtime import graphql_core
from execution.runtime.answer import Answer, OnError, format_errors, refuse
from execution.runtime.run import PlanRun
from execution.runtime.single_flight import SingleFlightCache

MAX_PLANS_PER_DOCUMENT = 8
MAX_COSTS_PER_DOCUMENT = 64
GRAPHQL_CORE_FACTOR = 3
"""How much dearer a field is where no plan but graphql-core executes it."""
NO_VARIABLES = VariableValues({}, {})


class Engine:
    """Executes operations of one schema; with `reference`, graphql-core executes all of them."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        reference: bool = False,
        introspection: bool = True,
        on_error: OnError | None = None,
    ) -> None:
        if schema.extensions:
            raise TypeError("The engine runs no schema extensions; give it a schema without any.")
        self._schema = schema
        self._limits = limits
        self._reference = reference
        self._on_error = on_error
        self._documents = DocumentCache(schema, limits, introspection)

    def prepare(
        self, query: str, operation_name: str | None = None, context: Any = None
    ) -> PreparedOperation | Answer:
        """The prepared operation, from the cache if possible, or the answer that refuses it."""
        if (cached := self._documents.find(query, operation_name)) is not None:
            return cached
        if (refusal := self.admit_document(query, context)) is not None:
            return refusal
        prepared = self._documents.prepare(query, operation_name)
        if not isinstance(prepared, PreparedOperation):
            return refuse(prepared, self._on_error)
        return prepared

    def admit_document(self, query: str, context: Any) -> Answer | None:
        """Called before a document is parsed; a subclass may refuse it."""
        return None

    def admit_size(self, size_bytes: int, context: Any) -> Answer | None:
        """Called before a request of this size is parsed; a subclass may refuse it."""
        return None

    def admit_signal(self, size_bytes: int, context: Any) -> Answer | None:
        """Called for a message without an operation; a subclass may refuse it."""
        return None

    def admit_request(self, context: Any) -> Answer | None:
        """Called for a request without an operation of its own; a subclass may refuse it."""
        return None

    def plan_compiled(self, prepared: PreparedOperation, context: Any) -> None:
        """Called when an operation was compiled for conditions that had no plan."""

    def cost(self, prepared: PreparedOperation, variables: Mapping[str, Any] | None) -> int:
        """The static cost of the operation in fields, with the page sizes in these variables."""
        if not prepared.size_variables:
            return prepared.cost
        values = {name: (variables or {}).get(name) for name in prepared.size_variables}
        lengths = {name: len(v) if isinstance(v, list) else v for name, v in values.items()}
        sizes = {name: size for name, size in lengths.items() if type(size) is int}
        key = tuple(sorted(sizes.items()))
        if (cost := prepared.costs.get(key)) is None:
            if len(prepared.costs) >= MAX_COSTS_PER_DOCUMENT:
                prepared.costs.clear()
            core = self._schema._schema
            cost = CostEstimator(core, prepared.operation, prepared.fragments, sizes).total()
            prepared.costs[key] = cost
        return cost

    async def execute(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer:
        """Execute a query or a mutation; every error but cancellation is in the answer."""
        result = self.begin(prepared, variables, context, root)
        return result if isinstance(result, Answer) else await result

    def begin(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer | Awaitable[Answer]:
        """Execute as far as possible without waiting: the answer, or an awaitable of it."""
        try:
            coerced = self._coerce_variables(prepared, variables)
            if isinstance(coerced, list):
                return refuse(coerced, self._on_error)
            plan = self._plan(prepared, coerced, context)
            if plan is None:
                return self._guard(self._execute_by_reference(prepared, variables, context, root))
            run, ended = plan.begin(coerced, context, root)
            return self._answer(run) if ended else self._guard(self._finish(plan, run))
        except Exception as error:
            return self._internal_error(error)

    async def _finish(self, plan: ExecutionPlan, run: PlanRun) -> Answer:
        return self._answer(await plan.finish(run))

    async def _guard(self, answer: Awaitable[Answer]) -> Answer:
        """Await an answer; an unexpected error becomes an answer too."""
        try:
            return await answer
        except Exception as error:
            return self._internal_error(error)

    async def subscribe(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        sink: Sink | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """Yield one answer per event; closing the generator closes the event source.

        If there is a sink, the event source may pass answers to it between two that are yielded
        here. All of those have been taken before the source yields its next event here.
        """
        try:
            coerced = self._coerce_variables(prepared, variables)
            if isinstance(coerced, list):
                yield refuse(coerced, self._on_error)
                return
            plan = self._plan(prepared, coerced, context)
            key = plan and sharing_key(plan, variables or {}, context)
            if sink and plan and key is not None and hasattr(context, "fanout_port"):
                answer = partial(self._answer_event, plan, coerced, context, key)
                context.fanout_port = FanoutPort(key, answer, sink)
            source = await self._event_source(prepared, variables, context)
            if isinstance(source, list):
                yield refuse(source, self._on_error)
                return
            async with _closing(source):
                async for event in source:
                    if plan is None:
                        yield await self._execute_by_reference(prepared, variables, context, event)
                    else:
                        yield await self._answer_event(plan, coerced, context, key, event)
                    del event  # a quiet stream may wait for hours: release its last event
        except Exception as error:
            yield self._internal_error(error)

    def _coerce_variables(
        self, prepared: PreparedOperation, variables: object
    ) -> VariableValues | list[GraphQLError]:
        """The variable values as declared by the operation, or errors; also checks the cost."""
        coerced = self._variable_values(prepared, variables)
        if isinstance(coerced, list):
            return coerced
        try:
            check_cost(self.cost(prepared, coerced.coerced), self._limits)
        except GraphQLError as error:
            return [error]
        return coerced

    def _variable_values(
        self, prepared: PreparedOperation, variables: object
    ) -> VariableValues | list[GraphQLError]:
        if variables is None:
            variables = {}
        if type(variables) is not dict and not isinstance(variables, Mapping):
            return [GraphQLError("Variables must be an object.")]
        definitions = prepared.operation.variable_definitions
        if not definitions:
            return NO_VARIABLES
        variables = dict(variables)
        if not has_only_text(variables):
            return [GraphQLError(NOT_TEXT)]
        return get_variable_values(
            self._schema._schema, definitions, variables, self._limits.variable_errors
        )

    def _plan(
        self, prepared: PreparedOperation, variables: VariableValues, context: Any
    ) -> ExecutionPlan | None:
        """The plan for these variables, compiled if new; None if graphql-core must execute."""
        if self._reference or prepared.requires_graphql_core:
            return None
        conditions = tuple(variables.coerced.get(name) for name in prepared.condition_variables)
        if None in conditions:
            return None  # A nullable condition without a value: graphql-core reports the error.
        plan: ExecutionPlan | None = prepared.plans.get(conditions)
        if plan is None:
            if len(prepared.plans) >= MAX_PLANS_PER_DOCUMENT:
                prepared.plans.clear()
            plan = ExecutionPlan(self._schema, prepared.operation, prepared.fragments, variables)
            prepared.plans[conditions] = plan
            self.plan_compiled(prepared, context)
        return plan

    async def _answer_event(
        self,
        plan: ExecutionPlan,
        variables: VariableValues,
        context: Any,
        key: Hashable,
        event: Any,
    ) -> Answer:
        """The answer to one event, computed once for all subscribers with an equal sharing key."""
        answers: SingleFlightCache | None = getattr(event, "answers", None)
        if answers is None or key is None:
            return self._answer(await plan.run(variables, context, event))

        async def run() -> Answer:
            answer = self._answer(await plan.run(variables, context, event))
            answer.shared = True
            return answer

        return await answers.get_or_compute(key, run)

    async def _execute_by_reference(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any,
    ) -> Answer:
        executor = self._executor(prepared, variables, context, root)
        if isinstance(executor, list):
            return refuse(executor, self._on_error)
        result = await graphql_core.run_executor(executor)
        errors = format_errors(result.errors, self._on_error) if result.errors else None
        cost = prepared.root_cost + GRAPHQL_CORE_FACTOR * response_cost(result.data)
        return Answer(result.data, errors, cost=cost)

    def _executor(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any,
    ) -> Executor[Any] | list[GraphQLError]:
        return graphql_core.build_executor(self._schema, prepared, variables or {}, context, root)

    async def _event_source(
        self, prepared: PreparedOperation, variables: Mapping[str, Any] | None, context: Any
    ) -> AsyncIterator[Any] | list[GraphQLError]:
        executor = self._executor(prepared, variables, context, None)
        if isinstance(executor, list):
            return executor
        source = await graphql_core.open_event_source(executor)
        return source.errors or [] if isinstance(source, ExecutionResult) else source

    def _answer(self, run: PlanRun) -> Answer:
        errors = format_errors(run.errors, self._on_error) if run.errors else None
        return Answer(run.data, errors, cost=run.cost)

    def _internal_error(self, error: Exception) -> Answer:
        """The answer for an error of the engine itself; `on_error` formats it as well."""
        located = (
            error
            if isinstance(error, GraphQLError)
            else GraphQLError(str(error), original_error=error)
        )
        return Answer(None, format_errors([located], self._on_error))


@asynccontextmanager
async def _closing(source: AsyncIterator[Any]) -> AsyncIterator[None]:
    """Close the event source at the end, if it can be closed."""
    try:
        yield
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
