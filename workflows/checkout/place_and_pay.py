"""Places an order and opens its payment at the provider."""

from typing import Protocol

from database.audit import AuditContext
from gateways.payments import PaymentGateway
from models.identity import Actor
from services.carts.baskets import OrderRequest
from services.checkout.unpaid_limits import DEFAULT_LIMITS, NO_SOURCE, OrderSource, UnpaidLimits
from services.core import idempotency
from services.orders import orders
from workflows.checkout import place_order
from workflows.payments import settle_payment


class PlaceAndPayDependencies(place_order.PlaceOrderDependencies, Protocol):
    """What placing and paying an order needs from the process."""

    @property
    def payments(self) -> PaymentGateway: ...


async def place_and_pay(
    dependencies: PlaceAndPayDependencies,
    *,
    actor: Actor,
    origin: AuditContext,
    order_request: OrderRequest,
    idempotent_request: idempotency.IdempotentRequest | None = None,
    source: OrderSource = NO_SOURCE,
    limits: UnpaidLimits = DEFAULT_LIMITS,
) -> place_order.PlaceOrderResult:
    """Place an order and open its payment; raises and replays as `place_order.place` does.

    The order is placed also when the provider can't be reached: the job opens its payment later.
    """
    result = await place_order.place(
        dependencies,
        actor=actor,
        origin=origin,
        order_request=order_request,
        idempotent_request=idempotent_request,
        source=source,
        limits=limits,
    )
    order_id = result.order.id
    if result.payment is None:
        await settle_payment.wait_until_opened(
            dependencies.database, dependencies.payments, order_id
        )
    elif order := await settle_payment.open_payment(
        dependencies.database, dependencies.payments, result.payment
    ):
        return place_order.PlaceOrderResult(order)
    async with dependencies.database.read(actor.scope()) as session:
        return place_order.PlaceOrderResult(
            await orders.visible_order(session, order_id), result.replayed
        )
