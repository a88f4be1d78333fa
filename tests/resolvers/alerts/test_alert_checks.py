"""Which stores and products are looked at for stock alerts."""

import asyncio
from collections.abc import Collection
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs import alerts
from models.alerts import StockAlert, StockAlertKind
from services.alerts import detection, store_checks
from services.alerts.detection import detect
from tests.resolvers.alerts.test_stock_alerts import set_stock
from tests.support.city import City
from tests.support.rows.alert_checks import check_all_levels


async def test_only_what_has_changed_is_looked_at(city: City, database: Database) -> None:
    """All stock of all companies was read every 10 seconds, in one transaction."""
    await check_all_levels(database)
    looked_at: list[tuple[UUID, Collection[UUID] | None]] = []

    async def record(
        session: Any,
        kind: StockAlertKind,
        store_id: UUID,
        product_ids: Collection[UUID] | None = None,
    ) -> int:
        looked_at.append((store_id, product_ids))
        return await detect(session, kind, store_id, product_ids)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection, "detect", record)
        await check_all_levels(database)
        assert looked_at == []
        for index in (1, 3):
            await set_stock(database, city, index, index)
        await check_all_levels(database)
        changed = {city.products[1].id, city.products[3].id}
        assert [(store, set(products or ())) for store, products in looked_at] == [
            (city.near.id, changed)
        ] * 2
        looked_at.clear()
        async with database.write(PLATFORM, AuditContext("test")) as session:
            await store_checks.request_full_check(session, city.near.id)
        await check_all_levels(database)
        assert looked_at == [(city.near.id, None)] * 2


async def test_two_workers_do_not_miss_a_change(city: City, database: Database) -> None:
    """Both look at once, and stock changes in between: the alert would never come."""
    await check_all_levels(database)
    for index in range(4):
        await set_stock(database, city, index, 0)
        await asyncio.gather(*(alerts.check_stock_levels(database) for _ in range(3)))
    await check_all_levels(database)
    async with database.read(PLATFORM) as session:
        of_store = (StockAlert.store_id == city.near.id) & StockAlert.resolved_at.is_(None)
        rows = (await session.scalars(select(StockAlert).where(of_store))).all()
    assert [row.type for row in rows] == [StockAlertKind.OUT_OF_STOCK] * 4
