"""The stream of a store's inventory: quantities for its staff, availability for others.

Changes within a short time are sent as one message, to all subscriptions of the store at once.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from models.catalog import Product
from models.stores import Store
from resolvers.context import Context, Info
from resolvers.rules import STORE_ROLES
from services.core.problems import DomainError, InvalidInput, not_found, parse_id
from services.events.event_log import inventory_stream
from subscriptions.engine.hub import hub_of
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription
from subscriptions.stock.inventory_digest import InventoryFeed
from subscriptions.stock.inventory_state import InventoryDigest, StockChange

MAX_PRODUCTS = 200
StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store.")]
ProductIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description="Only these products, at most 200. Without it all products of the store; the"
        " snapshot then lists none, because a store has too many, and marks where changes begin."
    ),
]


@dataclass(frozen=True, slots=True)
class StockChanged(StreamMessage):
    """A message about a store's inventory."""

    changes: list[StockChange]


async def watch_inventory(
    info: Info, store_id: StoreId, product_ids: ProductIds = None, after: After = None
) -> AsyncIterator[StockChanged]:
    """Yield the state of the given products, then every change of the store's inventory."""
    context, key = info.context, parse_id(Store, store_id, "storeId")
    only = _parse_product_ids(product_ids)
    del info  # keeps the whole execution alive

    store = await _store(context, key)
    staff = context.actor.has_store_role(store.company_id, key, STORE_ROLES)

    async def check_access() -> None:
        store = await _store(context, key)
        if staff and not context.actor.has_store_role(store.company_id, key, STORE_ROLES):
            raise not_found(Store, "storeId")

    hub, stream = hub_of(context), inventory_stream(key)
    open_feed = partial(InventoryFeed, hub, context.container.database, key)
    async with hub.shared_resources.use(stream, open_feed) as feed:
        await feed.start()
        make = partial(_message, feed, staff, only)
        async with StreamSubscription(
            context, [stream], after, check_access, source=feed
        ) as subscription:
            async for message in subscription.messages(make, "inventory", staff, only):
                yield message
                del message


async def _message(
    feed: InventoryFeed, staff: bool, only: frozenset[UUID] | None, item: StreamItem
) -> StockChanged | None:
    """Return the changes of a digest, or None without any; for a snapshot the given products."""
    if item.notice is None:
        snapshot = (await feed.read_products(only or ())).changes(staff, only)
        return StockChanged(item.kind, item.cursor, snapshot)
    digest: InventoryDigest = item.notice.body["digest"]
    changes = digest.changes(staff, only)
    return StockChanged(item.kind, item.cursor, changes) if changes else None


async def _store(context: Context, key: UUID) -> Store:
    async with context.read_public() as session:
        store = await session.get(Store, key)
    if store is None:
        raise not_found(Store, "storeId")
    return store


def _parse_product_ids(ids: Iterable[strawberry.ID] | None) -> frozenset[UUID] | None:
    """Return the given products; None means all products of the store."""
    if ids is None:
        return None
    keys = frozenset(parse_id(Product, text, "productIds") for text in ids)
    if len(keys) > MAX_PRODUCTS or not keys:
        message = f"Name 1 to {MAX_PRODUCTS} products, or none at all."
        raise DomainError(InvalidInput(path=["productIds"], message=message))
    return keys
