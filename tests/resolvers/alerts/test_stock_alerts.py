"""Stock alerts: raised once, acknowledged or snoozed, and resolved automatically."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs import alerts
from models.alerts import StockAlert, StockAlertCheck, StockAlertKind
from models.events import Event
from models.identity import Actor, Grant, Role
from models.stock import StockLevel, StockMovement, StockMovementReason
from models.stores import Store
from services.alerts.detection import detect
from services.events.event_log import alert_stream
from services.stock import movements, receiving
from services.stock.receiving import StockReceiptLine
from services.stock.stock_writer import publish_stock_changed
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.rows.alert_checks import check_all_levels

LIST, ACKNOWLEDGE = operation("stock_alerts"), operation("stock_alert_acknowledge")
SNOOZE, POINT = operation("stock_alert_snooze"), operation("stock_reorder_point_set")


async def check_all_stores(database: Database, check: Callable[[Database], Awaitable[int]]) -> None:
    """Run the check until it has looked at every store: a run takes a limited number of them."""
    async with database.read(PLATFORM) as session:
        stores = await session.scalar(select(func.count()).select_from(Store)) or 0
    for _ in range(1 + stores // 20):
        await check(database)


async def set_stock(
    database: Database, city: City, index: int, on_hand: int, held: int = 0
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        key = {"store_id": city.near.id, "product_id": city.products[index].id}
        row = await session.get_one(StockLevel, key, with_for_update=True)
        row.on_hand, row.reserved = on_hand, held
        await session.flush()
        publish_stock_changed(session, [row])


async def end_snooze(database: Database, city: City) -> None:
    """Let the time pass until which alerts of the store are snoozed."""
    snoozed = (StockAlert.store_id == city.near.id) & StockAlert.snoozed_until.is_not(None)
    past = func.now() - timedelta(seconds=1)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(update(StockAlert).where(snoozed).values(snoozed_until=past))


async def list_alerts(ask: GraphRunner, actor: Actor, **filters: Any) -> list[dict[str, Any]]:
    answer = await ask(LIST, filters, actor)
    assert not answer.errors, answer.errors
    nodes: list[dict[str, Any]] = answer.data["stockAlerts"]["nodes"]
    return nodes


def figures_of(nodes: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    return [
        (alert["type"], alert["priority"], alert["units"], alert["threshold"]) for alert in nodes
    ]


async def event_types(database: Database, city: City) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == alert_stream(city.near.id))
        return list(await session.scalars(rows.order_by(Event.seq)))


async def test_low_and_empty_stock_raises_one_alert_that_is_resolved_automatically(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    store = {"storeId": public_id(city.near)}
    for index, (on_hand, held) in enumerate([(5, 0), (9, 7), (6, 0), (4, 4)]):
        await set_stock(database, city, index, on_hand, held)
    for _ in range(2):
        await check_all_levels(database)
        assert figures_of(await list_alerts(ask, staff, **store)) == [
            ("OUT_OF_STOCK", "URGENT", 0, 5),
            ("LOW_STOCK", "HIGH", 2, 5),
            ("LOW_STOCK", "NORMAL", 5, 5),
        ]
    await set_stock(database, city, 0, 4)
    await set_stock(database, city, 1, 0)
    await set_stock(database, city, 3, 50)
    await check_all_levels(database)
    assert figures_of(await list_alerts(ask, staff, **store)) == [
        ("OUT_OF_STOCK", "URGENT", 0, 5),
        ("LOW_STOCK", "NORMAL", 4, 5),
    ]
    resolved = await list_alerts(ask, staff, **store, statuses=["RESOLVED"])
    assert sorted(alert["product"]["name"] for alert in resolved) == sorted(
        city.products[index].name for index in (1, 3)
    )
    low = await list_alerts(ask, staff, **store, types=["LOW_STOCK"])
    assert [alert["type"] for alert in low] == ["LOW_STOCK"]
    types = await event_types(database, city)
    assert types.count("STOCK_ALERT_RAISED") == 4
    assert types.count("STOCK_ALERT_RESOLVED") == 2


async def test_a_product_has_its_own_reorder_point_or_its_stores(
    ask: GraphRunner, city: City, manager: Actor, staff: Actor, database: Database
) -> None:
    store = {"storeId": public_id(city.near)}
    product = {**store, "productId": public_id(city.products[0])}

    async def set_point(**input: Any) -> Any:
        answer = await ask(POINT, {"input": input}, manager)
        return answer.data["stockReorderPointSet"]

    assert (await set_point(**product, units=50))["reorderPoint"]["units"] == 50
    await check_all_levels(database)
    assert figures_of(await list_alerts(ask, staff, **store)) == [("LOW_STOCK", "NORMAL", 50, 50)]
    assert (await set_point(**store, units=60))["reorderPoint"]["productId"] is None
    await check_all_levels(database)
    assert len(await list_alerts(ask, staff, **store)) == 12
    await set_point(**store, units=0)
    assert (await set_point(**product, units=None))["reorderPoint"]["units"] == 0
    await check_all_levels(database)
    assert await list_alerts(ask, staff, **store) == []
    for invalid in ({"units": -1}, {"units": 100_001}, {"units": None}):
        [error] = (await set_point(**store, **invalid))["errors"]
        assert (error["__typename"], error["path"]) == ("InvalidInput", ["input", "units"])
    assert (await ask(POINT, {"input": {**store, "units": 3}}, staff)).codes == ["FORBIDDEN"]


async def test_alerts_are_acknowledged_and_snoozed(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    await set_stock(database, city, 0, 0)
    await check_all_levels(database)
    store = {"storeId": public_id(city.near)}
    [alert] = await list_alerts(ask, staff, **store)
    key = {"stockAlertId": alert["id"]}
    snoozed_until = datetime.now(UTC) + timedelta(hours=1)
    for until in (snoozed_until - timedelta(hours=2), snoozed_until + timedelta(days=31)):
        invalid = {"input": {**key, "until": until.isoformat()}}
        [error] = (await ask(SNOOZE, invalid, staff)).data["stockAlertSnooze"]["errors"]
        assert error["path"] == ["input", "until"]
    variables = {"input": {**key, "until": snoozed_until.isoformat()}}
    snoozed = (await ask(SNOOZE, variables, staff)).data["stockAlertSnooze"]["stockAlert"]
    assert snoozed["status"] == "SNOOZED"
    await check_all_levels(database)
    assert [each["status"] for each in await list_alerts(ask, staff, **store)] == ["SNOOZED"]
    await end_snooze(database, city)
    await check_all_levels(database)
    assert [each["status"] for each in await list_alerts(ask, staff, **store)] == ["OPEN"]
    responses = await asyncio.gather(*(ask(ACKNOWLEDGE, {"input": key}, staff) for _ in range(2)))
    answers = [each.data["stockAlertAcknowledge"] for each in responses]
    [acknowledged] = [each["stockAlert"] for each in answers if each["stockAlert"]]
    assert acknowledged["acknowledgedById"].startswith("per_")
    assert acknowledged["availableActions"] == ["SNOOZE"]
    [problem] = [each["errors"][0]["__typename"] for each in answers if each["errors"]]
    assert problem == "InvalidTransition"
    assert await event_types(database, city) == [
        "STOCK_ALERT_RAISED", "STOCK_ALERT_SNOOZED", "STOCK_ALERT_WOKEN",
        "STOCK_ALERT_ACKNOWLEDGED",
    ]  # fmt: skip


async def test_a_decline_against_the_same_weekdays_raises_an_alert(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    weekly = [2, 2, 2, 2, 2, 9, 9]  # weekends sell more, as always: no trend
    factors = {0: 1.0, 1: 0.3, 2: 1.5, 3: 0.0}
    async with database.write(PLATFORM, AuditContext("test")) as session:
        for index, factor in factors.items():
            for age in range(1, 29):
                units = round(weekly[age % 7] * (factor if age <= 7 else 1))
                if units:
                    session.add(_sale(city, index, units, age))
        session.add(_sale(city, 4, 1, 9))
    await check_all_stores(database, alerts.check_sales_trends)
    listed = await list_alerts(ask, staff, storeId=public_id(city.near), types=["SALES_DECLINE"])
    assert sorted(
        (alert["product"]["name"], alert["units"], alert["threshold"]) for alert in listed
    ) == (sorted([(city.products[1].name, 11, 28), (city.products[3].name, 0, 28)]))
    assert {alert["priority"] for alert in listed} == {"LOW"}


def _sale(city: City, index: int, units: int, age: int) -> StockMovement:
    return StockMovement(
        company_id=city.company.id, store_id=city.near.id, product_id=city.products[index].id,
        on_hand_delta=-units, reason=StockMovementReason.SALE,
        occurred_at=datetime.now(UTC) - timedelta(days=age),
    )  # fmt: skip


async def test_expiring_batches_have_an_alert_until_they_are_sold(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    today = datetime.now(ZoneInfo("Europe/Lisbon")).date()
    store: Any = {"company_id": city.company.id, "store_id": city.near.id}
    cause: Any = {"reason": StockMovementReason.RECEIPT, "reference": "van", "actor_id": None}
    batches = [(0, 4, 1), (0, 3, 3), (1, 5, 3), (2, 6, 4)]
    lines = [
        StockReceiptLine(city.products[index].id, units, f"B{days}", today + timedelta(days=days))
        for index, units, days in batches
    ]
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await receiving.receive(session, **store, lines=lines, **cause)
    await check_all_stores(database, alerts.check_expiry_dates)
    expiring = await list_alerts(ask, staff, storeId=public_id(city.near), types=["EXPIRING"])
    assert figures_of(expiring) == [("EXPIRING", "HIGH", 7, 1), ("EXPIRING", "NORMAL", 5, 3)]
    async with database.write(PLATFORM, AuditContext("test")) as session:
        issued: Any = {
            "lines": {city.products[1].id: 55},
            **cause,
            "reason": StockMovementReason.WASTE,
        }
        await movements.issue(session, **store, **issued)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        await session.execute(update(StockAlertCheck).values(checked_at=long_ago))
    await check_all_stores(database, alerts.check_expiry_dates)
    expiring = await list_alerts(ask, staff, storeId=public_id(city.near), types=["EXPIRING"])
    assert figures_of(expiring) == [("EXPIRING", "HIGH", 7, 1)]


async def test_detection_of_a_kind_takes_one_statement_for_any_number_of_products(
    city: City, database: Database
) -> None:
    counts = []
    for product_count in (1, 12):
        for index in range(product_count):
            await set_stock(database, city, index, product_count % 3)
        for kind in StockAlertKind:
            statements: list[str] = []
            async with database.write(PLATFORM, AuditContext("test")) as session:
                observed: Any = session
                observed.observer = statements.append
                await detect(session, kind, city.near.id)
                counts.append(len(statements))
    assert set(counts) == {1}


async def test_alerts_of_other_stores_are_not_found(
    ask: GraphRunner, city: City, staff: Actor, owner: Actor, stranger: Actor, buyer: Actor,
    database: Database,
) -> None:  # fmt: skip
    await set_stock(database, city, 0, 0)
    await check_all_levels(database)
    [alert] = await list_alerts(ask, staff, storeId=public_id(city.near))
    company = {"companyId": public_id(city.company)}
    assert [each["id"] for each in await list_alerts(ask, owner, **company)] == [alert["id"]]
    [super_admin] = await create_people(database, 1, Grant(Role.SUPER_ADMIN))
    assert alert["id"] in [each["id"] for each in await list_alerts(ask, super_admin, **company)]
    assert (await ask(LIST, {"types": ["LOW_STOCK"]}, super_admin)).errors == []
    assert (await ask(LIST, {}, owner)).codes == ["INVALID_INPUT"]
    for actor in (stranger, staff):
        assert (await ask(LIST, company, actor)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, {"storeId": public_id(city.near)}, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, {"storeId": public_id(city.next)}, staff)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, company, buyer)).codes == ["FORBIDDEN"]
    variables = {"input": {"stockAlertId": alert["id"]}}
    [error] = (await ask(ACKNOWLEDGE, variables, stranger)).data["stockAlertAcknowledge"]["errors"]
    assert error["__typename"] == "NotFound"


async def test_pages_of_alerts_continue_after_the_cursor(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    for index in range(6):
        await set_stock(database, city, index, index % 3)
    await check_all_levels(database)
    document = LIST.replace("first: 20", "first: 2")
    ids: list[str] = []
    after = None
    for _ in range(3):
        variables = {"storeId": public_id(city.near), "after": after}
        page = (await ask(document, variables, staff)).data["stockAlerts"]
        ids += [alert["id"] for alert in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    alerts_of_store = await list_alerts(ask, staff, storeId=public_id(city.near))
    assert ids == [alert["id"] for alert in alerts_of_store]
    async with database.read(PLATFORM) as session:
        rows = select(StockAlert.id).where(StockAlert.store_id == city.near.id)
        assert all(alert.version == 7 for alert in await session.scalars(rows))
