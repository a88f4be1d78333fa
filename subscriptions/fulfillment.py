"""A store's queue as its staff watch it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from dataloaders import fulfillment as load
from models.events import EventType
from models.fulfillment import Fulfillment
from models.stores import Store
from resolvers.context import Context, Info
from services.core.problems import key_of
from services.events.event_log import store_queue_stream
from services.fulfillment import fulfillments
from subscriptions.engine.messages import Message
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow, key_in

QUEUE_COUNT = 100
StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]


@dataclass(frozen=True, slots=True)
class StoreQueueChanged(Message):
    """One message about a store's queue."""

    store_id: UUID
    type: EventType | None = None
    at: datetime | None = None
    order_id: UUID | None = None
    fulfillment_id: UUID | None = None
    fulfillments: Sequence[Fulfillment] | None = None


async def queue_changed(
    info: Info, store_id: StoreId, after: After = None
) -> AsyncIterator[StoreQueueChanged]:
    context, key = info.context, key_of(Store, store_id, "storeId")
    del info  # it holds the whole execution

    async def admit() -> None:
        await _queue(context, key, 1)

    async with Flow(context, [store_queue_stream(key)], after, admit) as flow:
        async for message in flow.messages(partial(_message, context, key), "queue"):
            yield message
            del message


async def _queue(context: Context, store_id: UUID, first: int) -> list[Fulfillment]:
    """The store's open tasks, oldest first; refused as not found for other people than its own."""
    async with context.read() as session:
        found = await fulfillments.queue(
            session, actor=context.actor, store_id=store_id, first=first, cursor=None
        )
    return found.nodes


async def _message(context: Context, store_id: UUID, step: Step) -> StoreQueueChanged:
    if (hint := step.hint) is None:
        tasks = await _queue(context, store_id, QUEUE_COUNT)
        return StoreQueueChanged(step.kind, step.cursor, store_id, fulfillments=tasks)
    return StoreQueueChanged(
        kind=step.kind,
        cursor=step.cursor,
        store_id=store_id,
        type=EventType(hint.type),
        at=hint.at,
        order_id=key_in(hint, "order_id"),
        fulfillment_id=key_in(hint, "fulfillment_id"),
    )


async def fulfillment_of(
    parent: strawberry.Parent[StoreQueueChanged], info: Info
) -> Fulfillment | None:
    """The task an event speaks of; another store's task for the same order is not this queue's."""
    loaders, found = info.context.loaders, None
    if parent.fulfillment_id is not None:
        found = await loaders.load(load.fulfillment_by_id, parent.fulfillment_id)
    elif parent.order_id is not None:
        found = await loaders.load(load.fulfillment_by_order, parent.order_id)
    return found if found is not None and found.store_id == parent.store_id else None
