"""The GraphQL engine of the server: scopes of apps, cost limits, error codes and extensions."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any

from execution import Answer, Engine, Limits, PreparedOperation, referenced_fields
from execution.fanout_port import Sink
from resolvers import prices, scopes
from resolvers.context import Context
from resolvers.rules import AccessDenied
from schema.root import graph
from server.errors import format_error
from server.rate_limit.budgets import THROTTLED, CallerBudgets, throttled_message
from server.settings import Settings
from services.core.rate_limiter import CostRejected, CostReservation


class GraphQLEngine(Engine):
    """Runs an operation if its caller's budget can pay for it and, for apps, scopes allow it.

    `shows_cost` adds the cost to each answer.
    """

    def __init__(
        self,
        *args: Any,
        budgets: CallerBudgets | None = None,
        shows_cost: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.budgets = budgets or CallerBudgets()
        """Whose units its operations cost."""
        self._shows_cost = shows_cost

    def admit_document(self, query: str, context: Any) -> Answer | None:
        """Let the caller pay for a document that has to be parsed, whether it is valid or not."""
        return self._charge(prices.document_price(query), context)

    def admit_size(self, size_bytes: int, context: Any) -> Answer | None:
        """Let the caller pay for a large request, before it is parsed."""
        if size_bytes <= prices.FREE_REQUEST_BYTES:
            return None
        return self._charge(prices.request_price(size_bytes), context)

    def admit_signal(self, size_bytes: int, context: Any) -> Answer | None:
        """Let the caller pay for a ping, a pong or the end of an operation."""
        return self._charge(prices.signal_price(size_bytes), context)

    def admit_request(self, context: Any) -> Answer | None:
        """Let the caller pay for a request without an operation: a refusal, a socket's token."""
        return self._charge(prices.OPERATION, context)

    def plan_compiled(self, prepared: PreparedOperation, context: Any) -> None:
        """Let the caller pay for the plan that was compiled."""
        if context is not None:
            price = prices.plan_price(prepared.document.token_count)
            self.budgets.take(context.actor, context.address, price)
            context.charged += price

    def _charge(self, price: int, context: Any) -> Answer | None:
        if context is None:  # an operation of our own
            return None
        reserved = self.budgets.reserve(context.actor, context.address, price)
        if isinstance(reserved, CostRejected):
            return throttled_answer(reserved)
        context.charged += price
        return None

    def begin(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer | Awaitable[Answer]:
        if (denied := self._scope_denial(prepared, context)) is not None:
            return denied
        reserved = self._reserve(prepared, variables, context)
        if isinstance(reserved, CostRejected):
            return throttled_answer(reserved)
        begun = super().begin(prepared, variables, context, root)
        if isinstance(begun, Answer):
            return self._settle_and_extend(reserved, begun, context)
        return self._settle_later(reserved, begun, context)

    async def _settle_later(
        self, reserved: CostReservation | None, begun: Awaitable[Answer], context: Context
    ) -> Answer:
        return self._settle_and_extend(reserved, await begun, context)

    def _settle_and_extend(
        self, reserved: CostReservation | None, answer: Answer, context: Context
    ) -> Answer:
        if reserved is not None:
            self._settle(reserved, answer, context.charged)
        if context.extensions:
            answer.extensions = {**(answer.extensions or {}), **context.extensions}
        return answer

    async def subscribe(
        self,
        prepared: PreparedOperation,
        variables: Mapping[str, Any] | None,
        context: Any,
        sink: Sink | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """One answer per event; the cost of a stream is paid once, at its start."""
        if (denied := self._scope_denial(prepared, context)) is not None:
            yield denied
            return
        reserved = self._reserve(prepared, variables, context)
        if isinstance(reserved, CostRejected):
            yield throttled_answer(reserved)
            return
        async with aclosing(super().subscribe(prepared, variables, context, sink)) as answers:
            async for answer in answers:
                yield answer
                del answer

    def _scope_denial(self, prepared: PreparedOperation, context: Context) -> Answer | None:
        """The refusal of an operation that the scopes of its app don't allow."""
        if context.actor.app_id is None:
            return None
        core = self._schema._schema
        denied = scopes.scope_denial(context.actor, core, referenced_fields(core, prepared))
        if denied is None:
            return None
        self.budgets.take(context.actor, context.address, prices.OPERATION)
        return forbidden_answer(denied)

    def _reserve(
        self, prepared: PreparedOperation, variables: object, context: Context
    ) -> CostReservation | CostRejected | None:
        if not self.budgets.limited:
            return None
        # Nearly always a dictionary: checking for the abstract class costs ten times as much.
        is_mapping = type(variables) is dict or isinstance(variables, Mapping)
        values: Any = variables if is_mapping else None
        cost = self.cost(prepared, values)
        if not prices.OPERATION <= cost <= self._limits.cost:
            cost = prices.OPERATION  # the least; a dearer one is refused by its execution
        return self.budgets.reserve(context.actor, context.address, cost)

    def _settle(self, reserved: CostReservation, answer: Answer, charged: int) -> None:
        """Settle the cost of an answer; `charged` was paid for what came before its execution."""
        limiter = self.budgets.limiter
        actual = max(prices.OPERATION, answer.cost)
        limiter.settle(reserved, actual)
        if self._shows_cost and answer.executed:
            cost: dict[str, Any] = {
                "requested": reserved.cost + charged,
                "actual": actual + charged,
            }
            if lowest := limiter.lowest(reserved):
                size, available = lowest
                cost["budget"] = {
                    "maximum": size.capacity,
                    "available": available,
                    "restoredPerSecond": size.refill_per_second,
                }
            answer.extensions = {**(answer.extensions or {}), "cost": cost}


def forbidden_answer(denied: AccessDenied) -> Answer:
    """The refusal of an app's operation, with the scope that is missing."""
    extensions = {"code": denied.code}
    if isinstance(denied, scopes.MissingScope):
        extensions["scope"] = denied.scope
    return Answer(None, [{"message": str(denied), "extensions": extensions}], executed=False)


def throttled_answer(rejected: CostRejected) -> Answer:
    """The refusal of an operation that the caller's buckets can't pay at the moment."""
    wait = rejected.retry_after_seconds
    extensions = {
        "code": THROTTLED,
        "retryAfterSeconds": wait,
        "requested": rejected.cost,
        "available": rejected.available,
    }
    error = {"message": throttled_message(rejected), "extensions": extensions}
    return Answer(None, [error], executed=False)


def build_engine(settings: Settings, budgets: CallerBudgets) -> GraphQLEngine:
    """Build the engine of our graph; production does not allow introspection."""
    return GraphQLEngine(
        graph,
        limits=Limits(),
        reference=settings.reference_executor,
        introspection=settings.development,
        on_error=format_error,
        budgets=budgets,
        shows_cost=settings.shows_cost,
    )
