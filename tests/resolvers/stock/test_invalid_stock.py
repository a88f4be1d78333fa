"""What can't be right about a store's goods, through the graph: named by line, nothing done."""

import asyncio
from typing import Any

import pytest

from database.base import uuid7
from database.sessions import Database
from models.catalog import Product
from models.ids import encode
from models.stores import Store
from services.stock.reservation_decisions import Held
from tests.support import city as cities
from tests.support.graph_queries import id_of
from tests.support.operations.invalid_stock_cases import Stockroom, furnished
from tests.support.paid_orders import unexplained
from workflows.stock.reservation_batcher import Combiner

INVALID, SHORT = "InvalidInput", "InsufficientStock"
BEYOND = 2_000_000_000
EXPIRES = "lines.0.expiresOn"
NOT_WHOLE: list[Any] = [1.5, "3", 2**63, True, [1, 2], {}]
BAD_USER_INPUT = {("BAD_USER_INPUT", "")}
STRANGE: list[Any] = ["", "\0", "prd_", "x" * 5_000, encode(Product, uuid7())]

# Operation, input field, and the whole numbers that nobody can mean by it.
COUNTED: list[tuple[str, str, list[int]]] = [
    ("supplier_save", "leadDays", [-1, BEYOND]),
    ("supplier_save", "reviewDays", [-1, 0, BEYOND]),
    ("supplier_save", "minimumOrderMinor", [-1]),
    ("supplier_save", "overTolerancePercent", [-1, 101]),
    ("supplier_products_set", "products.1.packUnits", [-1, 0, BEYOND]),
    ("supplier_products_set", "products.1.packCostMinor", [-1]),
    ("supplier_products_set", "products.1.leadDays", [-1, BEYOND]),
    ("purchase_order_create", "lines.1.packs", [-1, 0, BEYOND]),
    ("purchase_order_create", "lines.1.packCostMinor", [-1]),
    ("purchase_order_lines_set", "lines.1.packs", [-1, 0, BEYOND]),
    ("purchase_order_receive", "lines.0.quantity", [-1, BEYOND]),
    ("purchase_order_receive", "lines.0.damaged", [-1, BEYOND]),
    ("transfer_request", "lines.1.quantity", [-1, 0, BEYOND]),
    ("transfer_ship", "lines.1.quantity", [-1]),
    ("transfer_receive", "differences.0.received", [-1]),
    ("transfer_receive", "differences.0.damaged", [-1]),
    ("stock_count_line_set", "counted", [-1, BEYOND]),
    ("stock_adjust", "delta", [0, BEYOND]),
    ("stock_set_many", "lines.1.quantity", [-1, BEYOND]),
    ("batch_waste", "quantity", [-1, 0, BEYOND]),
    ("counter_sale_complete", "lines.0.quantity", [-1, 0, BEYOND]),
    ("counter_sale_complete", "lines.0.grams", [-1, 0, 5, BEYOND]),
    ("counter_sale_complete", "cashReceivedMinor", [-1, 0, BEYOND]),
    ("listing_price_schedule", "priceMinor", [-1, 0, BEYOND]),
    ("listing_set_price", "priceMinor", [-1, 0, BEYOND]),
    ("stock_reorder_point_set", "units", [-1, BEYOND]),
]
# Operation, input field, and what is said of a key that names nothing of the company's.
NAMED: list[tuple[str, str, str]] = [
    ("supplier_products_set", "supplierId", "NotFound"),
    ("supplier_products_set", "products.1.productId", "NotFound"),
    ("purchase_order_create", "storeId", "NotFound"),
    ("purchase_order_create", "supplierId", "NotFound"),
    ("purchase_order_create", "lines.1.productId", "NotSupplied"),
    ("purchase_order_lines_set", "purchaseOrderId", "NotFound"),
    ("purchase_order_lines_set", "lines.1.productId", "NotSupplied"),
    ("purchase_order_approve", "purchaseOrderId", "NotFound"),
    ("purchase_order_receive", "purchaseOrderId", "NotFound"),
    ("purchase_order_receive", "lines.0.productId", "NotOrdered"),
    ("transfer_request", "sourceId", "NotFound"),
    ("transfer_request", "destinationId", "NotFound"),
    ("transfer_request", "lines.1.productId", "NotFound"),
    ("transfer_ship", "transferId", "NotFound"),
    ("transfer_ship", "lines.1.productId", "NotFound"),
    ("transfer_receive", "transferId", "NotFound"),
    ("transfer_receive", "differences.0.productId", "NotFound"),
    ("stock_count_start", "storeId", "NotFound"),
    ("stock_count_start", "productIds.0", "NotFound"),
    ("stock_count_line_set", "countId", "NotFound"),
    ("stock_count_line_set", "productId", "NotFound"),
    ("stock_adjust", "storeId", "NotFound"),
    ("stock_adjust", "productId", "NotFound"),
    ("stock_set_many", "storeId", "NotFound"),
    ("stock_set_many", "lines.1.productId", "NotFound"),
    ("batch_waste", "storeId", "NotFound"),
    ("batch_waste", "productId", "NotFound"),
    ("batch_recall", "companyId", "NotFound"),
    ("batch_recall", "productId", "NotFound"),
    ("stock_import_start", "companyId", "NotFound"),
    ("stock_import_start", "uploadId", "NotFound"),
    ("counter_sale_complete", "storeId", "NotFound"),
    ("counter_sale_complete", "lines.0.productId", "UnknownCode"),
    ("counter_sale_void", "counterSaleId", "NotFound"),
    ("listing_price_schedule", "storeId", "NotFound"),
    ("listing_price_schedule", "productId", "NotFound"),
    ("listing_set_availability", "productId", "NotFound"),
    ("stock_reorder_point_set", "storeId", "NotFound"),
    ("stock_reorder_point_set", "productId", "NotFound"),
    ("alert_acknowledge", "alertId", "NotFound"),
    ("alert_snooze", "alertId", "NotFound"),
]
VERSIONED = [
    "supplier_products_set", "purchase_order_lines_set", "purchase_order_approve",
    "purchase_order_receive", "transfer_ship", "transfer_receive", "stock_adjust",
    "listing_set_price", "listing_set_availability", "stock_count_submit",
]  # fmt: skip
# Operation, what is changed in its input, and everything that is said of it.
ODD: list[tuple[str, dict[str, Any], str, str]] = [
    ("supplier_save", {"code": ""}, INVALID, "input.code"),
    ("supplier_save", {"code": "lacto"}, "SupplierCodeTaken", "input.code"),
    ("supplier_save", {"name": "\0"}, INVALID, "input.name"),
    ("supplier_save", {"email": "nobody"}, INVALID, "input.email"),
    ("purchase_order_create", {"lines": []}, INVALID, "input.lines"),
    ("purchase_order_receive", {EXPIRES: "2020-02-29"}, INVALID, f"input.{EXPIRES}"),
    ("purchase_order_receive", {EXPIRES: "2023-02-29"}, "BAD_USER_INPUT", ""),
    ("purchase_order_receive", {"lines.0.quantity": 900}, "OverReceipt", "input.lines.0.quantity"),
    ("transfer_request", {"lines": []}, INVALID, "input.lines"),
    ("transfer_ship", {"lines.1.quantity": 3}, INVALID, "input.lines.1.quantity"),
    ("transfer_receive", {"differences.0.received": 3}, INVALID, "input.differences.0.received"),
    ("transfer_approve", {}, "IllegalStep", "input.transferId"),
    ("stock_count_start", {"productIds": []}, INVALID, "input.productIds"),
    ("stock_adjust", {"delta": -1}, INVALID, "input.reason"),
    ("stock_adjust", {"delta": -1, "reason": "SALE"}, INVALID, "input.reason"),
    ("stock_adjust", {"delta": -1, "reason": "STOLEN"}, "BAD_USER_INPUT", ""),
    ("stock_set_many", {"lines": []}, INVALID, "input.lines"),
    ("batch_waste", {"quantity": 51}, SHORT, "input.quantity"),
    ("batch_recall", {"batchCode": " "}, INVALID, "input.batchCode"),
    ("stock_import_start", {}, "UnreadableFile", "input.uploadId"),
    ("counter_sale_complete", {"lines": []}, INVALID, "input.lines"),
    ("counter_sale_complete", {"lines.0.quantity": 60}, SHORT, "input.lines.0.quantity"),
    ("counter_sale_void", {"note": ""}, INVALID, "input.note"),
    ("listing_price_schedule", {"startsAt": "2020-01-01T00:00:00Z"}, INVALID, "input.startsAt"),
    ("listing_price_schedule", {"endsAt": "2020-01-01T00:00:00Z"}, INVALID, "input.endsAt"),
    ("listing_price_schedule", {"startsAt": "tomorrow"}, "BAD_USER_INPUT", ""),
    ("alert_snooze", {"until": "2020-01-01T00:00:00Z"}, INVALID, "input.until"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def room(database: Database) -> Stockroom:
    """One for the whole file: nothing that is refused changes it."""
    return await furnished(database, await cities.build(database))


@pytest.mark.parametrize(("name", "field", "wrong"), COUNTED)
async def test_a_number_that_nobody_can_mean_is_named_by_line_and_field(
    room: Stockroom, name: str, field: str, wrong: list[int]
) -> None:
    before = await room.written()
    for value in wrong:
        said = await room.troubles(name, room.input(name, {field: value}))
        assert said == {(INVALID, f"input.{field}")}, value
    for value in NOT_WHOLE:
        assert await room.troubles(name, room.input(name, {field: value})) == BAD_USER_INPUT, value
    assert await room.written() == before


@pytest.mark.parametrize(("name", "field", "expected"), NAMED)
async def test_what_is_not_there_or_not_yours_is_named_by_line_and_field(
    room: Stockroom, name: str, field: str, expected: str
) -> None:
    before = await room.written()
    city = room.city
    for value in [
        *STRANGE,
        id_of(city.second.products[0]),
        encode(Store, city.second.stores[0].id),
    ]:
        [(kind, path)] = await room.troubles(name, room.input(name, {field: value}))
        assert path == f"input.{field}", value
        assert kind in {expected, "NotFound"}, value
    assert await room.written() == before


@pytest.mark.parametrize("name", VERSIONED)
async def test_a_version_that_is_gone_is_a_conflict(room: Stockroom, name: str) -> None:
    before = await room.written()
    for version in (-1, 0, 7_000):
        said = await room.troubles(name, room.input(name, {"expectedVersion": version}))
        assert said == {("VersionConflict", "input.expectedVersion")}
    assert await room.written() == before


@pytest.mark.parametrize(("name", "changes", "kind", "path"), ODD)
async def test_what_can_not_be_is_refused(
    room: Stockroom, name: str, changes: dict[str, Any], kind: str, path: str
) -> None:
    before = await room.written()
    assert await room.troubles(name, room.input(name, changes)) == {(kind, path)}
    assert await room.written() == before


async def test_goods_are_not_moved_to_where_they_are(room: Stockroom) -> None:
    before = await room.written()
    given = room.input("transfer_request", {"destinationId": room.store})
    assert await room.troubles("transfer_request", given) == {("SameStore", "input.destinationId")}
    assert await room.written() == before


@pytest.mark.parametrize("name", ["purchase_order_receive", "transfer_receive"])
async def test_the_same_goods_are_taken_in_once_by_whoever_is_first(
    database: Database, name: str
) -> None:
    own = await furnished(database, await cities.build(database))
    given = own.given[name]
    answers = await asyncio.gather(*(own.troubles(name, given) for _ in range(4)))
    assert sorted(map(len, answers)) == [0, 1, 1, 1]
    late = {kind for said in answers for kind, _ in said}
    assert late <= {"VersionConflict", "IllegalStep"}
    assert await unexplained(database, own.city) == []


async def test_of_two_managers_who_saw_the_same_shelf_one_sets_it(database: Database) -> None:
    own = await furnished(database, await cities.build(database))
    place = {"storeId": own.store, "productId": own.product(6), "reason": "ADJUSTMENT"}
    ask = "stock_adjust"
    given = [{**place, "onHand": units, "expectedVersion": 1} for units in (40, 60)]
    answers = await asyncio.gather(
        *(own.told(ask, one, who) for one, who in zip(given, (own.owner, own.manager), strict=True))
    )
    payloads = [one.data["stockAdjust"] for one in answers]
    [conflict] = [error for one in payloads for error in one["errors"]]
    assert conflict["current"] == 2
    assert await unexplained(database, own.city) == []


async def test_shelves_are_counted_while_orders_flow(database: Database) -> None:
    own = await furnished(database, await cities.build(database))
    combiner = Combiner(database)
    combiner.start()
    sold = {own.city.products[4].id: 1}
    where = (own.city.company.id, own.city.near.id)

    async def buy() -> bool:
        return isinstance(await combiner.hold(*where, uuid7(), sold, 60), Held)

    flow = asyncio.gather(*(buy() for _ in range(30)))
    await own.do("stock_count_line_set", counted=45)
    await own.do("stock_count_submit")
    await own.do("stock_count_approve")
    held = sum(await flow)
    await combiner.close()
    shelf = await own.shelf(4)
    assert (shelf.on_hand, shelf.held) == (45, held)
    assert await unexplained(database, own.city) == []
