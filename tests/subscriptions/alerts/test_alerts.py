"""Stock alerts, live: raised, seen to, put off and resolved, for those whom they concern."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from jobs import alerts as job
from models.alerts import StockAlert
from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode
from models.stores import Store
from resolvers.context import House
from services.alerts import stock_alerts
from services.core.problems import key_of
from tests.subscriptions.stock.test_inventory import ORIGIN, count
from tests.support import city as cities
from tests.support.actors import Standing, stand
from tests.support.city import City
from tests.support.streams.subscriber import watching

NAME = "stock_alert_changed"


@pytest.fixture
async def corner(house: House) -> City:
    """A city whose stock this test alone changes."""
    return await cities.build(house.database)


@pytest.fixture
async def counter(house: House, corner: City) -> Standing:
    return await stand(house, "Counter", Grant(Role.STORE_STAFF, corner.company.id, corner.near.id))


def here(city: City) -> dict[str, Any]:
    return {"storeId": encode(Store, city.near.id)}


async def test_the_staff_hear_of_each_alert_from_its_raising_to_its_end(
    house: House, corner: City, counter: Standing
) -> None:
    await count(house, corner, 0, 2)
    await job.watch_shelves(house.database)
    async with watching(counter, NAME, **here(corner)) as line:
        snapshot = await line.next()
        assert [(one["kind"], one["units"]) for one in snapshot["alerts"]] == [("LOW", 2)]
        assert snapshot["alert"] is None
        await count(house, corner, 1, 0)
        await job.watch_shelves(house.database)
        raised = await line.until("STOCK_ALERT_RAISED")
        assert (raised["alert"]["kind"], raised["alert"]["priority"]) == ("OUT_OF_STOCK", "URGENT")
        assert raised["alert"]["store"]["name"]
        assert raised["alerts"] is None
        cursor = line.seen[-1]["cursor"]
    key = key_of(StockAlert, raised["alert"]["id"])
    await see_to(counter, corner, key)
    await count(house, corner, 1, 40)
    await job.watch_shelves(house.database)
    async with watching(counter, NAME, after=cursor, **here(corner)) as line:
        types = [(await line.next())["type"] for _ in range(3)]
    assert types == ["STOCK_ALERT_SNOOZED", "STOCK_ALERT_ACKNOWLEDGED", "STOCK_ALERT_RESOLVED"]
    assert {one["kind"] for one in line.seen} == {"EVENT"}
    assert [one["alert"]["status"] for one in line.seen][-1] == "RESOLVED"


async def see_to(who: Standing, city: City, alert_id: UUID) -> None:
    """Put an alert off, and take it on after all."""
    scope, until = who.actor.scope(), datetime.now(UTC) + timedelta(hours=1)
    here = scope.with_company(city.company.id)
    async with who.house.database.write(here, ORIGIN) as session:
        await stock_alerts.snooze(session, actor=who.actor, alert_id=alert_id, until=until)
    async with who.house.database.write(here, ORIGIN) as session:
        await stock_alerts.acknowledge(session, actor=who.actor, alert_id=alert_id)


async def test_a_company_hears_of_all_its_stores_and_of_nobody_elses(
    house: House, corner: City, super_admin: Standing
) -> None:
    owner = await stand(house, "Owner", Grant(Role.COMPANY_ADMIN, corner.company.id))
    all_of_it = {"companyId": encode(Company, corner.company.id)}
    async with watching(owner, NAME, **all_of_it) as line, watching(super_admin, NAME) as platform:
        assert (await line.next())["alerts"] == []
        assert await platform.refused() == "INVALID_INPUT"  # it has to say which stores
        await count(house, corner, 3, 0)
        await job.watch_shelves(house.database)
        assert (await line.until("STOCK_ALERT_RAISED"))["alert"]["units"] == 0


async def test_others_are_told_that_there_is_no_such_store(
    corner: City,
    counter: Standing,
    picker: Standing,
    other_company_admin: Standing,
    customer: Standing,
) -> None:
    for who in (picker, other_company_admin):
        async with watching(who, NAME, **here(corner)) as line:
            assert await line.refused() == "NOT_FOUND"
    async with watching(counter, NAME, companyId=encode(Company, corner.company.id)) as line:
        assert await line.refused() == "NOT_FOUND"  # one store of it is not all of it
    async with watching(customer, NAME, **here(corner)) as line:
        assert await line.refused() == "FORBIDDEN"
    async with watching(counter, NAME, after="nonsense", **here(corner)) as line:
        assert await line.refused() == "INVALID_INPUT"
