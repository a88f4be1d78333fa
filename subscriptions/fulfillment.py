"""The stream of a store's fulfillment queue."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from dataloaders import fulfillment as load
from models.events import OrderEventKind
from models.fulfillment import Fulfillment
from models.stores import Store
from resolvers.context import Context, Info
from services.core.problems import parse_id
from services.events.event_log import store_queue_stream
from services.fulfillment import fulfillments
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription, id_in_body

MAX_SNAPSHOT_FULFILLMENTS = 100
StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]


@dataclass(frozen=True, slots=True)
class StoreQueueChanged(StreamMessage):
    """A message about a store's fulfillment queue."""

    store_id: UUID
    type: OrderEventKind | None = None
    at: datetime | None = None
    order_id: UUID | None = None
    fulfillment_id: UUID | None = None
    fulfillments: Sequence[Fulfillment] | None = None
    put_backs: Sequence[Fulfillment] | None = None


async def watch_store_queue(
    info: Info, store_id: StoreId, after: After = None
) -> AsyncIterator[StoreQueueChanged]:
    """Yield the open tasks and put-backs of a store, then every change of them."""
    context, key = info.context, parse_id(Store, store_id, "storeId")
    del info  # keeps the whole execution alive

    async def check_access() -> None:
        await _queue(context, key, 1)

    async with StreamSubscription(
        context, [store_queue_stream(key)], after, check_access
    ) as subscription:
        async for message in subscription.messages(partial(_message, context, key), "queue"):
            yield message
            del message


async def _queue(context: Context, store_id: UUID, first: int) -> list[Fulfillment]:
    """Return the open tasks of a store, oldest first; raises NotFound for others than its staff."""
    async with context.read() as session:
        page = await fulfillments.store_queue(
            session, actor=context.actor, store_id=store_id, first=first, cursor=None
        )
    return page.nodes


async def _put_backs(context: Context, store_id: UUID) -> list[Fulfillment]:
    """Return the ended tasks of a store whose units wait to be put back, oldest first."""
    async with context.read() as session:
        page = await fulfillments.open_put_backs(
            session,
            actor=context.actor,
            store_id=store_id,
            first=MAX_SNAPSHOT_FULFILLMENTS,
            cursor=None,
        )
    return page.nodes


async def _message(context: Context, store_id: UUID, item: StreamItem) -> StoreQueueChanged:
    if (notice := item.notice) is None:
        tasks = await _queue(context, store_id, MAX_SNAPSHOT_FULFILLMENTS)
        put_backs = await _put_backs(context, store_id)
        return StoreQueueChanged(
            item.kind, item.cursor, store_id, fulfillments=tasks, put_backs=put_backs
        )
    return StoreQueueChanged(
        kind=item.kind,
        cursor=item.cursor,
        store_id=store_id,
        type=OrderEventKind(notice.type),
        at=notice.at,
        order_id=id_in_body(notice, "order_id"),
        fulfillment_id=id_in_body(notice, "fulfillment_id"),
    )


async def fulfillment_of(
    parent: strawberry.Parent[StoreQueueChanged], info: Info
) -> Fulfillment | None:
    """Return the task of an event; None when it belongs to another store's queue."""
    loaders, fulfillment = info.context.loaders, None
    if parent.fulfillment_id is not None:
        fulfillment = await loaders.load(load.fulfillment_by_id, parent.fulfillment_id)
    elif parent.order_id is not None:
        fulfillment = await loaders.load(load.fulfillment_by_order, parent.order_id)
    if fulfillment is None or fulfillment.store_id != parent.store_id:
        return None
    return fulfillment
