"""Batch reads of apps and of what they prove themselves with."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import among, asked, one_each
from models import App, AppSecret
from models.light import kept
from services.app import SECRETS_SHOWN

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
