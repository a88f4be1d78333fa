"""Requests changes of paid orders, pays and reads them."""

from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.fulfillment import FulfillmentLine
from models.identity import Actor
from models.orders import Order, OrderChange, OrderLine
from models.payments import PaymentStatus
from services.carts.baskets import RequestedLine
from services.checkout import order_changes
from services.checkout.change_pricing import ChangeRequest
from services.core.problems import DomainError
from tests.support.city import City
from tests.support.customers import order_request, product_id
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    lines_of,
    write_as,
)
from tests.support.payments import Shop


def dependencies(shop: Shop) -> OrderDependencies:
    return OrderDependencies(shop.database, shop.reservation_queue)


async def paid_order(shop: Shop, city: City, buyer: Actor, quantity: int = 2) -> Order:
    """A paid order of products 0 and 1, `quantity` of each."""
    order = await shop.buy(buyer, order_request(city, quantity, (0, 1)))
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    return await shop.order(order)


def lines(city: City, **quantities: int) -> tuple[RequestedLine, ...]:
    """Wanted lines by the product's number: `p0=2` is two of product 0."""
    return tuple(
        RequestedLine(product_id(city, int(name[1:])), quantity)
        for name, quantity in quantities.items()
    )


async def change(
    shop: Shop, actor: Actor, order: Order, expected_version: int | None = None, **values: Any
) -> OrderChange:
    """Change an order, and open the attempt of its new total as the mutation does."""
    async with write_as(shop.database, actor, order.company_id) as session:
        result = await order_changes.request_change(
            session,
            actor=actor,
            order_id=order.id,
            request=ChangeRequest(**values),
            expected_version=expected_version,
        )
    await shop.settle(order)
    assert isinstance(result, OrderChange)
    return result


async def refusal(shop: Shop, actor: Actor, order: Order, **values: Any) -> Any:
    with pytest.raises(DomainError) as caught:
        await change(shop, actor, order, **values)
    (problem,) = caught.value.problems
    return problem


async def change_row(shop: Shop, requested: OrderChange) -> OrderChange:
    async with shop.database.read(PLATFORM) as session:
        return await session.get_one(OrderChange, requested.id)


async def confirm_change(shop: Shop, requested: OrderChange) -> None:
    """Pay the new total with a card."""
    async with shop.database.read(PLATFORM) as session:
        row = await session.get_one(OrderChange, requested.id)
    order = await shop.order(Order(id=row.order_id))
    (attempt,) = [one for one in await shop.attempts(order) if one.id == row.payment_id]
    intent = await shop.payments.retrieve(attempt.intent_id or "")
    await shop.sandbox.confirm(intent, "pm_card_visa")


async def units(shop: Shop, order: Order) -> dict[int, int]:
    """The ordered quantities by position."""
    async with shop.database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position)
        )
        return {row.position: row.quantity for row in rows}


async def pick_list(shop: Shop, order: Order) -> list[FulfillmentLine]:
    (fulfillment,) = await fulfillments_of(shop.database, order)
    return await lines_of(shop.database, fulfillment)
