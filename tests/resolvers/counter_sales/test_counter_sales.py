"""Sales over the counter: the store's prices, the store's shelf, and receipts without gaps."""

import asyncio
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database, Origin
from models.counter_sales import CounterSale
from models.identity import Actor
from models.ids import decode
from models.stock import Stock, StockBatch, StockEntry, StockReason
from services.stock import receiving
from services.stock.receiving import Received
from tests.support.city import City
from tests.support.graph_queries import Asking, id_of, operation
from tests.support.paid_orders import unexplained
from tests.support.store_staff import on_hand

SELL, VOID = operation("counter_sale_complete"), operation("counter_sale_void")
LIST, DAY = operation("counter_sales"), operation("counter_day")


def basket(city: City, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"storeId": id_of(city.near), "lines": list(lines), "tender": "CASH"}
    return {"input": {**given, "cashReceivedMinor": 100_000, **more}}


async def sell(ask: Asking, actor: Actor, given: dict[str, Any]) -> Any:
    told = await ask(SELL, given, actor)
    assert not told.errors, told.errors
    return told.data["counterSaleComplete"]


async def refusals(ask: Asking, actor: Actor, given: dict[str, Any]) -> list[tuple[str, str]]:
    answer = await sell(ask, actor, given)
    assert answer["sale"] is None
    return [(one["__typename"], ".".join(one["path"][1:])) for one in answer["errors"]]


async def test_a_sale_is_priced_by_the_store_and_leaves_its_shelf(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    lines = (
        {"code": city.products[0].barcode, "quantity": 2},
        {"code": "P002"},
        {"productId": id_of(city.products[2]), "quantity": 1},
        {"code": city.products[0].barcode, "quantity": 1},
    )
    sale = (await sell(ask, staff, basket(city, *lines, cashReceivedMinor=2000)))["sale"]
    assert [(one["name"], one["quantity"], one["total"]["minor"]) for one in sale["lines"]] == [
        (city.products[0].name, 3, 597), (city.products[1].name, 1, 299),
        (city.products[2].name, 1, 399),
    ]  # fmt: skip
    assert (sale["total"]["minor"], sale["change"]["minor"]) == (1295, 705)
    assert (sale["number"], sale["status"], sale["availableActions"]) == (1, "COMPLETED", [])
    assert [await on_hand(database, city.near, city, n) for n in range(4)] == [47, 49, 49, 50]
    key = decode(CounterSale, sale["id"])
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(select(StockEntry).where(StockEntry.reference == str(key)))
        booked = {row.product_id: (row.delta, row.reason, row.actor_id) for row in rows}
    who = (StockReason.COUNTER_SALE, staff.person_id)
    assert booked == {
        product.id: (delta, *who)
        for product, delta in zip(city.products, (-3, -1, -1), strict=False)
    }
    assert await unexplained(database, city) == []


async def test_a_card_is_taken_by_the_terminal(ask: Asking, city: City, staff: Actor) -> None:
    card = {"tender": "CARD", "cashReceivedMinor": None}
    paid = basket(city, {"code": "P001"}, **card, terminalReference=" T-17 ")
    sale = (await sell(ask, staff, paid))["sale"]
    assert (sale["terminalReference"], sale["cashReceived"]) == ("T-17", None)
    assert sale["change"]["minor"] == 0


async def test_what_cannot_be_sold_is_refused_by_line(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    milk = {"code": "P001"}
    card = {"tender": "CARD"}
    cases: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        (basket(city), [("InvalidInput", "lines")]),
        (basket(city, *[milk] * 101), [("InvalidInput", "lines")]),
        (basket(city, milk, {"code": "nope"}), [("UnknownCode", "lines.1.code")]),
        (basket(city, {"code": "a\0b"}), [("UnknownCode", "lines.0.code")]),
        (
            basket(city, {"productId": id_of(city.second.products[0])}, {"code": "?"}),
            [("UnknownCode", "lines.0.productId"), ("UnknownCode", "lines.1.code")],
        ),
        (basket(city, {"productId": "x"}), [("NotFound", "lines.0.productId")]),
        (basket(city, {}), [("InvalidInput", "lines.0")]),
        (basket(city, {**milk, "quantity": 0}), [("InvalidInput", "lines.0.quantity")]),
        (basket(city, {**milk, "quantity": -3}), [("InvalidInput", "lines.0.quantity")]),
        (basket(city, {**milk, "quantity": 1000}), [("InvalidInput", "lines.0.quantity")]),
        (
            basket(city, {"code": "P003"}, {**milk, "quantity": 40}, {**milk, "quantity": 11}),
            [("InsufficientStock", "lines.1.quantity")],
        ),
        (basket(city, milk, cashReceivedMinor=198), [("InvalidInput", "cashReceivedMinor")]),
        (basket(city, milk, cashReceivedMinor=None), [("InvalidInput", "cashReceivedMinor")]),
        (basket(city, milk, terminalReference="x"), [("InvalidInput", "terminalReference")]),
        (basket(city, milk, **card), [("InvalidInput", "cashReceivedMinor")]),
        (
            basket(city, milk, **card, cashReceivedMinor=None),
            [("InvalidInput", "terminalReference")],
        ),
    ]
    for given, expected in cases:
        assert await refusals(ask, staff, given) == expected, given
    fraction = await ask(SELL, basket(city, {**milk, "quantity": 1.5}), staff)
    assert fraction.errors
    assert await on_hand(database, city.near, city, 0) == 50
    first = (await sell(ask, staff, basket(city, milk)))["sale"]
    assert first["number"] == 1


async def test_what_is_promised_to_orders_is_not_for_sale(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, Origin("test")) as session:
        here = (Stock.store_id == city.near.id) & (Stock.product_id == city.products[0].id)
        await session.execute(update(Stock).where(here).values(held=49))
    given = basket(city, {"code": "P001", "quantity": 2})
    [error] = (await sell(ask, staff, given))["errors"]
    assert (error["__typename"], error["available"]) == ("InsufficientStock", 1)


async def test_a_rush_sells_what_is_there_with_numbers_in_line(
    ask: Asking, city: City, staff: Actor, database: Database
) -> None:
    given = basket(city, {"code": "P001", "quantity": 9}, {"code": "P002"})
    answers = await asyncio.gather(*(sell(ask, staff, given) for _ in range(8)))
    numbers = sorted(one["sale"]["number"] for one in answers if one["sale"])
    assert numbers == [1, 2, 3, 4, 5]
    assert await on_hand(database, city.near, city, 0) == 5
    assert await unexplained(database, city) == []


async def test_one_key_sells_once(ask: Asking, city: City, staff: Actor) -> None:
    given = basket(city, {"code": "P001"})
    ids = [
        (await ask(SELL, given, staff, idempotency_key="till-1")).data["counterSaleComplete"][
            "sale"
        ]["number"]
        for _ in range(2)
    ]
    assert ids == [1, 1]


async def test_a_void_brings_units_back_into_their_batch_once_and_on_the_day_only(
    ask: Asking, city: City, staff: Actor, manager: Actor, database: Database
) -> None:
    good = date.today() + timedelta(days=30)  # noqa: DTZ011 - any day ahead will do
    async with database.write(PLATFORM, Origin("test")) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id,
            lines=[Received(city.products[0].id, 5, "B1", good)], reason=StockReason.RECEIPT,
            reference="van", actor_id=None,
        )  # fmt: skip
    given = basket(city, {"code": "P001", "quantity": 7})
    sale = (await sell(ask, staff, given))["sale"]
    assert await batch_units(database, city) == 0
    undo = {"input": {"counterSaleId": sale["id"], "note": "Brought back."}}
    assert (await ask(VOID, undo, staff)).codes == ["FORBIDDEN"]
    both = await asyncio.gather(*(ask(VOID, undo, manager) for _ in range(2)))
    answers = [one.data["counterSaleVoid"] for one in both]
    assert sorted(bool(one["sale"]) for one in answers) == [False, True]
    [error] = [one["errors"][0] for one in answers if one["errors"]]
    assert (error["__typename"], error["state"]) == ("IllegalStep", "VOIDED")
    assert await batch_units(database, city) == 5
    assert await on_hand(database, city.near, city, 0) == 55
    assert await unexplained(database, city) == []
    old = (await sell(ask, staff, basket(city, {"code": "P002"})))["sale"]["id"]
    async with database.write(PLATFORM, Origin("test")) as session:
        row = CounterSale.id == decode(CounterSale, old)
        yesterday = {"business_day": CounterSale.business_day - 1}
        await session.execute(update(CounterSale).where(row).values(**yesterday))
    late = {"input": {"counterSaleId": old, "note": "Too late."}}
    [error] = (await ask(VOID, late, manager)).data["counterSaleVoid"]["errors"]
    assert (error["__typename"], error["legal"]) == ("IllegalStep", [])
    [error] = (await ask(VOID, {"input": {**late["input"], "note": " "}}, manager)).data[
        "counterSaleVoid"
    ]["errors"]
    assert error["path"] == ["input", "note"]


async def batch_units(database: Database, city: City) -> int:
    async with database.read(PLATFORM) as session:
        rows = select(StockBatch.on_hand).where(StockBatch.store_id == city.near.id)
        return (await session.scalars(rows)).one()


async def test_a_day_counts_cash_and_card_and_no_voided_sale(
    ask: Asking, city: City, staff: Actor, manager: Actor
) -> None:
    card = {"tender": "CARD", "cashReceivedMinor": None, "terminalReference": "T"}
    await sell(ask, staff, basket(city, {"code": "P001"}))
    await sell(ask, staff, basket(city, {"code": "P002"}, **card))
    gone = (await sell(ask, staff, basket(city, {"code": "P003"})))["sale"]["id"]
    undo = {"input": {"counterSaleId": gone, "note": "Wrong one."}}
    assert not (await ask(VOID, undo, manager)).data["counterSaleVoid"]["errors"]
    here = {"storeId": id_of(city.near)}
    day = (await ask(DAY, here, staff)).data["counterDay"]
    assert (day["saleCount"], day["voidedCount"]) == (2, 1)
    assert [day[name]["minor"] for name in ("cash", "card", "total", "tax")] == [199, 299, 498, 28]
    empty = (await ask(DAY, {**here, "day": "2020-01-01"}, staff)).data["counterDay"]
    assert (empty["saleCount"], empty["total"]["minor"]) == (0, 0)
    listed = (await ask(LIST, here, staff)).data["counterSales"]["nodes"]
    assert [one["number"] for one in listed] == [3, 2, 1]


async def test_the_counter_of_others_is_not_found(
    ask: Asking, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    milk = basket(city, {"code": "P001"})
    assert await refusals(ask, stranger, milk) == [("NotFound", "storeId")]
    elsewhere = basket(city, {"code": "P001"}, storeId=id_of(city.next))
    assert await refusals(ask, staff, elsewhere) == [("NotFound", "storeId")]
    assert (await ask(SELL, milk, buyer)).codes == ["FORBIDDEN"]
    sale = (await sell(ask, staff, milk))["sale"]["id"]
    undo = {"input": {"counterSaleId": sale, "note": "x"}}
    [error] = (await ask(VOID, undo, stranger)).data["counterSaleVoid"]["errors"]
    assert error["__typename"] == "NotFound"
    for document in (LIST, DAY):
        assert (await ask(document, {"storeId": id_of(city.near)}, stranger)).codes == ["NOT_FOUND"]
