"""Batch reads of apps, their secrets, webhook endpoints and deliveries."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders.keys import among, asked, one_each
from models.integrations import (
    App,
    AppSecret,
    DeliveryState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from services.integrations.apps import SECRETS_SHOWN

APP = kept(select(App).where(asked(App.id)))


async def app_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[App | None]:
    """Apps by key, as far as the scope may see them."""
    return await one_each(session, APP, ids)


async def secrets_by_app(session: AsyncSession, ids: Sequence[UUID]) -> list[list[AppSecret]]:
    """The newest secrets of each app, the ended ones among them."""
    rows = await session.scalars(
        select(AppSecret).where(among(AppSecret.app_id, ids)).order_by(AppSecret.id.desc())
    )
    found: defaultdict[UUID, list[AppSecret]] = defaultdict(list)
    for row in rows:
        if len(found[row.app_id]) < SECRETS_SHOWN:
            found[row.app_id].append(row)
    return [found[key] for key in ids]


ATTEMPTS_SHOWN = 20


async def endpoint_by_id(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[WebhookEndpoint | None]:
    """Endpoints by key, as far as the scope may see them."""
    rows = await session.scalars(select(WebhookEndpoint).where(among(WebhookEndpoint.id, ids)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in ids]


async def attempts_by_delivery(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[WebhookAttempt]]:
    """The newest tries of each delivery."""
    rows = await session.scalars(
        select(WebhookAttempt)
        .where(among(WebhookAttempt.delivery_id, ids))
        .order_by(WebhookAttempt.id.desc())
    )
    found: defaultdict[UUID, list[WebhookAttempt]] = defaultdict(list)
    for row in rows:
        if len(found[row.delivery_id]) < ATTEMPTS_SHOWN:
            found[row.delivery_id].append(row)
    return [found[key] for key in ids]


async def waiting_by_endpoint(session: AsyncSession, ids: Sequence[UUID]) -> list[int]:
    """How many deliveries wait for each endpoint."""
    return await _counted(session, ids, DeliveryState.PENDING)


async def dead_by_endpoint(session: AsyncSession, ids: Sequence[UUID]) -> list[int]:
    """How many deliveries of the last 30 days were given up for each endpoint."""
    return await _counted(session, ids, DeliveryState.DEAD)


async def _counted(session: AsyncSession, ids: Sequence[UUID], status: DeliveryState) -> list[int]:
    rows = await session.execute(
        select(WebhookDelivery.endpoint_id, func.count())
        .where(among(WebhookDelivery.endpoint_id, ids), WebhookDelivery.status == status)
        .group_by(WebhookDelivery.endpoint_id)
    )
    found = {UUID(str(key)): int(count) for key, count in rows}
    return [found.get(key, 0) for key in ids]
