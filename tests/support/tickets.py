"""Captured orders, tickets about them, and support agents."""

from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import PaymentStatus
from models.support import Ticket, TicketCategory
from services.core.problems import DomainError
from services.support import tickets
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    payment_of,
    place_paid_order,
    reload_order,
    write_as,
)


async def create_captured_order(dependencies: OrderDependencies, city: City) -> Order:
    """Place an order whose payment is captured in full."""
    order = await place_paid_order(dependencies, city)
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        payment = await payment_of(session, order)
        payment.status = PaymentStatus.CAPTURED
        payment.captured_amount_minor = payment.authorized_amount_minor
    return await reload_order(dependencies.database, order)


def customer_of(order: Order) -> Actor:
    return Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))


async def create_agent(database: Database, city: City | None = None) -> Actor:
    """Create a support agent of the city's first company, or of the platform without a city."""
    grant = Grant(Role.SUPPORT_AGENT, city.company.id if city else None)
    return (await create_people(database, 1, grant))[0]


async def open_ticket_as(
    database: Database,
    actor: Actor,
    order: Order,
    kind: TicketCategory = TicketCategory.ITEM_MISSING,
) -> Ticket:
    async with write_as(database, actor, order.company_id) as session:
        return await tickets.open_ticket(
            session,
            actor=actor,
            order_id=order.id,
            kind=kind,
            subject="No milk",
            body="The milk is\nnot in the bag.",
        )


async def run_step(
    database: Database, actor: Actor, ticket: Ticket, function: Any, **arguments: Any
) -> Ticket:
    """Run a service function on a ticket in a transaction, as the resolvers do."""
    async with write_as(database, actor, ticket.company_id) as session:
        result: Ticket = await function(session, actor=actor, ticket_id=ticket.id, **arguments)
    return result


async def expect_problem(
    database: Database, actor: Actor, ticket: Ticket, function: Any, **arguments: Any
) -> Any:
    """The one problem that a step is refused with."""
    with pytest.raises(DomainError) as caught:
        await run_step(database, actor, ticket, function, **arguments)
    (problem,) = caught.value.problems
    return problem


async def resolve_cases(database: Database, city: City, order: Order) -> None:
    """Resolve all cases about an order as an agent, whatever their cause does."""
    agent = await create_agent(database, city)
    async with database.read(PLATFORM) as session:
        statement = select(Ticket).where(Ticket.order_id == order.id, Ticket.internal)
        cases = (await session.scalars(statement.where(Ticket.status != "RESOLVED"))).all()
    for case in cases:
        await run_step(database, agent, case, tickets.resolve, resolution="Somebody was called.")
