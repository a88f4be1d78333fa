"""What a store should order: the forecast by hand, and the proposals by what it sold."""

import asyncio
import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from jobs import purchasing
from models.identity import Grant, Role
from models.purchasing import PurchaseOrder, ReorderProposal, ReorderRun
from models.stock import StockEntry, StockReason
from services.core.clock import moment
from services.core.problems import NotFound, RateLimited
from services.purchasing import replenishment, suppliers
from services.purchasing.demand_forecast import HISTORY_DAYS, SERVICE_Z, Terms, forecast, need
from services.purchasing.replenishment import NothingProposed
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.graph_queries import statements
from tests.support.suppliers import PACK_UNITS, Supply, refused, supplied

SUNDAY = 6


@pytest.fixture
async def supply(database: Database, city: City) -> Supply:
    return await supplied(database, city)


def terms(lead: int, review: int, pack: int) -> Terms:
    return Terms(*(np.array([one], np.int64) for one in (lead, review, pack)))


def test_even_sales_are_forecast_exactly() -> None:
    coming = forecast(np.full((1, HISTORY_DAYS), 4.0), SUNDAY)
    assert coming.level == pytest.approx([4.0])
    assert coming.factors == pytest.approx(np.ones((1, 7)))
    assert coming.deviation == pytest.approx([0.0])
    wanted = need(coming, terms(2, 1, 6), 0, np.array([5]))
    assert (wanted.demand[0], wanted.safety[0]) == (pytest.approx(12.0), pytest.approx(0.0))
    assert wanted.packs.tolist() == [2]  # 7 units lack
    assert need(coming, terms(2, 1, 7), 0, np.array([5])).packs.tolist() == [1]
    assert need(coming, terms(2, 1, 6), 0, np.array([12])).packs.tolist() == [0]


def test_a_weekday_that_sells_more_is_ordered_more_for() -> None:
    sold = np.tile([2.0, 2.0, 2.0, 2.0, 2.0, 9.0, 2.0], HISTORY_DAYS // 7)[None, :]
    coming = forecast(sold, SUNDAY)
    assert coming.factors.argmax() == 5
    assert coming.factors.sum() == pytest.approx(7.0)
    for weekday, more in ((0, False), (5, True)):
        wanted = need(coming, terms(1, 1, 1), weekday, np.array([0]))
        assert bool(wanted.demand[0] > 6) is more
    year = need(coming, terms(363, 1, 1), 3, np.array([0]))
    assert year.demand[0] == pytest.approx(364 * coming.level[0])


def test_safety_grows_with_surprise_and_the_lead_time() -> None:
    sold = np.random.default_rng(1).poisson(5.0, (1, HISTORY_DAYS)).astype(float)
    coming = forecast(sold, SUNDAY)
    for lead in (0, 1, 4, 9):
        wanted = need(coming, terms(lead, 1, 1), 0, np.array([0]))
        root = math.sqrt(max(lead, 1))
        assert wanted.safety == pytest.approx(SERVICE_Z * coming.deviation * root)


def test_what_never_sold_is_not_ordered_and_what_is_new_is_not_diluted() -> None:
    sold = np.zeros((2, HISTORY_DAYS))
    sold[1, -20:] = 3.0
    coming = forecast(sold, SUNDAY)
    assert coming.level == pytest.approx([0.0, 3.0])
    two = Terms(*(np.array([one, one], np.int64) for one in (2, 1, 1)))
    assert need(coming, two, 0, np.array([0, 0])).packs.tolist() == [0, 9]


async def sold_daily(supply: Supply, nth: int, units: int, days: int = HISTORY_DAYS) -> None:
    """As if a product had sold so much each day, and been filled up as often."""
    row = await supply.shelf(nth)
    at = {"company_id": row.company_id, "store_id": row.store_id, "product_id": row.product_id}
    async with supply.database.write(PLATFORM, ORIGIN) as session:
        now = await moment(session)
        session.add_all(
            StockEntry(**at, reason=reason, delta=delta, at=now - timedelta(days=day))
            for day in range(1, days + 1)
            for reason, delta in ((StockReason.SALE, -units), (StockReason.RECEIPT, units))
        )


async def refresh(supply: Supply, **more: Any) -> Any:
    return await supply.run(
        replenishment.refresh, supply.manager, store_id=supply.city.near.id, **more
    )


async def found(supply: Supply) -> dict[int, ReorderProposal]:
    """The store's proposals by the number of the product."""
    async with supply.database.read(PLATFORM) as session:
        rows = select(ReorderProposal).where(ReorderProposal.store_id == supply.city.near.id)
        by_key = {row.product_id: row for row in await session.scalars(rows)}
    every = enumerate(supply.city.products)
    return {n: by_key[one.id] for n, one in every if one.id in by_key}


async def again(supply: Supply) -> None:
    """Let the present proposals be of yesterday."""
    async with supply.database.write(PLATFORM, ORIGIN) as session:
        run = await session.get_one(ReorderRun, supply.city.near.id)
        assert run.computed_at is not None
        run.computed_at -= timedelta(days=2)


async def test_proposals_show_every_figure_and_count_what_is_on_its_way(supply: Supply) -> None:
    await sold_daily(supply, 0, 20)
    await sold_daily(supply, 1, 1)
    await sold_daily(supply, 9, 30)  # nobody supplies it
    await refresh(supply)
    rows = await found(supply)
    assert list(rows) == [0]  # fifty of the other last for weeks
    row = rows[0]
    assert (row.available, row.incoming, row.drafted, row.lead_days) == (50, 0, 0, 2)
    assert row.level == pytest.approx(20.0)
    assert row.demand == pytest.approx(60.0)
    assert row.packs == math.ceil((row.demand + row.safety - 50) / PACK_UNITS)
    assert row.cover_days == pytest.approx(2.5)
    await supply.ordered(1)
    await supply.draft(1)
    await again(supply)
    await refresh(supply)
    assert await found(supply) == {}


async def test_a_draft_uses_the_proposals_up_once(supply: Supply) -> None:
    await sold_daily(supply, 0, 40)
    await sold_daily(supply, 1, 30)
    await refresh(supply)
    here = {"store_id": supply.city.near.id, "supplier_id": supply.supplier.id}
    [reason] = await refused(
        supply.run(replenishment.order, supply.manager, **here, product_ids=[supply.product(2)])
    )
    assert isinstance(reason, NothingProposed)
    assert reason.path == ["input", "productIds", "0"]
    doing = (
        supply.run(replenishment.order, who, **here, product_ids=None)
        for who in (supply.manager, supply.owner, supply.manager)
    )
    answers = await asyncio.gather(*doing, return_exceptions=True)
    assert sum(isinstance(one, PurchaseOrder) for one in answers) == 1
    assert await found(supply) == {}


async def test_a_refresh_takes_as_many_statements_for_many_products(supply: Supply) -> None:
    counts = []
    for products in (1, 3):
        for nth in range(products):
            await sold_daily(supply, nth, 40)
        with statements(supply.database) as sent:
            await refresh(supply)
        counts.append(len(sent))
        assert len(await found(supply)) == products
        await again(supply)
    assert counts[0] == counts[1] <= 12


async def test_it_is_done_once_a_day_and_not_twice_in_a_moment(supply: Supply) -> None:
    done = 0
    while more := await purchasing.refresh(supply.database):  # other tests' stores are due as well
        done += more
    assert done >= 1
    [reason] = await refused(refresh(supply))
    assert isinstance(reason, RateLimited)
    assert 0 < reason.retry_after_seconds <= replenishment.REFRESH_SECONDS
    await again(supply)
    assert sum(await asyncio.gather(*(purchasing.refresh(supply.database) for _ in range(3)))) == 1


async def test_others_neither_see_nor_refresh(supply: Supply) -> None:
    city = supply.city
    grants = (
        Grant(Role.COMPANY_ADMIN, city.second.id),
        Grant(Role.STORE_MANAGER, city.company.id, city.next.id),
        Grant(Role.STORE_STAFF, city.company.id, city.near.id),
    )
    for grant in grants:
        (stranger,) = await people(supply.database, 1, grant)
        page = {"store_id": city.near.id, "first": 1, "cursor": None}
        here = {"store_id": city.near.id, "supplier_id": supply.supplier.id, "product_ids": None}
        doing = (
            supply.run(replenishment.refresh, stranger, store_id=city.near.id),
            supply.run(replenishment.proposals, stranger, **page),
            supply.run(replenishment.order, stranger, **here),
        )
        for one in doing:
            [reason] = await refused(one)
            assert isinstance(reason, NotFound)


async def test_an_archived_supplier_is_not_proposed(supply: Supply) -> None:
    await sold_daily(supply, 0, 40)
    given = {"supplier_id": supply.supplier.id, "archived": True, "expected_version": 2}
    await supply.run(suppliers.archive, supply.owner, **given)
    await refresh(supply)
    assert await found(supply) == {}
