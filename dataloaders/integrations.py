"""Batch reads of apps, their secrets, webhook endpoints and deliveries."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import in_keys, matches_keys, one_per_key
from models.integrations import (
    App,
    AppSecret,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEndpoint,
)
from services.integrations.apps import MAX_SECRETS_SHOWN

APP = prepared(select(App).where(matches_keys(App.id)))


async def app_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[App | None]:
    """Apps by key; None for those outside the session's scope."""
    return await one_per_key(session, APP, ids)


async def secrets_by_app(session: AsyncSession, ids: Sequence[UUID]) -> list[list[AppSecret]]:
    """The newest secrets of each app, including expired and revoked ones."""
    rows = await session.scalars(
        select(AppSecret).where(in_keys(AppSecret.app_id, ids)).order_by(AppSecret.id.desc())
    )
    secrets: defaultdict[UUID, list[AppSecret]] = defaultdict(list)
    for row in rows:
        if len(secrets[row.app_id]) < MAX_SECRETS_SHOWN:
            secrets[row.app_id].append(row)
    return [secrets[key] for key in ids]


MAX_ATTEMPTS_SHOWN = 20


async def endpoint_by_id(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[WebhookEndpoint | None]:
    """Endpoints by key; None for those outside the session's scope."""
    rows = await session.scalars(select(WebhookEndpoint).where(in_keys(WebhookEndpoint.id, ids)))
    endpoints = {row.id: row for row in rows}
    return [endpoints.get(key) for key in ids]


async def attempts_by_delivery(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[WebhookAttempt]]:
    """The newest attempts of each delivery."""
    rows = await session.scalars(
        select(WebhookAttempt)
        .where(in_keys(WebhookAttempt.delivery_id, ids))
        .order_by(WebhookAttempt.id.desc())
    )
    attempts: defaultdict[UUID, list[WebhookAttempt]] = defaultdict(list)
    for row in rows:
        if len(attempts[row.delivery_id]) < MAX_ATTEMPTS_SHOWN:
            attempts[row.delivery_id].append(row)
    return [attempts[key] for key in ids]


async def pending_count_by_endpoint(session: AsyncSession, ids: Sequence[UUID]) -> list[int]:
    """The number of pending deliveries of each endpoint."""
    return await _count(session, ids, WebhookDeliveryStatus.PENDING)


async def dead_count_by_endpoint(session: AsyncSession, ids: Sequence[UUID]) -> list[int]:
    """The number of dead deliveries of each endpoint in the last 30 days."""
    return await _count(session, ids, WebhookDeliveryStatus.FAILED)


async def _count(
    session: AsyncSession, ids: Sequence[UUID], status: WebhookDeliveryStatus
) -> list[int]:
    rows = await session.execute(
        select(WebhookDelivery.endpoint_id, func.count())
        .where(in_keys(WebhookDelivery.endpoint_id, ids), WebhookDelivery.status == status)
        .group_by(WebhookDelivery.endpoint_id)
    )
    counts = {UUID(str(key)): int(count) for key, count in rows}
    return [counts.get(key, 0) for key in ids]
