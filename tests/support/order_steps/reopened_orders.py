"""Orders that were completed by mistake, and their reopening."""

from typing import Any

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryStatus
from models.identity import Actor
from models.orders import Order, OrderAction, OrderReopenReason
from services.checkout.reopen import reopen_order
from services.core.problems import DomainError
from services.delivery import deliveries
from services.orders import order_states
from tests.support import riders
from tests.support.carried_bags import CarriedBags, carried_bags
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies, capture_payment, write_as

NOT_RECEIVED: dict[str, Any] = {"reason": OrderReopenReason.NOT_RECEIVED}


async def reopen(database: Database, actor: Actor, order: Order, **arguments: Any) -> Order:
    async with write_as(database, actor, order.company_id) as session:
        return await reopen_order(
            session, actor=actor, order_id=order.id, **(NOT_RECEIVED | arguments)
        )


async def refusal(database: Database, actor: Actor, order: Order, **arguments: Any) -> Any:
    with pytest.raises(DomainError) as caught:
        await reopen(database, actor, order, **arguments)
    (problem,) = caught.value.problems
    return problem


async def actions_of(database: Database, actor: Actor, order: Order) -> list[OrderAction]:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Order, order.id)
        progress = await order_states.read_progress(session, row)
        return order_states.MACHINE.available_actions(progress, actor)


async def completed(dependencies: OrderDependencies, city: City) -> CarriedBags:
    """A delivery that the rider has recorded as handed over."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await capture_payment(database, bags.order)
    pin = {"pin": bags.order.delivery_pin}
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.complete, **pin)
    return bags
