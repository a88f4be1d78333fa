"""Counter sales of a store whose business day goes on after midnight."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.counter_sales import PosSale
from models.identity import Actor
from models.ids import decode_id
from models.stock import BatchStatus, StockBatch, StockMovementReason
from models.stores import Store
from services.operations import documents
from services.stock import receiving
from services.stock.receiving import StockReceiptLine
from tests.resolvers.counter_sales.test_counter_sales import DAY, VOID, basket, sell
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, public_id
from tests.support.paid_orders import unexplained_stock
from tests.support.store_staff import on_hand

WEST = "Pacific/Pago_Pago"
DESK = "query ($id: ID!) { store(id: $id) { desk { version } } }"
UPDATE = """mutation ($input: StoreUpdateInput!) { storeUpdate(input: $input) {
  errors { __typename } } }"""


async def after_midnight(database: Database, city: City) -> date:
    """Place the store in a time zone in which it is between midnight and noon; today's date there.

    Its business day of yesterday ends at noon.
    """
    zone = next(
        name for name in ("Etc/GMT", "Etc/GMT+12", "Etc/GMT+6", "Etc/GMT-6")
        if 1 <= datetime.now(ZoneInfo(name)).hour < 11
    )  # fmt: skip
    start = {"timezone": zone, "business_day_start": time(12)}
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(update(Store).where(Store.id == city.near.id).values(**start))
    return datetime.now(ZoneInfo(zone)).date()


async def test_sales_after_midnight_belong_to_the_business_day_before(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor, database: Database
) -> None:
    """A night store counted its drawer on two days, and couldn't undo a sale of the evening."""
    today = await after_midnight(database, city)
    sale = (await sell(ask, staff, basket(city, {"product": {"scannedCode": "P001"}})))["posSale"]
    yesterday = today - timedelta(days=1)
    assert sale["businessDay"] == yesterday.isoformat()
    day = (await ask(DAY, {"storeId": public_id(city.near)}, staff)).data["posDayReport"]
    assert (day["day"], day["saleCount"]) == (yesterday.isoformat(), 1)
    undo = {"input": {"posSaleId": sale["id"], "note": "Brought back."}}
    assert not (await ask(VOID, undo, manager)).data["posSaleVoid"]["errors"]


async def test_a_void_after_midnight_sets_units_aside_whose_last_day_is_over(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor, database: Database
) -> None:
    """Sold at 23:50 on its last day and brought back at 00:30, on the same business day: the void
    was refused because that day is over. The customer gets the money, nobody else gets the units.
    """
    today = await after_midnight(database, city)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id,
            lines=[StockReceiptLine(city.products[0].id, 5, "B1", today)],
            reason=StockMovementReason.RECEIPT, reference="van", actor_id=None,
        )  # fmt: skip
    sale = (
        await sell(ask, staff, basket(city, {"product": {"scannedCode": "P001"}, "quantity": 2}))
    )["posSale"]
    yesterday = today - timedelta(days=1)
    async with database.write(PLATFORM, AuditContext("test")) as session:
        batch = update(StockBatch).where(StockBatch.store_id == city.near.id)
        await session.execute(batch.values(sell_by_date=yesterday))
        row = await session.get_one(PosSale, decode_id(PosSale, sale["id"]))
        [share] = row.shares["shipped"]
        row.shares = {"shipped": [{**share, "sell_by_date": yesterday.isoformat()}]}
    undo = {"input": {"posSaleId": sale["id"], "note": "Brought back."}}
    payload = (await ask(VOID, undo, manager)).data["posSaleVoid"]
    assert payload["errors"] == []
    assert payload["posSale"]["status"] == "VOIDED"
    async with database.read(PLATFORM) as session:
        rows = select(StockBatch).where(StockBatch.store_id == city.near.id)
        expired = (await session.scalars(rows)).one()
    assert (expired.status, expired.on_hand, expired.unsellable) == (BatchStatus.EXPIRED, 0, 5)
    assert await on_hand(database, city.near, city, 0) == 50
    assert await unexplained_stock(database, city) == []


async def test_a_new_beginning_of_days_changes_no_day_that_has_begun(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor, database: Database
) -> None:
    """The manager sets the beginning to midnight, back to noon, then a zone in the west: "today"
    was another day, whose drawer was counted, and the first sale could not be undone any more.
    """
    await after_midnight(database, city)
    first = (await sell(ask, staff, basket(city, {"product": {"scannedCode": "P001"}})))["posSale"]
    receipt = await read_receipt_time(database, manager, first["id"])
    for days in ({"businessDayStart": "00:00"}, {"businessDayStart": "12:00"}, {"timezone": WEST}):
        desk = (await ask(DESK, {"id": public_id(city.near)}, manager)).data["store"]["desk"]
        change = {"storeId": public_id(city.near), "expectedVersion": desk["version"], **days}
        assert not (await ask(UPDATE, {"input": change}, manager)).data["storeUpdate"]["errors"]
        sale = (await sell(ask, staff, basket(city, {"product": {"scannedCode": "P001"}})))[
            "posSale"
        ]
        assert sale["businessDay"] == first["businessDay"]
    day = (await ask(DAY, {"storeId": public_id(city.near)}, staff)).data["posDayReport"]
    assert (day["day"], day["saleCount"]) == (first["businessDay"], 4)
    assert await read_receipt_time(database, manager, first["id"]) == receipt
    undo = {"input": {"posSaleId": first["id"], "note": "Brought back."}}
    assert not (await ask(VOID, undo, manager)).data["posSaleVoid"]["errors"]


async def read_receipt_time(database: Database, actor: Actor, sale: str) -> str:
    """The time that the receipt prints."""
    key = decode_id(PosSale, sale)
    assert key is not None
    async with database.read(PLATFORM) as session:
        receipt = await documents.read_receipt(session, actor=actor, counter_sale_id=key)
    return receipt.at.isoformat()
