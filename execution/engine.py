"""The front door: prepares documents, executes operations, streams subscriptions."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Hashable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError, get_variable_values
from graphql.execution import VariableValues

from execution.document.cost import Cost, answered_cost
from execution.document.documents import Documents
from execution.document.limits import Limits, check_cost
from execution.document.prepared import Prepared
from execution.document.sharing_key import audience
from execution.fanout_port import Outlet, Sink
from execution.planning.plan import Plan
from execution.running import reference
from execution.running.answer import Answer, OnError, format_errors, refusal
from execution.running.run import Run
from execution.running.shared import Shared

PLANS_PER_DOCUMENT = 8
COSTS_PER_DOCUMENT = 64
NO_VARIABLES = VariableValues({}, {})


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
        if schema.extensions:
            raise TypeError("The engine runs no schema extensions; give it a schema without any.")
        self._schema = schema
        self._limits = limits
        self._reference = reference
        self._on_error = on_error
        self._documents = Documents(schema, limits, introspection)

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared | Answer:
        """The document ready to run, from memory when it was met before, or why it won't."""
        prepared = self._documents.prepare(query, operation_name)
        return prepared if isinstance(prepared, Prepared) else refusal(prepared, self._on_error)

    def turned_away(self, answer: Answer, context: Any) -> Answer:
        """What a caller hears whose document won't run: the reasons, unless they ask too often."""
        return answer

    def cost(self, prepared: Prepared, variables: Mapping[str, Any] | None) -> int:
        """The static cost of the operation in fields, for the page sizes in these variables."""
        if not prepared.sizes:
            return prepared.cost
        given = {name: (variables or {}).get(name) for name in prepared.sizes}
        values = {name: len(v) if isinstance(v, list) else v for name, v in given.items()}
        sizes = {name: size for name, size in values.items() if type(size) is int}
        key = tuple(sorted(sizes.items()))
        known = prepared.costs.get(key)
        if known is None:
            if len(prepared.costs) >= COSTS_PER_DOCUMENT:
                prepared.costs.clear()
            core = self._schema._schema
            known = Cost(core, prepared.operation, prepared.fragments, sizes).total()
            prepared.costs[key] = known
        return known

    async def execute(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer:
        """Run a query or a mutation; every failure but cancellation stands in the answer."""
        begun = self.begin(prepared, variables, context, root)
        return begun if isinstance(begun, Answer) else await begun

    def begin(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer | Awaitable[Answer]:
        """What `execute` answers when nothing has to be waited for; otherwise the rest of it."""
        try:
            coerced = self._coerced(prepared, variables)
            if isinstance(coerced, list):
                return refusal(coerced, self._on_error)
            plan = self._plan(prepared, coerced)
            if plan is None:
                return self._whole(self._by_reference(prepared, variables, context, root))
            run, over = plan.begin(coerced, context, root)
            return self._answer(run) if over else self._whole(self._finished(plan, run))
        except Exception as error:
            return self._broken(error)

    async def _finished(self, plan: Plan, run: Run) -> Answer:
        return self._answer(await plan.finish(run))

    async def _whole(self, answer: Awaitable[Answer]) -> Answer:
        """An answer, whatever becomes of the one that was begun."""
        try:
            return await answer
        except Exception as error:
            return self._broken(error)

    async def subscribe(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        sink: Sink | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """One answer per event; closing the iterator closes the source of events.

        With a sink the source may hand answers there between two that are taken here; by the
        time it asks for room here again, all of those have been taken.
        """
        try:
            coerced = self._coerced(prepared, variables)
            if isinstance(coerced, list):
                yield refusal(coerced, self._on_error)
                return
            plan = self._plan(prepared, coerced)
            key = plan and audience(plan, variables or {}, context)
            if sink and plan and key is not None and hasattr(context, "outlet"):
                answer = partial(self._told, plan, coerced, context, key)
                context.outlet = Outlet(key, answer, sink)
            source = await self._source(prepared, variables, context)
            if isinstance(source, list):
                yield refusal(source, self._on_error)
                return
            async with _closing(source):
                async for event in source:
                    if plan is None:
                        yield await self._by_reference(prepared, variables, context, event)
                    else:
                        yield await self._told(plan, coerced, context, key, event)
                    del event  # a quiet stream waits for hours, and need not hold its last event
        except Exception as error:
            yield self._broken(error)

    def _coerced(
        self, prepared: Prepared, variables: object
    ) -> VariableValues | list[GraphQLError]:
        """The variables as the operation declares them, or why it won't run with these."""
        coerced = self._variables(prepared, variables)
        if isinstance(coerced, list):
            return coerced
        try:
            check_cost(self.cost(prepared, coerced.coerced), self._limits)
        except GraphQLError as error:
            return [error]
        return coerced

    def _variables(
        self, prepared: Prepared, variables: object
    ) -> VariableValues | list[GraphQLError]:
        if variables is None:
            variables = {}
        if type(variables) is not dict and not isinstance(variables, Mapping):
            return [GraphQLError("Variables must be an object.")]
        definitions = prepared.operation.variable_definitions
        if not definitions:
            return NO_VARIABLES
        return get_variable_values(
            self._schema._schema, definitions, dict(variables), self._limits.variable_errors
        )

    def _plan(self, prepared: Prepared, variables: VariableValues) -> Plan | None:
        """The plan for these variables, compiled when it is new; None leaves it to graphql-core."""
        if self._reference or prepared.foreign:
            return None
        conditions = tuple(variables.coerced.get(name) for name in prepared.conditions)
        if None in conditions:
            return None  # A nullable condition without a value: graphql-core words the error.
        plan: Plan | None = prepared.plans.get(conditions)
        if plan is None:
            if len(prepared.plans) >= PLANS_PER_DOCUMENT:
                prepared.plans.clear()
            plan = Plan(self._schema, prepared.operation, prepared.fragments, variables)
            prepared.plans[conditions] = plan
        return plan

    async def _told(
        self, plan: Plan, variables: VariableValues, context: Any, key: Hashable, event: Any
    ) -> Answer:
        """The answer to one event, made once for all whose key says that it is the same."""
        answers: Shared | None = getattr(event, "answers", None)
        if answers is None or key is None:
            return self._answer(await plan.run(variables, context, event))

        async def run() -> Answer:
            answer = self._answer(await plan.run(variables, context, event))
            answer.shared = True
            return answer

        return await answers.once(key, run)

    async def _by_reference(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, context: Any, root: Any
    ) -> Answer:
        executor = reference.build(self._schema, prepared, variables or {}, context, root)
        if isinstance(executor, list):
            return refusal(executor, self._on_error)
        result = await reference.run(executor)
        errors = format_errors(result.errors, self._on_error) if result.errors else None
        return Answer(result.data, errors, cost=answered_cost(result.data))

    async def _source(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, context: Any
    ) -> AsyncIterator[Any] | list[GraphQLError]:
        executor = reference.build(self._schema, prepared, variables or {}, context, None)
        if isinstance(executor, list):
            return executor
        source = await reference.source(executor)
        return source.errors or [] if isinstance(source, ExecutionResult) else source

    def _answer(self, run: Run) -> Answer:
        errors = format_errors(run.errors, self._on_error) if run.errors else None
        return Answer(run.data, errors, cost=run.cost)

    def _broken(self, error: Exception) -> Answer:
        """What must never happen still gets an answer, and `on_error` sees it."""
        located = (
            error
            if isinstance(error, GraphQLError)
            else GraphQLError(str(error), original_error=error)
        )
        return Answer(None, format_errors([located], self._on_error))


@asynccontextmanager
async def _closing(source: AsyncIterator[Any]) -> AsyncIterator[None]:
    """Close the source of events in the end, if it is of the kind that can be closed."""
    try:
        yield
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
