"""Replenishment: the forecast of known sales, and the proposals from recorded sales."""

import asyncio
import math
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from jobs import purchasing
from models.identity import Grant, Role
from models.purchasing import PurchaseOrder, ReplenishmentProposal, ReplenishmentRun
from models.stock import StockMovement, StockMovementReason
from services.core.clock import current_time
from services.core.problems import NotFound, RateLimited
from services.purchasing import replenishment, suppliers
from services.purchasing.demand_forecast import (
    HISTORY_DAYS,
    SERVICE_LEVEL_Z,
    ReplenishmentTerms,
    calculate_need,
    forecast_demand,
)
from services.purchasing.replenishment import NoReplenishmentProposal
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.graph_queries import record_statements
from tests.support.suppliers import (
    PACK_UNITS,
    SupplierScenario,
    create_supplier_scenario,
    expect_problems,
)

SUNDAY = 6


@pytest.fixture
async def supply(database: Database, city: City) -> SupplierScenario:
    return await create_supplier_scenario(database, city)


def terms(lead: int, review: int, pack: int) -> ReplenishmentTerms:
    return ReplenishmentTerms(*(np.array([one], np.int64) for one in (lead, review, pack)))


def test_even_sales_are_forecast_exactly() -> None:
    forecast = forecast_demand(np.full((1, HISTORY_DAYS), 4.0), SUNDAY)
    assert forecast.level == pytest.approx([4.0])
    assert forecast.weekday_factors == pytest.approx(np.ones((1, 7)))
    assert forecast.deviation == pytest.approx([0.0])
    need = calculate_need(forecast, terms(2, 1, 6), 0, np.array([5]))
    assert (need.demand[0], need.safety_stock[0]) == (pytest.approx(12.0), pytest.approx(0.0))
    assert need.packs.tolist() == [2]  # 7 units are missing
    assert calculate_need(forecast, terms(2, 1, 7), 0, np.array([5])).packs.tolist() == [1]
    assert calculate_need(forecast, terms(2, 1, 6), 0, np.array([12])).packs.tolist() == [0]


def test_more_is_ordered_for_a_weekday_with_higher_sales() -> None:
    daily_sales = np.tile([2.0, 2.0, 2.0, 2.0, 2.0, 9.0, 2.0], HISTORY_DAYS // 7)[None, :]
    forecast = forecast_demand(daily_sales, SUNDAY)
    assert forecast.weekday_factors.argmax() == 5
    assert forecast.weekday_factors.sum() == pytest.approx(7.0)
    for weekday, is_more in ((0, False), (5, True)):
        need = calculate_need(forecast, terms(1, 1, 1), weekday, np.array([0]))
        assert bool(need.demand[0] > 6) is is_more
    year = calculate_need(forecast, terms(363, 1, 1), 3, np.array([0]))
    assert year.demand[0] == pytest.approx(364 * forecast.level[0])


def test_safety_stock_grows_with_the_forecast_error_and_the_lead_time() -> None:
    daily_sales = np.random.default_rng(1).poisson(5.0, (1, HISTORY_DAYS)).astype(float)
    forecast = forecast_demand(daily_sales, SUNDAY)
    for lead in (0, 1, 4, 9):
        need = calculate_need(forecast, terms(lead, 1, 1), 0, np.array([0]))
        root = math.sqrt(max(lead, 1))
        assert need.safety_stock == pytest.approx(SERVICE_LEVEL_Z * forecast.deviation * root)


def test_unsold_products_are_not_ordered_and_new_ones_are_averaged_from_their_first_sale() -> None:
    daily_sales = np.zeros((2, HISTORY_DAYS))
    daily_sales[1, -20:] = 3.0
    forecast = forecast_demand(daily_sales, SUNDAY)
    assert forecast.level == pytest.approx([0.0, 3.0])
    two = ReplenishmentTerms(*(np.array([one, one], np.int64) for one in (2, 1, 1)))
    assert calculate_need(forecast, two, 0, np.array([0, 0])).packs.tolist() == [0, 9]


async def record_daily_sales(
    supply: SupplierScenario, index: int, units: int, days: int = HISTORY_DAYS
) -> None:
    """Record sales and equal receipts of a product at noon of the store's past business days."""
    row = await supply.stock_level(index)
    keys = {"company_id": row.company_id, "store_id": row.store_id, "product_id": row.product_id}
    zone = ZoneInfo(supply.city.near.timezone)
    async with supply.database.write(PLATFORM, ORIGIN) as session:
        today = (await current_time(session)).astimezone(zone).date()
        noon = datetime.combine(today, time(12), zone)
        session.add_all(
            StockMovement(
                **keys, reason=reason, on_hand_delta=delta, occurred_at=noon - timedelta(days=day)
            )
            for day in range(1, days + 1)
            for reason, delta in (
                (StockMovementReason.SALE, -units),
                (StockMovementReason.RECEIPT, units),
            )
        )


async def refresh_proposals(supply: SupplierScenario, **more: Any) -> Any:
    return await supply.run_as(
        replenishment.refresh, supply.manager, store_id=supply.city.near.id, **more
    )


async def read_proposals(supply: SupplierScenario) -> dict[int, ReplenishmentProposal]:
    """The store's proposals by the index of the product."""
    async with supply.database.read(PLATFORM) as session:
        rows = select(ReplenishmentProposal).where(
            ReplenishmentProposal.store_id == supply.city.near.id
        )
        by_key = {row.product_id: row for row in await session.scalars(rows)}
    products = enumerate(supply.city.products)
    return {n: by_key[product.id] for n, product in products if product.id in by_key}


async def expire_proposals(supply: SupplierScenario) -> None:
    """Make the current proposals two days old."""
    async with supply.database.write(PLATFORM, ORIGIN) as session:
        run = await session.get_one(ReplenishmentRun, supply.city.near.id)
        assert run.computed_at is not None
        run.computed_at -= timedelta(days=2)


async def test_proposals_contain_all_figures_and_count_incoming_and_drafted_units(
    supply: SupplierScenario,
) -> None:
    await record_daily_sales(supply, 0, 20)
    await record_daily_sales(supply, 1, 1)
    await record_daily_sales(supply, 9, 30)  # no supplier sells it
    await refresh_proposals(supply)
    rows = await read_proposals(supply)
    assert list(rows) == [0]  # 50 units of product 1 last for weeks
    row = rows[0]
    assert (row.available, row.incoming, row.on_draft_orders, row.lead_time_days) == (50, 0, 0, 2)
    assert row.average_daily_demand == pytest.approx(20.0)
    assert row.forecast_demand == pytest.approx(60.0)
    assert row.pack_quantity == math.ceil(
        (row.forecast_demand + row.safety_stock - 50) / PACK_UNITS
    )
    assert row.days_of_cover == pytest.approx(2.5)
    await supply.create_ordered(1)
    await supply.create_draft(1)
    await expire_proposals(supply)
    await refresh_proposals(supply)
    assert await read_proposals(supply) == {}


async def test_proposals_are_ordered_only_once(supply: SupplierScenario) -> None:
    await record_daily_sales(supply, 0, 40)
    await record_daily_sales(supply, 1, 30)
    await refresh_proposals(supply)
    arguments = {"store_id": supply.city.near.id, "supplier_id": supply.supplier.id}
    [problem] = await expect_problems(
        supply.run_as(
            replenishment.create_purchase_order,
            supply.manager,
            **arguments,
            product_ids=[supply.product(2)],
        )
    )
    assert isinstance(problem, NoReplenishmentProposal)
    assert problem.path == ["input", "productIds", "0"]
    calls = (
        supply.run_as(replenishment.create_purchase_order, who, **arguments, product_ids=None)
        for who in (supply.manager, supply.owner, supply.manager)
    )
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, PurchaseOrder) for one in results) == 1
    assert await read_proposals(supply) == {}


async def test_a_refresh_takes_the_same_number_of_statements_for_more_products(
    supply: SupplierScenario,
) -> None:
    counts = []
    for products in (1, 3):
        for index in range(products):
            await record_daily_sales(supply, index, 40)
        with record_statements(supply.database) as sent:
            await refresh_proposals(supply)
        counts.append(len(sent))
        assert len(await read_proposals(supply)) == products
        await expire_proposals(supply)
    assert counts[0] == counts[1] <= 12


async def test_proposals_are_refreshed_once_a_day_and_requests_are_rate_limited(
    supply: SupplierScenario,
) -> None:
    done = 0
    while more := await purchasing.refresh_proposals(
        supply.database
    ):  # stores of other tests are due too
        done += more
    assert done >= 1
    [problem] = await expect_problems(refresh_proposals(supply))
    assert isinstance(problem, RateLimited)
    assert 0 < problem.retry_after_seconds <= replenishment.REFRESH_SECONDS
    await expire_proposals(supply)
    assert (
        sum(
            await asyncio.gather(*(purchasing.refresh_proposals(supply.database) for _ in range(3)))
        )
        == 1
    )


async def test_other_people_neither_see_nor_refresh_proposals(supply: SupplierScenario) -> None:
    city = supply.city
    grants = (
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_MANAGER, city.company.id, city.next.id),
        Grant(Role.STORE_STAFF, city.company.id, city.near.id),
    )
    for grant in grants:
        (stranger,) = await create_people(supply.database, 1, grant)
        page = {"store_id": city.near.id, "first": 1, "cursor": None}
        arguments = {
            "store_id": city.near.id,
            "supplier_id": supply.supplier.id,
            "product_ids": None,
        }
        calls = (
            supply.run_as(replenishment.refresh, stranger, store_id=city.near.id),
            supply.run_as(replenishment.list_proposals, stranger, **page),
            supply.run_as(replenishment.create_purchase_order, stranger, **arguments),
        )
        for call in calls:
            [problem] = await expect_problems(call)
            assert isinstance(problem, NotFound)


async def test_archived_suppliers_are_not_proposed(supply: SupplierScenario) -> None:
    await record_daily_sales(supply, 0, 40)
    arguments = {"supplier_id": supply.supplier.id, "expected_version": 2}
    await supply.run_as(suppliers.archive, supply.owner, **arguments)
    await refresh_proposals(supply)
    assert await read_proposals(supply) == {}
