"""Goods receipts: refused deliveries, and that receipts are append-only."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.purchasing import PurchaseOrderStatus as Status
from services.core.problems import InvalidInput, NotFound
from services.purchasing.goods_receipts import GoodsReceiptItem, OverReceipt
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.suppliers import (
    SupplierScenario,
    create_supplier_scenario,
    expect_problems,
    receipt_item,
)


@pytest.fixture
async def supply(database: Database, city: City) -> SupplierScenario:
    return await create_supplier_scenario(database, city)


async def test_over_receipt_beyond_the_tolerance_needs_a_manager(
    database: Database, city: City
) -> None:
    supply = await create_supplier_scenario(database, city, over_tolerance_percent=20)
    ordered = await supply.create_ordered(1, 1)
    within = [receipt_item(supply, 1, 7)]
    await supply.receive(ordered, within)
    ordered = await supply.reload(ordered)
    over = [
        receipt_item(supply, 0, 5, batch_code="a"),
        receipt_item(supply, 0, 3, batch_code="b", damaged=1),
    ]
    for actor, allowed in ((supply.picker, False), (supply.picker, True), (supply.manager, False)):
        [problem] = await expect_problems(
            supply.receive(ordered, over, actor, allow_over_receipt=allowed)
        )
        assert isinstance(problem, OverReceipt)
        assert (problem.ordered, problem.received, problem.limit) == (6, 9, 7)
        assert problem.path == ["input", "lines", "1", "quantity"]
    await supply.receive(ordered, over, supply.manager, allow_over_receipt=True)
    assert (await supply.reload(ordered)).status is Status.RECEIVED
    assert (await supply.stock_level()).incoming == 0
    assert await supply.incoming_mismatches() == {}


INVALID_LINES: list[tuple[dict[str, Any], type, list[str]]] = [
    ({"quantity": -1}, InvalidInput, ["lines", "0", "quantity"]),
    ({"quantity": 1, "damaged": -1}, InvalidInput, ["lines", "0", "damaged"]),
    ({"quantity": 0}, InvalidInput, ["lines", "0", "quantity"]),
    ({"quantity": 10**9}, InvalidInput, ["lines", "0", "quantity"]),
    ({"quantity": 1, "batch_code": "a\0"}, InvalidInput, ["lines", "0", "batchCode"]),
    ({"quantity": 1, "batch_code": ""}, InvalidInput, ["lines", "0", "batchCode"]),
    (
        {"quantity": 1, "batch_code": "b", "sell_by_date": date(2020, 1, 1)},
        InvalidInput,
        ["lines", "0", "sellByDate"],
    ),
    ({"quantity": 1, "product_id": uuid7()}, NotFound, ["lines", "0", "product", "productId"]),
]


@pytest.mark.parametrize(("line", "kind", "path"), INVALID_LINES)
async def test_a_delivery_with_an_invalid_line_is_refused_as_a_whole(
    supply: SupplierScenario, line: dict[str, Any], kind: type, path: list[str]
) -> None:
    ordered = await supply.create_ordered(2, 1)
    invalid = GoodsReceiptItem(**({"product_id": supply.product(0)} | line))
    [problem, *_] = await expect_problems(
        supply.receive(ordered, [invalid, receipt_item(supply, 1, 1)])
    )
    assert (type(problem), problem.path) == (kind, ["input", *path])
    assert (await supply.stock_level(1)).on_hand == 50
    assert (await supply.reload(ordered)).status is Status.APPROVED


async def test_receipts_can_not_be_changed_or_deleted(supply: SupplierScenario) -> None:
    ordered = await supply.create_ordered(1)
    await supply.receive(ordered, [receipt_item(supply, 0, 1)])
    for table, change in (("goods_receipt", "note = 'x'"), ("goods_receipt_line", "quantity = 9")):
        for statement in (f"update {table} set {change}", f"delete from {table}"):  # noqa: S608 - constant names
            with pytest.raises(DBAPIError, match="permission denied"):
                async with supply.database.write(PLATFORM, ORIGIN) as session:
                    await session.execute(text(statement))
