"""Stock alerts: raised once for a cause, seen to by people, resolved when the cause is gone."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs import alerts
from models.alerts import AlertKind, StockAlert
from models.events import Event
from models.identity import Actor, Grant, Role
from models.stock import Stock, StockEntry, StockReason
from services.alerts.detection import watch
from services.events.event_log import alert_stream
from services.stock import movements, receiving
from services.stock.receiving import Received
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, id_of, operation

LIST, ACKNOWLEDGE = operation("stock_alerts"), operation("alert_acknowledge")
SNOOZE, POINT = operation("alert_snooze"), operation("stock_reorder_point_set")


async def shelve(database: Database, city: City, index: int, on_hand: int, held: int = 0) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
        here = (Stock.store_id == city.near.id) & (Stock.product_id == city.products[index].id)
        await session.execute(update(Stock).where(here).values(on_hand=on_hand, held=held))


async def look(ask: Asking, actor: Actor, **where: Any) -> list[dict[str, Any]]:
    told = await ask(LIST, where, actor)
    assert not told.errors, told.errors
    nodes: list[dict[str, Any]] = told.data["stockAlerts"]["nodes"]
    return nodes


def brief(nodes: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    return [(one["kind"], one["priority"], one["units"], one["threshold"]) for one in nodes]


async def told(database: Database, city: City) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == alert_stream(city.near.id))
        return list(await session.scalars(rows.order_by(Event.seq)))


async def test_what_is_low_or_gone_is_raised_once_and_resolved_by_itself(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    here = {"storeId": id_of(city.near)}
    for index, (on_hand, held) in enumerate([(5, 0), (9, 7), (6, 0), (4, 4)]):
        await shelve(database, city, index, on_hand, held)
    for _ in range(2):
        await alerts.watch_shelves(database)
        assert brief(await look(ask, staff, **here)) == [
            ("OUT_OF_STOCK", "URGENT", 0, 5),
            ("LOW", "HIGH", 2, 5),
            ("LOW", "NORMAL", 5, 5),
        ]
    await shelve(database, city, 0, 4)
    await shelve(database, city, 1, 0)
    await shelve(database, city, 3, 50)
    await alerts.watch_shelves(database)
    assert brief(await look(ask, staff, **here)) == [
        ("OUT_OF_STOCK", "URGENT", 0, 5),
        ("LOW", "NORMAL", 4, 5),
    ]
    over = await look(ask, staff, **here, statuses=["RESOLVED"])
    assert sorted(one["product"]["name"] for one in over) == sorted(
        city.products[index].name for index in (1, 3)
    )
    only = await look(ask, staff, **here, kinds=["LOW"])
    assert [one["kind"] for one in only] == ["LOW"]
    seen = await told(database, city)
    assert seen.count("STOCK_ALERT_RAISED") == 4
    assert seen.count("STOCK_ALERT_RESOLVED") == 2


async def test_a_product_goes_by_its_own_reorder_point_or_by_its_stores(
    ask: Asking, city: City, manager: Actor, staff: Actor, database: Database
) -> None:
    here = {"storeId": id_of(city.near)}
    own = {**here, "productId": id_of(city.products[0])}

    async def point(**given: Any) -> Any:
        answer = await ask(POINT, {"input": given}, manager)
        return answer.data["stockReorderPointSet"]

    assert (await point(**own, units=50))["reorderPoint"]["units"] == 50
    await alerts.watch_shelves(database)
    assert brief(await look(ask, staff, **here)) == [("LOW", "NORMAL", 50, 50)]
    assert (await point(**here, units=60))["reorderPoint"]["productId"] is None
    await alerts.watch_shelves(database)
    assert len(await look(ask, staff, **here)) == 12
    await point(**here, units=0)
    assert (await point(**own, units=None))["reorderPoint"]["units"] == 0
    await alerts.watch_shelves(database)
    assert await look(ask, staff, **here) == []
    for given in ({"units": -1}, {"units": 100_001}, {"units": None}):
        [error] = (await point(**here, **given))["errors"]
        assert (error["__typename"], error["path"]) == ("InvalidInput", ["input", "units"])
    assert (await ask(POINT, {"input": {**here, "units": 3}}, staff)).codes == ["FORBIDDEN"]


async def test_people_take_alerts_on_or_put_them_off(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    await shelve(database, city, 0, 0)
    await alerts.watch_shelves(database)
    here = {"storeId": id_of(city.near)}
    [found] = await look(ask, staff, **here)
    named = {"alertId": found["id"]}
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    for until in (soon - timedelta(hours=1), soon + timedelta(days=31)):
        bad = {"input": {**named, "until": until.isoformat()}}
        [error] = (await ask(SNOOZE, bad, staff)).data["alertSnooze"]["errors"]
        assert error["path"] == ["input", "until"]
    given = {"input": {**named, "until": soon.isoformat()}}
    answer = (await ask(SNOOZE, given, staff)).data["alertSnooze"]["alert"]
    assert answer["status"] == "SNOOZED"
    await alerts.watch_shelves(database)
    assert [one["status"] for one in await look(ask, staff, **here)] == ["SNOOZED"]
    await asyncio.sleep(0.5)
    await alerts.watch_shelves(database)
    assert [one["status"] for one in await look(ask, staff, **here)] == ["OPEN"]
    both = await asyncio.gather(*(ask(ACKNOWLEDGE, {"input": named}, staff) for _ in range(2)))
    answers = [one.data["alertAcknowledge"] for one in both]
    [done] = [one["alert"] for one in answers if one["alert"]]
    assert done["acknowledgedById"].startswith("per_")
    assert done["availableActions"] == ["SNOOZE"]
    [refused] = [one["errors"][0]["__typename"] for one in answers if one["errors"]]
    assert refused == "IllegalStep"
    assert await told(database, city) == [
        "STOCK_ALERT_RAISED", "STOCK_ALERT_SNOOZED", "STOCK_ALERT_WOKEN",
        "STOCK_ALERT_ACKNOWLEDGED",
    ]  # fmt: skip


async def test_sales_that_fall_against_their_weekdays_are_told(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    weekly = [2, 2, 2, 2, 2, 9, 9]  # a weekend as always is no trend
    factors = {0: 1.0, 1: 0.3, 2: 1.5, 3: 0.0}
    async with database.write(PLATFORM, Origin("test")) as session:
        for index, factor in factors.items():
            for age in range(1, 29):
                units = round(weekly[age % 7] * (factor if age <= 7 else 1))
                if units:
                    session.add(_sale(city, index, units, age))
        session.add(_sale(city, 4, 1, 9))
    await alerts.watch_sales(database)
    found = await look(ask, staff, storeId=id_of(city.near), kinds=["NEGATIVE_TREND"])
    assert sorted((one["product"]["name"], one["units"], one["threshold"]) for one in found) == (
        sorted([(city.products[1].name, 11, 28), (city.products[3].name, 0, 28)])
    )
    assert {one["priority"] for one in found} == {"MINOR"}


def _sale(city: City, index: int, units: int, age: int) -> StockEntry:
    return StockEntry(
        company_id=city.company.id, store_id=city.near.id, product_id=city.products[index].id,
        delta=-units, reason=StockReason.SALE, at=datetime.now(UTC) - timedelta(days=age),
    )  # fmt: skip


async def test_batches_that_expire_soon_are_told_until_they_are_gone(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    today = datetime.now(ZoneInfo("Europe/Lisbon")).date()
    where: Any = {"company_id": city.company.id, "store_id": city.near.id}
    why: Any = {"reason": StockReason.RECEIPT, "reference": "van", "actor_id": None}
    batches = [(0, 4, 1), (0, 3, 3), (1, 5, 3), (2, 6, 4)]
    lines = [
        Received(city.products[index].id, units, f"B{days}", today + timedelta(days=days))
        for index, units, days in batches
    ]
    async with database.write(PLATFORM, Origin("test")) as session:
        await receiving.receive(session, **where, lines=lines, **why)
    await alerts.watch_dates(database)
    found = await look(ask, staff, storeId=id_of(city.near), kinds=["EXPIRING"])
    assert brief(found) == [("EXPIRING", "HIGH", 7, 1), ("EXPIRING", "NORMAL", 5, 3)]
    async with database.write(PLATFORM, Origin("test")) as session:
        gone: Any = {"lines": {city.products[1].id: 55}, **why, "reason": StockReason.WASTE}
        await movements.ship(session, **where, **gone)
    await alerts.watch_dates(database)
    found = await look(ask, staff, storeId=id_of(city.near), kinds=["EXPIRING"])
    assert brief(found) == [("EXPIRING", "HIGH", 7, 1)]


async def test_a_kind_takes_one_statement_however_many_products(
    city: City, database: Database
) -> None:
    counts = []
    for changed in (1, 12):
        for index in range(changed):
            await shelve(database, city, index, changed % 3)
        for kind in AlertKind:
            sent: list[str] = []
            async with database.write(PLATFORM, Origin("test")) as session:
                counting: Any = session
                counting.heard = sent.append
                await watch(session, kind)
                counts.append(len(sent))
    assert set(counts) == {1}


async def test_alerts_of_others_are_not_found(
    ask: Asking, city: City, staff: Actor, owner: Actor, stranger: Actor, buyer: Actor,
    database: Database,
) -> None:  # fmt: skip
    await shelve(database, city, 0, 0)
    await alerts.watch_shelves(database)
    [found] = await look(ask, staff, storeId=id_of(city.near))
    company = {"companyId": id_of(city.company)}
    assert [one["id"] for one in await look(ask, owner, **company)] == [found["id"]]
    [boss] = await people(database, 1, Grant(Role.SUPER_ADMIN))
    assert found["id"] in [one["id"] for one in await look(ask, boss, **company)]
    assert (await ask(LIST, {"kinds": ["LOW"]}, boss)).errors == []
    assert (await ask(LIST, {}, owner)).codes == ["INVALID_INPUT"]
    for actor in (stranger, staff):
        assert (await ask(LIST, company, actor)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, {"storeId": id_of(city.near)}, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, {"storeId": id_of(city.next)}, staff)).codes == ["NOT_FOUND"]
    assert (await ask(LIST, company, buyer)).codes == ["FORBIDDEN"]
    given = {"input": {"alertId": found["id"]}}
    [error] = (await ask(ACKNOWLEDGE, given, stranger)).data["alertAcknowledge"]["errors"]
    assert error["__typename"] == "NotFound"


async def test_pages_of_alerts_go_on_where_they_ended(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    for index in range(6):
        await shelve(database, city, index, index % 3)
    await alerts.watch_shelves(database)
    document = LIST.replace("first: 20", "first: 2")
    seen: list[str] = []
    after = None
    for _ in range(3):
        given = {"storeId": id_of(city.near), "after": after}
        found = (await ask(document, given, staff)).data["stockAlerts"]
        seen += [one["id"] for one in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
    everything = await look(ask, staff, storeId=id_of(city.near))
    assert seen == [one["id"] for one in everything]
    async with database.read(PLATFORM) as session:
        rows = select(StockAlert.id).where(StockAlert.store_id == city.near.id)
        assert all(one.version == 7 for one in await session.scalars(rows))
