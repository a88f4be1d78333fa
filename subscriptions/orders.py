"""The stream of one order, for its customer, its store and support."""

from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import bindparam, select

from database.base import enum_literals
from database.statements import prepared
from dataloaders import orders as load
from models.delivery import TRACKED_STATUSES, Delivery
from models.identity import Actor
from models.orders import Order
from models.riders import RiderLocation
from resolvers.context import Context, Info
from resolvers.rules import STORE_OR_SUPPORT
from services.core.problems import not_found, parse_id
from services.events.event_log import order_stream
from services.orders.timeline import OrderEvent, to_order_event
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription

LAST_RIDER_POSITION = prepared(
    select(RiderLocation)
    .join(Delivery, Delivery.rider_id == RiderLocation.rider_id)
    .where(
        Delivery.order_id == bindparam("order"),
        Delivery.status.in_(enum_literals(TRACKED_STATUSES)),
    )
    .limit(1)
)
OrderId = Annotated[strawberry.ID, strawberry.argument(description="The order's id.")]


@dataclass(frozen=True, slots=True)
class OrderTracked(StreamMessage):
    """A message about an order."""

    order: Order
    event: OrderEvent | None = None
    rider_location: RiderLocation | None = None
    dropoff_eta_seconds: int | None = None


async def track_order(
    info: Info, order_id: OrderId, after: After = None
) -> AsyncIterator[OrderTracked]:
    """Yield the order, then each of its events and the rider's positions."""
    context, key = info.context, parse_id(Order, order_id, "orderId")
    del info  # keeps the whole execution alive

    visibility: Hashable = None

    async def check_access() -> None:
        nonlocal visibility
        visibility = _visibility(context.actor, await _order(context, key))

    stream, topic = order_stream(key), f"position:{key}"
    async with StreamSubscription(context, [stream], after, check_access, topic) as subscription:
        make = partial(_message, context, key)
        async for message in subscription.messages(make, "tracked", visibility):
            yield message
            del message


async def _order(context: Context, key: UUID) -> Order:
    """Return the order for its customer, its store's staff and its support; else NotFound."""
    actor = context.actor
    async with context.read() as session:
        order = await session.get(Order, key)
    if order is None or not (
        order.customer_id == actor.person_id
        or actor.has_store_role(order.company_id, order.store_id, STORE_OR_SUPPORT.roles)
    ):
        raise not_found(Order, "orderId")
    return order


def _visibility(actor: Actor, order: Order) -> Hashable:
    """Return what decides what of the order is visible: equal for staff with equal roles."""
    scope = actor.scope()
    is_staff = order.company_id in scope.order_companies or order.store_id in scope.order_stores
    return (replace(scope, person_id=None) if is_staff else scope), frozenset(actor.grants)


async def _message(context: Context, key: UUID, item: StreamItem) -> OrderTracked:
    order = await _current_order(context, key)
    if (notice := item.notice) is not None:
        event = to_order_event(
            order, context.actor, notice.seq, notice.type, notice.body, notice.at
        )
        return OrderTracked(item.kind, item.cursor, order, event)
    if (value := item.value) is not None:
        position, eta_seconds = _rider_position(value), value.get("eta_seconds")
        return OrderTracked(item.kind, item.cursor, order, None, position, eta_seconds)
    last_position = await _last_rider_position(context, order.id)
    return OrderTracked(item.kind, item.cursor, order, None, last_position)


async def _current_order(context: Context, key: UUID) -> Order:
    """Return the order as it is now; raises NotFound once it is no longer visible."""
    order = await context.loaders.load(load.order_by_id, key)
    if order is None:
        raise not_found(Order, "orderId")
    return order


def _rider_position(value: dict[str, Any]) -> RiderLocation:
    """Build the row of a published position."""
    optional = {
        key: value.get(key)
        for key in ("heading_degrees", "speed_meters_per_second", "accuracy_meters")
    }
    at = value.get("recorded_at") or datetime.now(UTC)
    return RiderLocation(
        latitude=float(value["latitude"]),
        longitude=float(value["longitude"]),
        recorded_at=datetime.fromisoformat(at) if isinstance(at, str) else at,
        **optional,
    )


async def _last_rider_position(context: Context, order_id: UUID) -> RiderLocation | None:
    """Return the last position of the rider of the order's live delivery, if there is one."""
    async with context.read() as session:
        return await session.scalar(LAST_RIDER_POSITION, {"order": order_id})
