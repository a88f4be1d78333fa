"""A store's shelf as strangers (bands) and its staff (numbers) watch it.

Changes that come within a moment are told as one message, to all who watch the store at once.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, cast
from uuid import UUID

import strawberry

from models.catalog import Product
from models.stores import Store
from resolvers.context import Context, Info
from resolvers.rules import STORE_ROLES
from services.core.problems import InvalidInput, Refused, key_of, not_found
from services.events.event_log import inventory_stream
from subscriptions.engine.hub import Hub
from subscriptions.engine.messages import Message
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow
from subscriptions.stock.inventory_digest import Feed
from subscriptions.stock.inventory_state import Digest, StockChange

PRODUCTS_COUNT = 200
StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store.")]
ProductIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description="Only these products, at most 200. Without it every product of the store is"
        " watched, and a snapshot carries nothing but its cursor."
    ),
]


@dataclass(frozen=True, slots=True)
class InventoryChanged(Message):
    """One message about a store's shelf."""

    changes: list[StockChange]


async def changed(
    info: Info, store_id: StoreId, product_ids: ProductIds = None, after: After = None
) -> AsyncIterator[InventoryChanged]:
    context, key, only = info.context, key_of(Store, store_id, "storeId"), _only(product_ids)
    del info  # it holds the whole execution

    async def admit() -> None:
        await _store(context, key)

    store = await _store(context, key)
    staff = context.actor.works_at(store.company_id, key, STORE_ROLES)
    hub, stream = cast(Hub, context.house.streams), inventory_stream(key)
    open_feed = partial(Feed, hub, context.house.database, key)
    async with hub.commons.use(stream, open_feed) as feed:
        await feed.begin()
        make = partial(_message, feed, staff, only)
        async with Flow(context, [stream], after, admit, source=feed) as flow:
            async for message in flow.messages(make, "shelf", staff, only):
                yield message
                del message


async def _message(
    feed: Feed, staff: bool, only: frozenset[UUID] | None, step: Step
) -> InventoryChanged | None:
    """What a digest says, if anything; in a snapshot what there is of the products named."""
    if step.hint is None:
        there = (await feed.look(only or ())).changes(staff, only)
        return InventoryChanged(step.kind, step.cursor, there)
    digest: Digest = step.hint.body["digest"]
    changes = digest.changes(staff, only)
    return InventoryChanged(step.kind, step.cursor, changes) if changes else None


async def _store(context: Context, key: UUID) -> Store:
    async with context.public() as session:
        found = await session.get(Store, key)
    if found is None:
        raise not_found(Store, "storeId")
    return found


def _only(ids: Iterable[strawberry.ID] | None) -> frozenset[UUID] | None:
    """The products that were named; None for all of the store."""
    if ids is None:
        return None
    keys = frozenset(key_of(Product, text, "productIds") for text in ids)
    if len(keys) > PRODUCTS_COUNT or not keys:
        said = f"Name 1 to {PRODUCTS_COUNT} products, or none at all."
        raise Refused(InvalidInput(path=["productIds"], message=said))
    return keys
