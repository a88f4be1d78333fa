"""How far the import of a file is, as those whom it concerns watch it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from models.events import MessageKind
from models.imports import StockImport
from resolvers.context import Info
from services.core.problems import key_of
from services.events.event_log import import_stream
from services.imports import stock_imports
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow

COALESCE_SECONDS = 0.25
ImportId = Annotated[strawberry.ID, strawberry.argument(description="The import's id.")]


@dataclass(frozen=True, slots=True)
class StockImportChanged:
    """One message about an import."""

    kind: MessageKind
    cursor: str
    import_id: UUID


async def changed(
    info: Info, id: ImportId, after: After = None
) -> AsyncIterator[StockImportChanged]:
    context, key = info.context, key_of(StockImport, id, "id")
    del info  # it holds the whole execution

    async def admit() -> None:
        async with context.read() as session:
            await stock_imports.visible(session, actor=context.actor, import_id=key)

    loop = asyncio.get_running_loop()
    told_at = 0.0
    async with Flow(context, [import_stream(key)], after, admit) as flow:
        async for step in flow.steps():
            last = await _newest(flow, step, told_at + COALESCE_SECONDS)
            told_at = loop.time()
            yield StockImportChanged(last.kind, last.cursor, key)


async def _newest(flow: Flow, step: Step, until: float) -> Step:
    """The last of the steps that come until then: one message tells of all of them."""
    loop = asyncio.get_running_loop()
    while (following := await flow.take(max(0.0, until - loop.time()))) is not None:
        if following.hint is not None or step.hint is None:
            step = following
    return step
