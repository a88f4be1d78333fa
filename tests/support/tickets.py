"""Orders whose money was taken, tickets about them, and the agents who see to those."""

from typing import Any

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import PaymentStatus
from models.support import Ticket, TicketKind
from services.core.problems import Refused
from services.support import tickets
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import Doors, fresh, paid, payment_of, working


async def charged(doors: Doors, city: City) -> Order:
    """An order that is paid, with the whole sum taken."""
    order = await paid(doors, city)
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        payment = await payment_of(session, order)
        payment.status = PaymentStatus.CAPTURED
        payment.captured_minor = payment.authorized_minor
    return await fresh(doors.database, order)


def buyer(order: Order) -> Actor:
    return Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))


async def agent(database: Database, city: City | None = None) -> Actor:
    """A new support agent of the city's first company; of the platform without a city."""
    grant = Grant(Role.SUPPORT_AGENT, city.company.id if city else None)
    return (await people(database, 1, grant))[0]


async def opened_by(
    database: Database, actor: Actor, order: Order, kind: TicketKind = TicketKind.ITEM_MISSING
) -> Ticket:
    async with working(database, actor, order.company_id) as session:
        return await tickets.open(
            session,
            actor=actor,
            order_id=order.id,
            kind=kind,
            subject="No milk",
            body="The milk is\nnot in the bag.",
        )


async def act(database: Database, actor: Actor, ticket: Ticket, verb: Any, **more: Any) -> Ticket:
    """One step in a ticket, as the resolvers take it."""
    async with working(database, actor, ticket.company_id) as session:
        done: Ticket = await verb(session, actor=actor, ticket_id=ticket.id, **more)
    return done


async def refused(database: Database, actor: Actor, ticket: Ticket, verb: Any, **more: Any) -> Any:
    """The one reason against a step."""
    with pytest.raises(Refused) as caught:
        await act(database, actor, ticket, verb, **more)
    (reason,) = caught.value.reasons
    return reason
