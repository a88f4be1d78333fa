"""Timers of fulfillments, substitutions and put-backs."""

from database.sessions import Database
from jobs.retry_each import DueItems, process_in_transactions
from services.fulfillment import (
    give_back,
    pickups,
    put_back_reminders,
    rerouting,
    substitutions,
    waiting_bags,
)

OVERDUE_FULFILLMENTS = DueItems("fulfillment.time_out", rerouting.OVERDUE_FULFILLMENTS)
STALLED_FULFILLMENTS = DueItems("fulfillment.tell_stalled", give_back.STALLED_FULFILLMENTS)
OVERDUE_PUT_BACKS = DueItems("fulfillment.remind_put_back", put_back_reminders.OVERDUE_PUT_BACKS)
OVERDUE_BAGS = DueItems("fulfillment.tell_waiting", waiting_bags.OVERDUE_BAGS)
OVERDUE_PICKUPS = DueItems("fulfillment.end_pickup", pickups.OVERDUE_PICKUPS)
OVERDUE_PROPOSALS = DueItems("substitute.time_out", substitutions.OVERDUE_PROPOSALS)


async def time_out_acceptances(database: Database) -> int:
    """Reroute every order that its store has not accepted within 45 s; returns how many.

    Each order has a transaction of its own, so that one failure does not stop the others.
    """
    return await process_in_transactions(database, OVERDUE_FULFILLMENTS, rerouting.time_out)


async def give_back_stalled_tasks(database: Database) -> int:
    """Return tasks to the queue that are idle or whose picker left the store; returns how many."""
    return await process_in_transactions(
        database, STALLED_FULFILLMENTS, give_back.give_back_stalled
    )


async def remind_of_put_backs(database: Database) -> int:
    """Tell stores of units that nobody has put back; returns how many tasks have some."""
    return await process_in_transactions(database, OVERDUE_PUT_BACKS, put_back_reminders.remind)


async def report_waiting_bags(database: Database) -> int:
    """Notify the store of packed bags that wait, and support of staged ones; returns how many."""
    return await process_in_transactions(database, OVERDUE_BAGS, waiting_bags.report_waiting_bags)


async def time_out_substitutions(database: Database) -> int:
    """Decide proposals unanswered for a minute by the line's preference; returns how many."""
    return await process_in_transactions(database, OVERDUE_PROPOSALS, substitutions.time_out)


async def end_uncollected_pickups(database: Database) -> int:
    """Cancel orders that nobody collected in time; returns how many."""
    return await process_in_transactions(database, OVERDUE_PICKUPS, pickups.end_uncollected)
