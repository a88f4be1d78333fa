"""Stock alerts of a store, or of all stores of a company, as their people watch them."""

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
from services.alerts.stock_alerts import Sight
from services.core.problems import key_if_given
from services.events.event_log import alert_stream
from subscriptions.engine.messages import Message
from subscriptions.engine.stream_reader import Step
from subscriptions.engine.subscription import After, Flow, key_in

ALERTS_COUNT = 100
StoreId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="A store of yours; goes before companyId."),
]
CompanyId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A company that you run: alerts of all its stores, as many as it has when you"
        " begin to watch, at most 50."
    ),
]


@dataclass(frozen=True, slots=True)
class StockAlertChanged(Message):
    """One message about the alerts of some stores."""

    type: str | None = None
    at: datetime | None = None
    alert_id: UUID | None = None
    alerts: Sequence[StockAlert] | None = None


async def changed(
    info: Info, store_id: StoreId = None, company_id: CompanyId = None, after: After = None
) -> AsyncIterator[StockAlertChanged]:
    context = info.context
    del info  # it holds the whole execution
    store = key_if_given(Store, store_id, "storeId")
    sight = Sight(store, None if store else key_if_given(Company, company_id, "companyId"))

    async def admit() -> None:
        await _stores(context, sight)

    streams = [alert_stream(one) for one in await _stores(context, sight)]
    async with Flow(context, streams, after, admit) as flow:
        make = partial(_message, context, sight)
        async for message in flow.messages(make, "alerts", context.actor.scope()):
            yield message


async def _stores(context: Context, sight: Sight) -> list[UUID]:
    async with context.read() as session:
        return await stock_alerts.watched(session, actor=context.actor, sight=sight)


async def _message(context: Context, sight: Sight, step: Step) -> StockAlertChanged:
    if (hint := step.hint) is not None:
        alert_id = key_in(hint, "alert_id")
        return StockAlertChanged(step.kind, step.cursor, hint.type, hint.at, alert_id)
    async with context.read() as session:
        live = await stock_alerts.listed(
            session, actor=context.actor, sight=sight, first=ALERTS_COUNT, cursor=None
        )
    return StockAlertChanged(step.kind, step.cursor, alerts=live.nodes)
