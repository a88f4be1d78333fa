"""The day on which the goods of a purchase order are expected."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.purchasing import Supplier
from models.stores import Store
from services.stores.store_time import read_calendar_date
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.suppliers import SupplierScenario, create_supplier_scenario


@pytest.fixture
async def supply(database: Database, city: City) -> SupplierScenario:
    return await create_supplier_scenario(database, city)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_goods_are_expected_on_a_day_of_the_store(
    supply: SupplierScenario, zone: str
) -> None:
    """It was a UTC date: a day off in the evening west of Greenwich, or the morning east of it.

    At any time one of the two stores has another date than UTC.
    """
    async with supply.database.write(PLATFORM, ORIGIN) as session:
        store = update(Store).where(Store.id == supply.city.near.id)
        await session.execute(store.values(timezone=zone))
    ordered = await supply.approve(await supply.create_draft(1))
    async with supply.database.read(PLATFORM) as session:
        supplier = await session.get_one(Supplier, ordered.supplier_id)
        today = await read_calendar_date(session, ordered.store_id)
    assert ordered.expected_date == today + timedelta(days=supplier.lead_time_days)
