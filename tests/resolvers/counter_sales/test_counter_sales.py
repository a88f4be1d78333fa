"""Counter sales: prices and stock of the store, receipt numbers without gaps, voids."""

import asyncio
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.counter_sales import CounterSale
from models.identity import Actor
from models.ids import decode_id
from models.operations import AuditEntry
from models.stock import Stock, StockBatch, StockEntry, StockReason
from services.stock import receiving
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.paid_orders import unexplained_stock
from tests.support.store_staff import on_hand

SELL, VOID = operation("counter_sale_complete"), operation("counter_sale_void")
LIST, DAY = operation("counter_sales"), operation("counter_day")


def basket(city: City, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    variables = {"storeId": public_id(city.near), "lines": list(lines), "tender": "CASH"}
    return {"input": {**variables, "cashReceivedMinor": 100_000, **more}}


async def sell(ask: GraphRunner, actor: Actor, variables: dict[str, Any]) -> Any:
    answer = await ask(SELL, variables, actor)
    assert not answer.errors, answer.errors
    return answer.data["counterSaleComplete"]


async def expect_errors(
    ask: GraphRunner, actor: Actor, variables: dict[str, Any]
) -> list[tuple[str, str]]:
    answer = await sell(ask, actor, variables)
    assert answer["sale"] is None
    return [(one["__typename"], ".".join(one["path"][1:])) for one in answer["errors"]]


async def test_a_sale_uses_the_stores_prices_and_stock(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    lines = (
        {"code": city.products[0].barcode, "quantity": 2},
        {"code": "P002"},
        {"productId": public_id(city.products[2]), "quantity": 1},
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
    key = decode_id(CounterSale, sale["id"])
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(select(StockEntry).where(StockEntry.reference == str(key)))
        entries = {row.product_id: (row.delta, row.reason, row.actor_id) for row in rows}
    who = (StockReason.COUNTER_SALE, staff.person_id)
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
    lines = [{"code": "\u200e\uff30001\u200b"}, {"code": f"{arabic}\u00a0"}]
    payload = await sell(ask, staff, basket(city, *lines))
    assert payload["errors"] == []
    assert payload["sale"] is not None


async def test_a_card_payment_stores_the_terminals_reference(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    card = {"tender": "CARD", "cashReceivedMinor": None}
    paid = basket(city, {"code": "P001"}, **card, terminalReference=" T-17 ")
    sale = (await sell(ask, staff, paid))["sale"]
    assert (sale["terminalReference"], sale["cashReceived"]) == ("T-17", None)
    assert sale["change"]["minor"] == 0


async def test_invalid_lines_and_payments_are_refused_with_their_paths(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    milk = {"code": "P001"}
    card = {"tender": "CARD"}
    cases: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        (basket(city), [("InvalidInput", "lines")]),
        (basket(city, *[milk] * 101), [("InvalidInput", "lines")]),
        (basket(city, milk, {"code": "nope"}), [("UnknownCode", "lines.1.code")]),
        (basket(city, {"code": "a\x07b"}), [("UnknownCode", "lines.0.code")]),
        (
            basket(city, {"productId": public_id(city.second.products[0])}, {"code": "?"}),
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
    for variables, expected in cases:
        assert await expect_errors(ask, staff, variables) == expected, variables
    fraction = await ask(SELL, basket(city, {**milk, "quantity": 1.5}), staff)
    assert fraction.errors
    assert await on_hand(database, city.near, city, 0) == 50
    first = (await sell(ask, staff, basket(city, milk)))["sale"]
    assert first["number"] == 1


async def test_reserved_units_are_not_for_sale(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    async with database.write(PLATFORM, AuditContext("test")) as session:
        here = (Stock.store_id == city.near.id) & (Stock.product_id == city.products[0].id)
        await session.execute(update(Stock).where(here).values(held=49))
    variables = basket(city, {"code": "P001", "quantity": 2})
    [error] = (await sell(ask, staff, variables))["errors"]
    assert (error["__typename"], error["available"]) == ("InsufficientStock", 1)


async def test_concurrent_sales_never_oversell_and_number_receipts_without_gaps(
    ask: GraphRunner, city: City, staff: Actor, database: Database
) -> None:
    variables = basket(city, {"code": "P001", "quantity": 9}, {"code": "P002"})
    answers = await asyncio.gather(*(sell(ask, staff, variables) for _ in range(8)))
    numbers = sorted(one["sale"]["number"] for one in answers if one["sale"])
    assert numbers == [1, 2, 3, 4, 5]
    assert await on_hand(database, city.near, city, 0) == 5
    assert await unexplained_stock(database, city) == []


async def test_equal_requests_with_one_key_sell_once(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    variables = basket(city, {"code": "P001"})
    ids = [
        (await ask(SELL, variables, staff, idempotency_key="till-1")).data["counterSaleComplete"][
            "sale"
        ]["number"]
        for _ in range(2)
    ]
    assert ids == [1, 1]


async def test_a_void_returns_units_to_their_batch_once_and_only_on_the_same_day(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor, database: Database
) -> None:
    expires_on = date.today() + timedelta(days=30)  # noqa: DTZ011 - any future date
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await receiving.receive(
            session, company_id=city.company.id, store_id=city.near.id,
            lines=[StockReceiptLine(city.products[0].id, 5, "B1", expires_on)],
            reason=StockReason.RECEIPT, reference="van", actor_id=None,
        )  # fmt: skip
    variables = basket(city, {"code": "P001", "quantity": 7})
    sale = (await sell(ask, staff, variables))["sale"]
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
    assert await unexplained_stock(database, city) == []
    old = (await sell(ask, staff, basket(city, {"code": "P002"})))["sale"]["id"]
    async with database.write(PLATFORM, AuditContext("test")) as session:
        row = CounterSale.id == decode_id(CounterSale, old)
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


async def test_a_day_report_sums_cash_and_card_without_voided_sales(
    ask: GraphRunner, city: City, staff: Actor, manager: Actor
) -> None:
    card = {"tender": "CARD", "cashReceivedMinor": None, "terminalReference": "T"}
    await sell(ask, staff, basket(city, {"code": "P001"}))
    await sell(ask, staff, basket(city, {"code": "P002"}, **card))
    voided = (await sell(ask, staff, basket(city, {"code": "P003"})))["sale"]["id"]
    undo = {"input": {"counterSaleId": voided, "note": "Wrong one."}}
    assert not (await ask(VOID, undo, manager)).data["counterSaleVoid"]["errors"]
    here = {"storeId": public_id(city.near)}
    day = (await ask(DAY, here, staff)).data["counterDay"]
    assert (day["saleCount"], day["voidedCount"]) == (2, 1)
    assert [day[name]["minor"] for name in ("cash", "card", "total", "tax")] == [199, 299, 498, 28]
    empty = (await ask(DAY, {**here, "day": "2020-01-01"}, staff)).data["counterDay"]
    assert (empty["saleCount"], empty["total"]["minor"]) == (0, 0)
    listed = (await ask(LIST, here, staff)).data["counterSales"]["nodes"]
    assert [one["number"] for one in listed] == [3, 2, 1]


async def test_counters_of_other_stores_are_not_found(
    ask: GraphRunner, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    milk = basket(city, {"code": "P001"})
    assert await expect_errors(ask, stranger, milk) == [("NotFound", "storeId")]
    elsewhere = basket(city, {"code": "P001"}, storeId=public_id(city.next))
    assert await expect_errors(ask, staff, elsewhere) == [("NotFound", "storeId")]
    assert (await ask(SELL, milk, buyer)).codes == ["FORBIDDEN"]
    sale = (await sell(ask, staff, milk))["sale"]["id"]
    undo = {"input": {"counterSaleId": sale, "note": "x"}}
    [error] = (await ask(VOID, undo, stranger)).data["counterSaleVoid"]["errors"]
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
    beer = {"code": "P001"}
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
    sale = (await sell(ask, staff, basket(city, beer, ageCheck=check)))["sale"]
    assert (sale["minimumAge"], sale["ageDocument"]) == (18, "IDENTITY_CARD")
    async with database.read(PLATFORM) as session:
        by_staff = select(AuditEntry).where(AuditEntry.actor_id == staff.person_id)
        entry = (await session.scalars(by_staff.order_by(AuditEntry.id.desc()).limit(1))).one()
    text = str(entry.changes)
    assert "IDENTITY_CARD" in text
    assert "1990" not in text
