"""One order as its customer, its store and support watch it."""

from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import bindparam, select

from database.base import words
from database.statements import kept
from dataloaders import orders as load
from models.delivery import Delivery, DeliveryStatus, RiderPosition
from models.identity import Actor
from models.orders import Order
from resolvers.context import Context, Info
from resolvers.rules import STORE_OR_SUPPORT
from services.core.problems import key_of, not_found
from services.events.event_log import order_stream
from services.orders.timeline import OrderEvent, told_of
from subscriptions.engine.messages import Message
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow

RIDING = (
    DeliveryStatus.ASSIGNED,
    DeliveryStatus.TO_STORE,
    DeliveryStatus.AT_STORE,
    DeliveryStatus.PICKED_UP,
    DeliveryStatus.TO_CUSTOMER,
    DeliveryStatus.ARRIVING,
    DeliveryStatus.AT_CUSTOMER,
)
LAST_SEEN = kept(
    select(RiderPosition)
    .join(Delivery, Delivery.rider_id == RiderPosition.rider_id)
    .where(Delivery.order_id == bindparam("order"), Delivery.status.in_(words(RIDING)))
    .limit(1)
)
OrderId = Annotated[strawberry.ID, strawberry.argument(description="The order's id.")]


@dataclass(frozen=True, slots=True)
class OrderTracked(Message):
    """One message about an order."""

    order: Order
    event: OrderEvent | None = None
    rider_position: RiderPosition | None = None
    rider_eta_seconds: int | None = None


async def tracked(
    info: Info, order_id: OrderId, after: After = None
) -> AsyncIterator[OrderTracked]:
    context, key = info.context, key_of(Order, order_id, "orderId")
    del info  # it holds the whole execution

    sight: Hashable = None

    async def admit() -> None:
        nonlocal sight
        sight = _sight(context.actor, await _order(context, key))

    stream, topic = order_stream(key), f"position:{key}"
    async with Flow(context, [stream], after, admit, topic) as flow:
        async for message in flow.messages(partial(_told, context, key), "tracked", sight):
            yield message
            del message


async def _order(context: Context, key: UUID) -> Order:
    """The order, for its customer, the people of its store and its support; else NotFound."""
    actor = context.actor
    async with context.read() as session:
        found = await session.get(Order, key)
    if found is None or not (
        found.customer_id == actor.person_id
        or actor.works_at(found.company_id, found.store_id, STORE_OR_SUPPORT.roles)
    ):
        raise not_found(Order, "orderId")
    return found


def _sight(actor: Actor, order: Order) -> Hashable:
    """By what somebody sees the order: equal for all the people of its company."""
    scope = actor.scope()
    return order.company_id if order.company_id in scope.companies else scope


async def _told(context: Context, key: UUID, step: Step) -> OrderTracked:
    return await _message(context, await _present(context, key), step)


async def _present(context: Context, key: UUID) -> Order:
    """The order as it is now; NotFound once it is not the listener's to see any more."""
    found = await context.loaders.load(load.order_by_id, key)
    if found is None:
        raise not_found(Order, "orderId")
    return found


async def _message(context: Context, order: Order, step: Step) -> OrderTracked:
    if (hint := step.hint) is not None:
        event = told_of(order, hint.seq, hint.type, hint.body, hint.at)
        return OrderTracked(step.kind, step.cursor, order, event)
    if (value := step.value) is not None:
        seen, eta = _seen(value), value.get("eta_seconds")
        return OrderTracked(step.kind, step.cursor, order, None, seen, eta)
    last = await _last_seen(context, order.id)
    return OrderTracked(step.kind, step.cursor, order, None, last)


def _seen(value: dict[str, Any]) -> RiderPosition:
    """The position that was told, as the row it was read from."""
    known = {key: value.get(key) for key in ("heading_degrees", "speed_mps", "accuracy_m")}
    at = value.get("seen_at") or datetime.now(UTC)
    return RiderPosition(
        latitude=float(value["latitude"]),
        longitude=float(value["longitude"]),
        seen_at=datetime.fromisoformat(at) if isinstance(at, str) else at,
        **known,
    )


async def _last_seen(context: Context, order_id: UUID) -> RiderPosition | None:
    """Where the rider of the order's live delivery was last seen, if there is one."""
    async with context.read() as session:
        return await session.scalar(LAST_SEEN, {"order": order_id})
