"""The stream of stock alerts: raised, snoozed, acknowledged and resolved."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.alerts import StockAlert
from models.companies import Company
from models.identity import Grant, Role
from models.ids import encode_id
from models.stores import Store
from resolvers.context import Container
from services.alerts import stock_alerts
from services.core.problems import parse_id
from tests.support import city as cities
from tests.support.actors import ActorClient, create_client
from tests.support.city import City
from tests.support.rows.alert_checks import check_all_levels
from tests.support.streams.inventory import ORIGIN, set_on_hand
from tests.support.streams.subscriber import subscribe

NAME = "stock_alert_changed"


@pytest.fixture
async def own_city(container: Container) -> City:
    """A city whose stock only this test changes."""
    return await cities.build_city(container.database)


@pytest.fixture
async def stock_clerk(container: Container, own_city: City) -> ActorClient:
    return await create_client(
        container, "Stock clerk", Grant(Role.STORE_STAFF, own_city.company.id, own_city.near.id)
    )


def near_store(city: City) -> dict[str, Any]:
    return {"storeId": encode_id(Store, city.near.id)}


async def test_staff_receive_every_change_of_an_alert(
    container: Container, own_city: City, stock_clerk: ActorClient
) -> None:
    await set_on_hand(container, own_city, 0, 2)
    await check_all_levels(container.database)
    async with subscribe(stock_clerk, NAME, **near_store(own_city)) as subscription:
        snapshot = await subscription.next_message()
        assert [(alert["type"], alert["units"]) for alert in snapshot["stockAlerts"]] == [
            ("LOW_STOCK", 2)
        ]
        assert snapshot["stockAlert"] is None
        await set_on_hand(container, own_city, 1, 0)
        await check_all_levels(container.database)
        raised = await subscription.next_of_type("STOCK_ALERT_RAISED")
        assert (raised["stockAlert"]["type"], raised["stockAlert"]["priority"]) == (
            "OUT_OF_STOCK",
            "URGENT",
        )
        assert raised["stockAlert"]["store"]["name"]
        assert raised["stockAlerts"] is None
        cursor = subscription.messages[-1]["cursor"]
    key = parse_id(StockAlert, raised["stockAlert"]["id"])
    await snooze_and_acknowledge(stock_clerk, own_city, key)
    await set_on_hand(container, own_city, 1, 40)
    await check_all_levels(container.database)
    async with subscribe(stock_clerk, NAME, after=cursor, **near_store(own_city)) as subscription:
        types = [(await subscription.next_message())["type"] for _ in range(3)]
    assert types == ["STOCK_ALERT_SNOOZED", "STOCK_ALERT_ACKNOWLEDGED", "STOCK_ALERT_RESOLVED"]
    assert {message["kind"] for message in subscription.messages} == {"EVENT"}
    assert [message["stockAlert"]["status"] for message in subscription.messages][-1] == "RESOLVED"


async def snooze_and_acknowledge(who: ActorClient, city: City, alert_id: UUID) -> None:
    """Snooze an alert, then acknowledge it."""
    scope, until = who.actor.scope(), datetime.now(UTC) + timedelta(hours=1)
    company_scope = scope.with_company(city.company.id)
    async with who.container.database.write(company_scope, ORIGIN) as session:
        await stock_alerts.snooze(session, actor=who.actor, alert_id=alert_id, until=until)
    async with who.container.database.write(company_scope, ORIGIN) as session:
        await stock_alerts.acknowledge(session, actor=who.actor, alert_id=alert_id)


async def test_a_company_admin_receives_the_alerts_of_all_own_stores(
    container: Container, own_city: City, super_admin: ActorClient
) -> None:
    owner = await create_client(container, "Owner", Grant(Role.COMPANY_ADMIN, own_city.company.id))
    company = {"companyId": encode_id(Company, own_city.company.id)}
    async with (
        subscribe(owner, NAME, **company) as subscription,
        subscribe(super_admin, NAME) as platform,
    ):
        assert (await subscription.next_message())["stockAlerts"] == []
        assert (
            await platform.final_error_code() == "INVALID_INPUT"
        )  # platform staff have to name the stores
        await set_on_hand(container, own_city, 3, 0)
        await check_all_levels(container.database)
        assert (await subscription.next_of_type("STOCK_ALERT_RAISED"))["stockAlert"]["units"] == 0


async def test_alerts_of_another_store_are_not_found(
    own_city: City,
    stock_clerk: ActorClient,
    picker: ActorClient,
    other_company_admin: ActorClient,
    customer: ActorClient,
) -> None:
    for who in (picker, other_company_admin):
        async with subscribe(who, NAME, **near_store(own_city)) as subscription:
            assert await subscription.final_error_code() == "NOT_FOUND"
    async with subscribe(
        stock_clerk, NAME, companyId=encode_id(Company, own_city.company.id)
    ) as subscription:
        assert (
            await subscription.final_error_code() == "NOT_FOUND"
        )  # staff of one store do not see all stores
    async with subscribe(customer, NAME, **near_store(own_city)) as subscription:
        assert await subscription.final_error_code() == "FORBIDDEN"
    async with subscribe(
        stock_clerk, NAME, after="nonsense", **near_store(own_city)
    ) as subscription:
        assert await subscription.final_error_code() == "INVALID_INPUT"
