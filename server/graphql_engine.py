"""The executor with the house's manners: our error codes, what operations cost, and extensions."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any

from execution import Answer, Engine, Limits, Prepared, reach_of
from execution.fanout_port import Sink
from resolvers import scopes
from resolvers.context import Context
from resolvers.rules import Denied
from schema.root import graph
from server.errors import present
from server.rate_limit import Allowances, Held, Short, Sizes
from server.settings import Settings

THROTTLED = "THROTTLED"
REFUSED_COST = 1
UNREADABLE_COST = 10


class HouseEngine(Engine):
    """Lets an operation run once its cost is paid, and adds to the answer what must be said.

    Without `sizes` nobody pays; `shown` says whether answers tell their cost.
    """

    def __init__(
        self,
        *args: Any,
        allowances: Allowances | None = None,
        sizes: Sizes | None = None,
        shown: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._allowances = allowances or Allowances()
        self._sizes = sizes
        self._shown = shown

    def turned_away(self, answer: Answer, context: Any) -> Answer:
        """The reasons against a document, for which its caller pays: reading it was work."""
        if self._sizes is None:
            return answer
        wanted = self._sizes.wanted(context.actor, context.address)
        held = self._allowances.hold(wanted, UNREADABLE_COST)
        return throttled(held) if isinstance(held, Short) else answer

    def begin(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        root: Any = None,
    ) -> Answer | Awaitable[Answer]:
        if (closed := self._closed(prepared, context)) is not None:
            return closed
        held = self._hold(prepared, variables, context)
        if isinstance(held, Short):
            return throttled(held)
        begun = super().begin(prepared, variables, context, root)
        if isinstance(begun, Answer):
            return self._paid(held, begun, context)
        return self._paid_later(held, begun, context)

    async def _paid_later(
        self, held: Held | None, begun: Awaitable[Answer], context: Context
    ) -> Answer:
        return self._paid(held, await begun, context)

    def _paid(self, held: Held | None, answer: Answer, context: Context) -> Answer:
        if held is not None:
            self._settle(held, answer)
        if context.extensions:
            answer.extensions = {**(answer.extensions or {}), **context.extensions}
        return answer

    async def subscribe(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        context: Any,
        sink: Sink | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """One answer per event; the stream's cost is paid once, at its start."""
        if (closed := self._closed(prepared, context)) is not None:
            yield closed
            return
        held = self._hold(prepared, variables, context)
        if isinstance(held, Short):
            yield throttled(held)
            return
        async with aclosing(super().subscribe(prepared, variables, context, sink)) as answers:
            async for answer in answers:
                yield answer
                del answer

    def _closed(self, prepared: Prepared, context: Context) -> Answer | None:
        """The refusal of what an app's scopes don't open."""
        if context.actor.app_id is None:
            return None
        shape = self._schema._schema
        denied = scopes.refusal(context.actor, shape, reach_of(shape, prepared))
        return None if denied is None else forbidden(denied)

    def _hold(self, prepared: Prepared, variables: object, context: Context) -> Held | Short | None:
        if self._sizes is None:
            return None
        # A dictionary nearly always: asking an abstract class costs ten times as much.
        plain = type(variables) is dict or isinstance(variables, Mapping)
        given: Any = variables if plain else None
        cost = self.cost(prepared, given)
        if cost > self._limits.cost:
            return None  # the execution refuses it for that
        wanted = self._sizes.wanted(context.actor, context.address)
        return self._allowances.hold(wanted, cost)

    def _settle(self, held: Held, answer: Answer) -> None:
        actual = answer.cost if answer.executed else REFUSED_COST
        self._allowances.settle(held, actual)
        if self._shown and answer.executed:
            told: dict[str, Any] = {"requested": held.cost, "actual": actual}
            if tightest := self._allowances.tightest(held):
                size, available = tightest
                told["budget"] = {
                    "maximum": size.maximum,
                    "available": available,
                    "restoredPerSecond": size.per_second,
                }
            answer.extensions = {**(answer.extensions or {}), "cost": told}


def forbidden(denied: Denied) -> Answer:
    """The refusal of an app, which names the scope that it lacks."""
    extensions = {"code": denied.code}
    if isinstance(denied, scopes.ScopeMissing):
        extensions["scope"] = denied.scope
    return Answer(None, [{"message": str(denied), "extensions": extensions}], executed=False)


def throttled(short: Short) -> Answer:
    """The refusal of an operation that the caller's budget can't pay at the moment."""
    wait = short.retry_after_seconds
    extensions = {
        "code": THROTTLED,
        "retryAfterSeconds": wait,
        "requested": short.cost,
        "available": short.available,
    }
    message = f"You have used up your budget for the moment: try again in {wait} s."
    return Answer(None, [{"message": message, "extensions": extensions}], executed=False)


def open_engine(settings: Settings, allowances: Allowances) -> HouseEngine:
    """The engine of our graph; outsiders can't introspect it in production."""
    return HouseEngine(
        graph,
        limits=Limits(),
        reference=settings.reference_executor,
        introspection=settings.development,
        on_error=present,
        allowances=allowances,
        sizes=Sizes.of(settings.budget_per_second) if settings.budget_per_second else None,
        shown=settings.cost_shown,
    )
