"""Lets the callers of the endpoints beside the graph pay for them, from the same budgets."""

from resolvers.context import Context
from server.endpoints.http_rejected import HttpRejected
from server.rate_limit.budgets import THROTTLED, CallerBudgets, throttled_message
from services.core.rate_limiter import CostRejected, CostReservation


def take_cost(budgets: CallerBudgets, context: Context, cost: int) -> None:
    """Take the cost of what was done already."""
    budgets.take(context.actor, context.address, cost)


def reserve_cost(budgets: CallerBudgets, context: Context, cost: int) -> CostReservation | None:
    """Take the cost of the work that is to be done; raises HttpRejected (429) without budget."""
    reserved = budgets.reserve(context.actor, context.address, cost)
    if not isinstance(reserved, CostRejected):
        return reserved
    wait = reserved.retry_after_seconds
    raise HttpRejected(429, THROTTLED, throttled_message(reserved), retryAfterSeconds=wait)
