"""Orders whose authorization ends at the provider."""

from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import Order
from models.payments import PaymentStatus
from services.fulfillment import fulfillments
from tests.support.city import City
from tests.support.customers import order_request
from tests.support.paid_orders import OrderDependencies, fulfillments_of
from tests.support.payments import Shop
from tests.support.riders import pick_and_pack
from tests.support.store_staff import accept_task, run_step

PICKING, PACKED, STAGED = "picking", "packed", "staged"


def dependencies(shop: Shop) -> OrderDependencies:
    return OrderDependencies(shop.database, shop.reservation_queue)


async def lose_authorization(shop: Shop, order: Order) -> None:
    """What an expired hold does, or a cancellation at the provider's dashboard."""
    intent = await shop.intent(order)
    response = await shop.sandbox.store.post(f"/v1/payment_intents/{intent.id}/cancel")
    assert response.status_code == 200, response.text
    await shop.settle(order)


async def paid_task(
    shop: Shop, city: City, buyer: Actor, until: str
) -> tuple[Order, Fulfillment, Actor]:
    """An order that its store has accepted, packed or staged, without a capture yet."""
    order = await shop.buy(buyer, order_request(city, 2))
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    fulfillment, staff = await accept_task(dependencies(shop), city, order)
    if until in (PACKED, STAGED):
        await pick_and_pack(dependencies(shop), fulfillment, staff)
    (fulfillment,) = await fulfillments_of(shop.database, order)
    if until == STAGED and fulfillment.status is FulfillmentStatus.PACKED:
        await run_step(shop.database, staff, fulfillment, fulfillments.stage)
    return order, fulfillment, staff
