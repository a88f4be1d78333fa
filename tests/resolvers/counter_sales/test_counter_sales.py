"""Counter sales: prices and stock of the store, receipt numbers without gaps, voids."""

import asyncio
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.counter_sales import PosSale
from models.identity import Actor
from models.ids import decode_id
from models.operations import AuditEntry
from models.stock import StockBatch, StockLevel, StockMovement, StockMovementReason
from services.stock import receiving
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.paid_orders import unexplained_stock
from tests.support.store_staff import on_hand

SELL, VOID = operation("pos_sale_create"), operation("pos_sale_void")
MILK, BEANS = {"product": {"scannedCode": "P001"}}, {"product": {"scannedCode": "P003"}}
UNKNOWN = "UnknownProductCode"
LIST, DAY = operation("pos_sales"), operation("pos_day_report")


def basket(city: City, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    variables = {"storeId": public_id(city.near), "lines": list(lines), "tenderType": "CASH"}
    return {"input": {**variables, "cashReceivedMinor": 100_000, **more}}


async def sell(ask: GraphRunner, actor: Actor, variables: dict[str, Any]) -> Any:
    answer = await ask(SELL, variables, actor)
    assert not answer.errors, answer.errors
    return answer.data["posSaleCreate"]


async def expect_errors(
    ask: GraphRunner, actor: Actor, variables: dict[str, Any]
) -> list[tuple[str, str]]:
    answer = await sell(ask, actor, variables)
    assert answer["posSale"] is None
    return [(one["__typename"], ".".join(one["path"][1:])) for one in answer["errors"]]


async def test_a_sale_uses_the_stores_prices_and_stock(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    lines = (
        {"product": {"scannedCode": city.products[0].barcode}, "quantity": 2},
        {"product": {"scannedCode": "P002"}},
        {"product": {"productId": public_id(city.products[2])}, "quantity": 1},
        {"product": {"scannedCode": city.products[0].barcode}, "quantity": 1},
    )
    sale = (await sell(ask, staff, basket(city, *lines, cashReceivedMinor=2000)))["posSale"]
    assert [(one["name"], one["quantity"],
    one["total"]["minorUnits"]) for one in sale["lines"]] == [
        (city.products[0].name, 3, 597), (city.products[1].name, 1, 299),
        (city.products[2].name, 1, 399),
    ]  # fmt: skip
    assert (sale["total"]["minorUnits"], sale["change"]["minorUnits"]) == (1295, 705)
    assert (sale["receiptNumber"], sale["status"], sale["availableActions"]) == (1, "COMPLETED", [])
    assert [await on_hand(database, city.near, city, n) for n in range(4)] == [47, 49, 49, 50]
    key = decode_id(PosSale, sale["id"])
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(StockMovement).where(StockMovement.reference == str(key))
        )
        entries = {row.product_id: (row.on_hand_delta, row.reason, row.actor_id) for row in rows}
    who = (StockMovementReason.POS_SALE, staff.person_id)
    assert entries == {
        product.id: (delta, *who)
        for product, delta in zip(city.products, (-3, -1, -1), strict=False)
    }
    assert await unexplained_stock(database, city) == []


async def test_a_code_is_read_however_the_counter_sends_it(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    """A mark in front, a wide letter or digits of another script made a code unknown."""
    barcode = city.products[1].barcode or ""
    arabic = "".join(chr(ord("\u0660") + int(digit)) for digit in barcode)
    lines = [
        {"product": {"scannedCode": "\u200e\uff30001\u200b"}},
        {"product": {"scannedCode": f"{arabic}\u00a0"}},
    ]
    payload = await sell(ask, staff, basket(city, *lines))
    assert payload["errors"] == []
    assert payload["posSale"] is not None


async def test_a_card_payment_stores_the_terminals_reference(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    card = {"tenderType": "CARD", "cashReceivedMinor": None}
    paid = basket(city, {"product": {"scannedCode": "P001"}}, **card, terminalReference=" T-17 ")
    sale = (await sell(ask, staff, paid))["posSale"]
    assert (sale["terminalReference"], sale["cashReceived"]) == ("T-17", None)
    assert sale["change"]["minorUnits"] == 0


async def test_reserved_units_are_not_for_sale(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        here = {"store_id": city.near.id, "product_id": city.products[0].id}
        await session.execute(update(StockLevel).filter_by(**here).values(reserved=49))
    variables = basket(city, {"product": {"scannedCode": "P001"}, "quantity": 2})
    [error] = (await sell(ask, staff, variables))["errors"]
    assert (error["__typename"], error["available"]) == ("InsufficientStock", 1)


async def test_concurrent_sales_never_oversell_and_number_receipts_without_gaps(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    variables = basket(
        city,
        {"product": {"scannedCode": "P001"}, "quantity": 9},
        {"product": {"scannedCode": "P002"}},
    )
    answers = await asyncio.gather(*(sell(ask, staff, variables) for _ in range(8)))
    numbers = sorted(one["posSale"]["receiptNumber"] for one in answers if one["posSale"])
    assert numbers == [1, 2, 3, 4, 5]
    assert await on_hand(database, city.near, city, 0) == 5
    assert await unexplained_stock(database, city) == []


async def test_equal_requests_with_one_key_sell_once(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    variables = basket(city, {"product": {"scannedCode": "P001"}})
    ids = [
        (await ask(SELL, variables, staff, idempotency_key="till-1")).data["posSaleCreate"][
            "posSale"
        ]["receiptNumber"]
        for _ in range(2)
    ]
    assert ids == [1, 1]


async def test_a_void_returns_units_to_their_batch_once_and_only_on_the_same_day(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor, database: Database
) -> None:
    sell_by_date = date.today() + timedelta(days=30)  # noqa: DTZ011 - any future date
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id,
            lines=[StockReceiptLine(city.products[0].id, 5, "B1", sell_by_date)],
            reason=StockMovementReason.RECEIPT, reference="van", actor_id=None,
        )  # fmt: skip
    variables = basket(city, {"product": {"scannedCode": "P001"}, "quantity": 7})
    sale = (await sell(ask, staff, variables))["posSale"]
    assert await batch_units(database, city) == 0
    undo = {"input": {"posSaleId": sale["id"], "note": "Brought back."}}
    assert (await ask(VOID, undo, staff)).codes == ["FORBIDDEN"]
    both = await asyncio.gather(*(ask(VOID, undo, manager) for _ in range(2)))
    answers = [one.data["posSaleVoid"] for one in both]
    assert sorted(bool(one["posSale"]) for one in answers) == [False, True]
    [error] = [one["errors"][0] for one in answers if one["errors"]]
    assert (error["__typename"], error["currentStatus"]) == ("InvalidTransition", "VOIDED")
    assert await batch_units(database, city) == 5
    assert await on_hand(database, city.near, city, 0) == 55
    assert await unexplained_stock(database, city) == []
    old = (await sell(ask, staff, basket(city, {"product": {"scannedCode": "P002"}})))["posSale"][
        "id"
    ]
    async with database.write(PLATFORM, AuditContext("test")) as session:
        row = PosSale.id == decode_id(PosSale, old)
        yesterday = {"business_day": PosSale.business_day - 1}
        await session.execute(update(PosSale).where(row).values(**yesterday))
    late = {"input": {"posSaleId": old, "note": "Too late."}}
    [error] = (await ask(VOID, late, manager)).data["posSaleVoid"]["errors"]
    assert (error["__typename"], error["allowedActions"]) == ("InvalidTransition", [])
    [error] = (await ask(VOID, {"input": {**late["input"], "note": " "}}, manager)).data[
        "posSaleVoid"
    ]["errors"]
    assert error["path"] == ["input", "note"]


async def batch_units(database: Database, city: City) -> int:
    async with database.read(PLATFORM) as session:
        rows = select(StockBatch.on_hand).where(StockBatch.store_id == city.near.id)
        return (await session.scalars(rows)).one()


async def test_a_day_report_sums_cash_and_card_without_voided_sales(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor
) -> None:
    card = {"tenderType": "CARD", "cashReceivedMinor": None, "terminalReference": "T"}
    await sell(ask, staff, basket(city, {"product": {"scannedCode": "P001"}}))
    await sell(ask, staff, basket(city, {"product": {"scannedCode": "P002"}}, **card))
    voided = (await sell(ask, staff, basket(city, {"product": {"scannedCode": "P003"}})))[
        "posSale"
    ]["id"]
    undo = {"input": {"posSaleId": voided, "note": "Wrong one."}}
    assert not (await ask(VOID, undo, manager)).data["posSaleVoid"]["errors"]
    here = {"storeId": public_id(city.near)}
    day = (await ask(DAY, here, staff)).data["posDayReport"]
    assert (day["saleCount"], day["voidedCount"]) == (2, 1)
    sums = [day[name]["minorUnits"] for name in ("cash", "card", "total", "tax")]
    assert sums == [199, 299, 498, 28]
    empty = (await ask(DAY, {**here, "day": "2020-01-01"}, staff)).data["posDayReport"]
    assert (empty["saleCount"], empty["total"]["minorUnits"]) == (0, 0)
    listed = (await ask(LIST, here, staff)).data["posSales"]["nodes"]
    assert [one["receiptNumber"] for one in listed] == [3, 2, 1]


async def test_counters_of_other_stores_are_not_found(
    ask: GraphRunner, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    milk = basket(city, {"product": {"scannedCode": "P001"}})
    assert await expect_errors(ask, stranger, milk) == [("NotFound", "storeId")]
    elsewhere = basket(city, {"product": {"scannedCode": "P001"}}, storeId=public_id(city.next))
    assert await expect_errors(ask, staff, elsewhere) == [("NotFound", "storeId")]
    assert (await ask(SELL, milk, buyer)).codes == ["FORBIDDEN"]
    sale = (await sell(ask, staff, milk))["posSale"]["id"]
    undo = {"input": {"posSaleId": sale, "note": "x"}}
    [error] = (await ask(VOID, undo, stranger)).data["posSaleVoid"]["errors"]
    assert error["__typename"] == "NotFound"
    for document in (LIST, DAY):
        assert (await ask(document, {"storeId": public_id(city.near)}, stranger)).codes == [
            "NOT_FOUND"
        ]


async def test_the_counter_asks_for_a_proof_of_age(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    """The staff scan beer: no sale before they say which document they saw; the audit says who.

    "Too young" looked like "not checked": staff looked for their own mistake and tried again.
    The date of birth decides in the calendar of the store and is kept nowhere.
    """
    async with database.write(PLATFORM, AuditContext("test")) as session:
        (await session.merge(city.products[0], load=True)).age_restricted = True
    beer = {"product": {"scannedCode": "P001"}}
    at = "ageCheck"
    for check, expected in (
        (None, ("AgeConfirmationRequired", at)),
        ({"document": "NONE"}, ("AgeConfirmationRequired", at)),
        ({"document": "PASSPORT", "birthDate": "2020-02-29"}, ("TooYoung", at)),
        ({"document": "PASSPORT", "isOldEnough": False}, ("TooYoung", at)),
        ({"document": "PASSPORT"}, ("InvalidInput", f"{at}.birthDate")),
        ({"document": "PASSPORT", "birthDate": "2200-01-01"}, ("InvalidInput", f"{at}.birthDate")),
        (
            {"document": "PASSPORT", "birthDate": "1990-01-01", "isOldEnough": True},
            ("InvalidInput", f"{at}.isOldEnough"),
        ),
    ):
        assert await expect_errors(ask, staff, basket(city, beer, ageCheck=check)) == [expected]
    check = {"document": "IDENTITY_CARD", "birthDate": "1990-05-17"}
    sale = (await sell(ask, staff, basket(city, beer, ageCheck=check)))["posSale"]
    assert (sale["minimumAge"], sale["ageDocument"]) == (18, "IDENTITY_CARD")
    async with database.read(PLATFORM) as session:
        by_staff = select(AuditEntry).where(AuditEntry.actor_id == staff.person_id)
        entry = (await session.scalars(by_staff.order_by(AuditEntry.id.desc()).limit(1))).one()
    text = str(entry.changes)
    assert "IDENTITY_CARD" in text
    assert "1990-05-17" not in text  # the year alone stands in an id now and then
