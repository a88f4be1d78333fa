"""The stream of stock alerts of a store, or of all stores of a company."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from models.alerts import StockAlert
from models.companies import Company
from models.stores import Store
from resolvers.context import Context, Info
from services.alerts import stock_alerts
from services.alerts.stock_alerts import AlertFilter
from services.core.problems import not_found, parse_optional_id
from services.events.event_log import alert_stream
from subscriptions.engine.messages import StreamMessage
from subscriptions.engine.stream_reader import StreamItem
from subscriptions.engine.subscription import After, StreamSubscription, id_in_body

MAX_SNAPSHOT_ALERTS = 100
StoreId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A store in which the caller works; takes precedence over companyId."
    ),
]
CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A company of which the caller is an admin: alerts of all stores that it has"
        " at the start of the subscription, at most 50."
    ),
]


@dataclass(frozen=True, slots=True)
class StockAlertChanged(StreamMessage):
    """A message about the stock alerts of some stores."""

    type: str | None = None
    at: datetime | None = None
    alert_id: UUID | None = None
    stock_alerts: Sequence[StockAlert] | None = None


async def watch_stock_alerts(
    info: Info, store_id: StoreId = None, company_id: CompanyId = None, after: After = None
) -> AsyncIterator[StockAlertChanged]:
    """Yield the live alerts, then each change of an alert."""
    context = info.context
    del info  # keeps the whole execution alive
    store = parse_optional_id(Store, store_id, "storeId")
    filters = AlertFilter(
        store, None if store else parse_optional_id(Company, company_id, "companyId")
    )

    scope, watched = context.actor.scope(), await _watched_stores(context, filters)

    async def check_access() -> None:
        now_watched = await _watched_stores(context, filters)
        if context.actor.scope() != scope or not set(watched) <= set(now_watched):
            raise not_found(Store, "storeId")

    streams = [alert_stream(key) for key in watched]
    async with StreamSubscription(context, streams, after, check_access) as subscription:
        make = partial(_message, context, filters)
        async for message in subscription.messages(make, "alerts", scope):
            yield message


async def _watched_stores(context: Context, filters: AlertFilter) -> list[UUID]:
    async with context.read() as session:
        return await stock_alerts.stores_to_watch(session, actor=context.actor, filters=filters)


async def _message(context: Context, filters: AlertFilter, item: StreamItem) -> StockAlertChanged:
    if (notice := item.notice) is not None:
        alert_id = id_in_body(notice, "alert_id")
        return StockAlertChanged(item.kind, item.cursor, notice.type, notice.at, alert_id)
    async with context.read() as session:
        page = await stock_alerts.list_alerts(
            session, actor=context.actor, filters=filters, first=MAX_SNAPSHOT_ALERTS, cursor=None
        )
    return StockAlertChanged(item.kind, item.cursor, stock_alerts=page.nodes)
