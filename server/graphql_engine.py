"""The GraphQL engine of the server: scopes of apps, cost limits, error codes and extensions."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any

from execution import Answer, Engine, Limits, PreparedOperation, referenced_fields
from execution.fanout_port import Sink
from resolvers import scopes
from resolvers.context import Context
from resolvers.rules import AccessDenied
from schema.root import graph
from server.errors import format_error
from server.rate_limit.callers import CallerBucketSizes
from server.settings import Settings
from services.core.rate_limiter import CostRejected, CostReservation, RateLimiter

THROTTLED = "THROTTLED"
REFUSED_OPERATION_COST = 1
INVALID_DOCUMENT_COST = 10


class GraphQLEngine(Engine):
    """Runs an operation if its caller's buckets can pay for it and, for apps, scopes allow it.

    Without `bucket_sizes` nothing is limited; `shows_cost` adds the cost to each answer.
    """

    def __init__(
        self,
        *args: Any,
        limiter: RateLimiter | None = None,
        bucket_sizes: CallerBucketSizes | None = None,
        shows_cost: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._limiter = limiter or RateLimiter()
        self._bucket_sizes = bucket_sizes
        self._shows_cost = shows_cost

    def reject_document(self, answer: Answer, context: Any) -> Answer:
        """Return the errors of a document, for which its caller pays: parsing it was work."""
        if self._bucket_sizes is None:
            return answer
        sizes = self._bucket_sizes.buckets_of(context.actor, context.address)
        reserved = self._limiter.reserve(sizes, INVALID_DOCUMENT_COST)
        return throttled_answer(reserved) if isinstance(reserved, CostRejected) else answer

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
            self._settle(reserved, answer)
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
        return None if denied is None else forbidden_answer(denied)

    def _reserve(
        self, prepared: PreparedOperation, variables: object, context: Context
    ) -> CostReservation | CostRejected | None:
        if self._bucket_sizes is None:
            return None
        # Nearly always a dictionary: checking for the abstract class costs ten times as much.
        is_mapping = type(variables) is dict or isinstance(variables, Mapping)
        values: Any = variables if is_mapping else None
        cost = self.cost(prepared, values)
        if cost > self._limits.cost:
            return None  # the execution refuses it for that
        sizes = self._bucket_sizes.buckets_of(context.actor, context.address)
        return self._limiter.reserve(sizes, cost)

    def _settle(self, reserved: CostReservation, answer: Answer) -> None:
        actual = answer.cost if answer.executed else REFUSED_OPERATION_COST
        self._limiter.settle(reserved, actual)
        if self._shows_cost and answer.executed:
            cost: dict[str, Any] = {"requested": reserved.cost, "actual": actual}
            if lowest := self._limiter.lowest(reserved):
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
    message = f"You have used up your budget for the moment: try again in {wait} s."
    return Answer(None, [{"message": message, "extensions": extensions}], executed=False)


def build_engine(settings: Settings, limiter: RateLimiter) -> GraphQLEngine:
    """Build the engine of our graph; production does not allow introspection."""
    budget = settings.budget_per_second
    return GraphQLEngine(
        graph,
        limits=Limits(),
        reference=settings.reference_executor,
        introspection=settings.development,
        on_error=format_error,
        limiter=limiter,
        bucket_sizes=CallerBucketSizes.of(budget) if budget else None,
        shows_cost=settings.shows_cost,
    )
