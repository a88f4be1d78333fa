"""Invalid inputs of stock mutations: named by line and field, without any change."""

import asyncio
from typing import Any

import pytest

from database.base import uuid7
from database.sessions import Database
from models.catalog import Product
from models.ids import encode_id
from models.stores import Store
from services.stock.reservation_decisions import ReservationSuccess
from tests.support import city as cities
from tests.support.graph_queries import public_id
from tests.support.operations.invalid_stock_cases import StockScenario, build_stock_scenario
from tests.support.paid_orders import unexplained_stock
from workflows.stock.reservation_batcher import ReservationBatcher

INVALID, SHORT = "InvalidInput", "InsufficientStock"
TOO_LARGE = 2_000_000_000
EXPIRES = "lines.0.sellByDate"
NOT_INTEGERS: list[Any] = [1.5, "3", 2**63, True, [1, 2], {}]
BAD_USER_INPUT = {("BAD_USER_INPUT", "")}
INVALID_IDS: list[Any] = ["", "\x07", "prd_", "x" * 5_000, encode_id(Product, uuid7())]

# Operation, input field, and its invalid whole numbers.
INVALID_NUMBERS: list[tuple[str, str, list[int]]] = [
    ("supplier_create", "leadTimeDays", [-1, TOO_LARGE]),
    ("supplier_create", "reviewPeriodDays", [-1, 0, TOO_LARGE]),
    ("supplier_create", "minimumOrderMinor", [-1]),
    ("supplier_create", "overTolerancePercent", [-1, 101]),
    ("supplier_products_set", "products.1.unitsPerPack", [-1, 0, TOO_LARGE]),
    ("supplier_products_set", "products.1.packCostMinor", [-1]),
    ("supplier_products_set", "products.1.leadTimeDays", [-1, TOO_LARGE]),
    ("purchase_order_create", "lines.1.packQuantity", [-1, 0, TOO_LARGE]),
    ("purchase_order_create", "lines.1.packCostMinor", [-1]),
    ("purchase_order_lines_set", "lines.1.packQuantity", [-1, 0, TOO_LARGE]),
    ("purchase_order_receive", "lines.0.quantity", [-1, TOO_LARGE]),
    ("purchase_order_receive", "lines.0.damaged", [-1, TOO_LARGE]),
    ("transfer_request", "lines.1.quantity", [-1, 0, TOO_LARGE]),
    ("transfer_ship", "lines.1.quantity", [-1]),
    ("transfer_receive", "discrepancies.0.received", [-1]),
    ("transfer_receive", "discrepancies.0.damaged", [-1]),
    ("stock_count_line_set", "counted", [-1, TOO_LARGE]),
    ("stock_adjust", "delta", [0, TOO_LARGE]),
    ("stock_bulk_set", "lines.1.quantity", [-1, TOO_LARGE]),
    ("stock_write_off", "quantity", [-1, 0, TOO_LARGE]),
    ("pos_sale_create", "lines.0.quantity", [-1, 0, TOO_LARGE]),
    ("pos_sale_create", "lines.0.weightGrams", [-1, 0, 5, TOO_LARGE]),
    ("pos_sale_create", "cashReceivedMinor", [-1, 0, TOO_LARGE]),
    ("listing_price_schedule", "priceMinor", [-1, 0, TOO_LARGE]),
    ("listing_price_set", "priceMinor", [-1, 0, TOO_LARGE]),
    ("stock_reorder_point_set", "units", [-1, TOO_LARGE]),
]
# Operation, input field, and the error for an id that is not one of the company's.
IDS: list[tuple[str, str, str]] = [
    ("supplier_products_set", "supplierId", "NotFound"),
    ("supplier_products_set", "products.1.productId", "NotFound"),
    ("purchase_order_create", "storeId", "NotFound"),
    ("purchase_order_create", "supplierId", "NotFound"),
    ("purchase_order_create", "lines.1.productId", "ProductNotSupplied"),
    ("purchase_order_lines_set", "purchaseOrderId", "NotFound"),
    ("purchase_order_lines_set", "lines.1.productId", "ProductNotSupplied"),
    ("purchase_order_approve", "purchaseOrderId", "NotFound"),
    ("purchase_order_receive", "purchaseOrderId", "NotFound"),
    ("purchase_order_receive", "lines.0.product.productId", "NotOrdered"),
    ("transfer_request", "sourceStoreId", "NotFound"),
    ("transfer_request", "destinationStoreId", "NotFound"),
    ("transfer_request", "lines.1.productId", "NotFound"),
    ("transfer_ship", "transferId", "NotFound"),
    ("transfer_ship", "lines.1.productId", "NotFound"),
    ("transfer_receive", "transferId", "NotFound"),
    ("transfer_receive", "discrepancies.0.productId", "NotFound"),
    ("stock_count_start", "storeId", "NotFound"),
    ("stock_count_start", "productIds.0", "NotFound"),
    ("stock_count_line_set", "stockCountId", "NotFound"),
    ("stock_count_line_set", "product.productId", "NotFound"),
    ("stock_adjust", "storeId", "NotFound"),
    ("stock_adjust", "productId", "NotFound"),
    ("stock_bulk_set", "storeId", "NotFound"),
    ("stock_bulk_set", "lines.1.productId", "NotFound"),
    ("stock_write_off", "storeId", "NotFound"),
    ("stock_write_off", "goods.productId", "NotFound"),
    ("batch_recall_create", "companyId", "NotFound"),
    ("batch_recall_create", "productId", "NotFound"),
    ("stock_import_start", "companyId", "NotFound"),
    ("stock_import_start", "stockImportFileId", "NotFound"),
    ("pos_sale_create", "storeId", "NotFound"),
    ("pos_sale_create", "lines.0.product.productId", "UnknownProductCode"),
    ("pos_sale_void", "posSaleId", "NotFound"),
    ("listing_price_schedule", "storeId", "NotFound"),
    ("listing_price_schedule", "productId", "NotFound"),
    ("listing_availability_set", "productId", "NotFound"),
    ("stock_reorder_point_set", "storeId", "NotFound"),
    ("stock_reorder_point_set", "productId", "NotFound"),
    ("stock_alert_acknowledge", "stockAlertId", "NotFound"),
    ("stock_alert_snooze", "stockAlertId", "NotFound"),
]
VERSIONED = [
    "supplier_products_set", "purchase_order_lines_set", "purchase_order_approve",
    "purchase_order_receive", "transfer_ship", "transfer_receive", "stock_adjust",
    "listing_price_set", "listing_availability_set", "stock_count_submit",
]  # fmt: skip
# Operation, changes of its input, and the only error: its type and path.
INVALID_VALUES: list[tuple[str, dict[str, Any], str, str]] = [
    ("supplier_create", {"code": ""}, INVALID, "input.code"),
    ("supplier_create", {"code": "lacto"}, "SupplierCodeTaken", "input.code"),
    ("supplier_create", {"name": "\x07"}, INVALID, "input.name"),
    ("supplier_create", {"email": "nobody"}, INVALID, "input.email"),
    ("purchase_order_create", {"lines": []}, INVALID, "input.lines"),
    ("purchase_order_receive", {EXPIRES: "2020-02-29"}, INVALID, f"input.{EXPIRES}"),
    ("purchase_order_receive", {EXPIRES: "2023-02-29"}, "BAD_USER_INPUT", ""),
    ("purchase_order_receive", {"lines.0.quantity": 900}, "OverReceipt", "input.lines.0.quantity"),
    ("transfer_request", {"lines": []}, INVALID, "input.lines"),
    ("transfer_ship", {"lines.1.quantity": 3}, INVALID, "input.lines.1.quantity"),
    (
        "transfer_receive",
        {"discrepancies.0.received": 3},
        INVALID,
        "input.discrepancies.0.received",
    ),
    ("transfer_approve", {}, "InvalidTransition", "input.transferId"),
    ("stock_count_start", {"productIds": []}, INVALID, "input.productIds"),
    ("stock_adjust", {"delta": -1}, INVALID, "input.reason"),
    ("stock_adjust", {"delta": -1, "reason": "SALE"}, INVALID, "input.reason"),
    ("stock_adjust", {"delta": -1, "reason": "STOLEN"}, "BAD_USER_INPUT", ""),
    ("stock_bulk_set", {"lines": []}, INVALID, "input.lines"),
    ("stock_write_off", {"quantity": 51}, SHORT, "input.quantity"),
    ("batch_recall_create", {"batchCode": " "}, INVALID, "input.batchCode"),
    ("stock_import_start", {}, "InvalidFile", "input.stockImportFileId"),
    ("pos_sale_create", {"lines": []}, INVALID, "input.lines"),
    ("pos_sale_create", {"lines.0.quantity": 60}, SHORT, "input.lines.0.quantity"),
    ("pos_sale_void", {"note": ""}, INVALID, "input.note"),
    ("listing_price_schedule", {"startsAt": "2020-01-01T00:00:00Z"}, INVALID, "input.startsAt"),
    ("listing_price_schedule", {"endsAt": "2020-01-01T00:00:00Z"}, INVALID, "input.endsAt"),
    ("listing_price_schedule", {"startsAt": "tomorrow"}, "BAD_USER_INPUT", ""),
    ("stock_alert_snooze", {"until": "2020-01-01T00:00:00Z"}, INVALID, "input.until"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def scenario(database: Database) -> StockScenario:
    """One scenario for the whole module: refused mutations do not change it."""
    return await build_stock_scenario(database, await cities.build_city(database))


@pytest.mark.parametrize(("name", "field", "numbers"), INVALID_NUMBERS)
async def test_an_invalid_number_is_named_by_line_and_field(
    scenario: StockScenario, name: str, field: str, numbers: list[int]
) -> None:
    before = await scenario.snapshot()
    for value in numbers:
        errors = await scenario.errors_of(name, scenario.changed_input(name, {field: value}))
        assert errors == {(INVALID, f"input.{field}")}, value
    for value in NOT_INTEGERS:
        assert (
            await scenario.errors_of(name, scenario.changed_input(name, {field: value}))
            == BAD_USER_INPUT
        ), value
    assert await scenario.snapshot() == before


@pytest.mark.parametrize(("name", "field", "expected"), IDS)
async def test_an_unknown_or_foreign_id_is_named_by_line_and_field(
    scenario: StockScenario, name: str, field: str, expected: str
) -> None:
    before = await scenario.snapshot()
    city = scenario.city
    for value in [
        *INVALID_IDS,
        public_id(city.second.products[0]),
        encode_id(Store, city.second.stores[0].id),
    ]:
        [(kind, path)] = await scenario.errors_of(
            name, scenario.changed_input(name, {field: value})
        )
        assert path == f"input.{field}", value
        assert kind in {expected, "NotFound"}, value
    assert await scenario.snapshot() == before


@pytest.mark.parametrize("name", VERSIONED)
async def test_a_stale_version_is_a_conflict(scenario: StockScenario, name: str) -> None:
    before = await scenario.snapshot()
    for version in (-1, 0, 7_000):
        errors = await scenario.errors_of(
            name, scenario.changed_input(name, {"expectedVersion": version})
        )
        assert errors == {("VersionConflict", "input.expectedVersion")}
    assert await scenario.snapshot() == before


@pytest.mark.parametrize(("name", "changes", "kind", "path"), INVALID_VALUES)
async def test_invalid_values_are_refused(
    scenario: StockScenario, name: str, changes: dict[str, Any], kind: str, path: str
) -> None:
    before = await scenario.snapshot()
    assert await scenario.errors_of(name, scenario.changed_input(name, changes)) == {(kind, path)}
    assert await scenario.snapshot() == before


async def test_a_transfer_to_the_same_store_is_refused(scenario: StockScenario) -> None:
    before = await scenario.snapshot()
    request = scenario.changed_input("transfer_request", {"destinationStoreId": scenario.store})
    assert await scenario.errors_of("transfer_request", request) == {
        ("SameSourceAndDestination", "input.destinationStoreId")
    }
    assert await scenario.snapshot() == before


@pytest.mark.parametrize("name", ["purchase_order_receive", "transfer_receive"])
async def test_goods_are_received_once_by_the_first_of_several_requests(
    database: Database, name: str
) -> None:
    scenario = await build_stock_scenario(database, await cities.build_city(database))
    receipt = scenario.inputs[name]
    answers = await asyncio.gather(*(scenario.errors_of(name, receipt) for _ in range(4)))
    assert sorted(map(len, answers)) == [0, 1, 1, 1]
    errors = {kind for answer in answers for kind, _ in answer}
    assert errors <= {"VersionConflict", "InvalidTransition"}
    assert await unexplained_stock(database, scenario.city) == []


async def test_one_of_two_managers_who_saw_the_same_version_succeeds(database: Database) -> None:
    scenario = await build_stock_scenario(database, await cities.build_city(database))
    stock = {"storeId": scenario.store, "productId": scenario.product(6), "reason": "ADJUSTMENT"}
    operation = "stock_adjust"
    inputs = [{**stock, "onHand": units, "expectedVersion": 1} for units in (40, 60)]
    actors = (scenario.owner, scenario.manager)
    answers = await asyncio.gather(
        *(
            scenario.answer(operation, values, actor)
            for values, actor in zip(inputs, actors, strict=True)
        )
    )
    payloads = [answer.data["stockAdjust"] for answer in answers]
    [conflict] = [error for payload in payloads for error in payload["errors"]]
    assert conflict["currentVersion"] == 2
    assert await unexplained_stock(database, scenario.city) == []


async def test_stock_is_counted_while_units_are_reserved(database: Database) -> None:
    scenario = await build_stock_scenario(database, await cities.build_city(database))
    reservation_queue = ReservationBatcher(database)
    reservation_queue.start()
    quantities = {scenario.city.products[4].id: 1}
    store = (scenario.city.company.id, scenario.city.near.id)

    async def reserve() -> bool:
        return isinstance(
            await reservation_queue.reserve(*store, uuid7(), quantities, 60), ReservationSuccess
        )

    reservations = asyncio.gather(*(reserve() for _ in range(30)))
    await scenario.run("stock_count_line_set", counted=45)
    await scenario.run("stock_count_submit")
    await scenario.run("stock_count_approve")
    reserved = sum(await reservations)
    await reservation_queue.close()
    row = await scenario.stock_row(4)
    assert (row.on_hand, row.reserved) == (45, reserved)
    assert await unexplained_stock(database, scenario.city) == []
