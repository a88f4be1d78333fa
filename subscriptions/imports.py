"""The stream of the progress of a stock import."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from models.events import StreamMessageKind
from models.imports import StockImport
from resolvers.context import Info
from services.core.problems import parse_id
from services.events.event_log import import_stream
from services.imports import stock_imports
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription

COALESCING_SECONDS = 0.25
ImportId = Annotated[strawberry.ID, strawberry.argument(description="The import's id.")]


@dataclass(frozen=True, slots=True)
class StockImportChanged:
    """A message about a stock import."""

    kind: StreamMessageKind
    cursor: str
    import_id: UUID


async def watch_stock_import(
    info: Info, id: ImportId, after: After = None
) -> AsyncIterator[StockImportChanged]:
    """Yield the state of an import, at most once per COALESCING_SECONDS."""
    context, key = info.context, parse_id(StockImport, id, "id")
    del info  # keeps the whole execution alive

    async def check_access() -> None:
        async with context.read() as session:
            await stock_imports.visible_import(session, actor=context.actor, import_id=key)

    loop = asyncio.get_running_loop()
    sent_at = 0.0
    async with StreamSubscription(
        context, [import_stream(key)], after, check_access
    ) as subscription:
        async for item in subscription.items():
            newest = await _newest_item(subscription, item, sent_at + COALESCING_SECONDS)
            sent_at = loop.time()
            yield StockImportChanged(newest.kind, newest.cursor, key)


async def _newest_item(
    subscription: StreamSubscription, item: StreamItem, deadline: float
) -> StreamItem:
    """Return the last item that comes until the deadline: it replaces the earlier ones."""
    loop = asyncio.get_running_loop()
    while (next_item := await subscription.next_item(max(0.0, deadline - loop.time()))) is not None:
        if next_item.notice is not None or item.notice is None:
            item = next_item
    return item
