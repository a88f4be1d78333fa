"""Lets the callers of the endpoints beside the graph pay for them, from the same budgets."""

from asyncio import sleep
from collections.abc import Mapping

from models.identity import Actor
from resolvers import prices
from resolvers.context import Context
from server.endpoints.http_rejection import HttpRejection
from server.errors import retry_after_of
from server.rate_limit.budgets import THROTTLED, CallerBudgets, throttled_message
from server.transport.authentication import (
    AuthenticationFailure,
    CallerAuthenticator,
    authentication_of,
)
from services.core.rate_limiter import CostRejected, CostReservation


async def paying_caller(
    authenticator: CallerAuthenticator,
    budgets: CallerBudgets,
    headers: Mapping[str, str],
    client: str,
    price: int = prices.OPERATION,
) -> Context:
    """Authenticate a request, and let its caller pay before anything else is done.

    Raises HttpRejection.
    """
    caller = await authentication_of(authenticator, headers, client)
    if isinstance(caller, AuthenticationFailure):
        wait = retry_after_of(caller)
        raise HttpRejection(caller.status, caller.code, caller.message, **wait)
    context: Context = caller.context
    reserve_cost(budgets, context, price)
    return context


def reserve_cost(
    budgets: CallerBudgets, context: Context, cost: int, payer: Actor | None = None
) -> CostReservation | None:
    """Take the cost of the work that is to be done; raises HttpRejection (429) without budget.

    The caller pays, unless a signed address names another `payer`.
    """
    reserved = budgets.reserve(payer or context.actor, context.address, cost)
    if isinstance(reserved, CostRejected):
        raise throttled(reserved)
    return reserved


async def wait_for_cost(
    budgets: CallerBudgets, context: Context, cost: int
) -> CostReservation | None:
    """Take the cost of the next part of an answer that has begun, as soon as it can be paid."""
    while True:
        reserved = budgets.reserve(context.actor, context.address, cost)
        if not isinstance(reserved, CostRejected):
            return reserved
        await sleep(reserved.retry_after_seconds)


def throttled(rejected: CostRejected) -> HttpRejection:
    """The refusal of a caller without budget, with the seconds to wait."""
    return HttpRejection(429, THROTTLED, throttled_message(rejected), **retry_after_of(rejected))
