"""Taking in what a supplier brings: what is refused, and that no receipt is rewritten."""

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
from services.purchasing.goods_receipts import Arrived, OverReceipt
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.suppliers import Supply, came, refused, supplied


@pytest.fixture
async def supply(database: Database, city: City) -> Supply:
    return await supplied(database, city)


async def test_more_than_ordered_needs_a_manager_beyond_the_tolerance(
    database: Database, city: City
) -> None:
    supply = await supplied(database, city, over_tolerance_percent=20)
    ordered = await supply.ordered(1, 1)
    within = [came(supply, 1, 7)]
    await supply.receive(ordered, within)
    ordered = await supply.fresh(ordered)
    over = [came(supply, 0, 5, batch_code="a"), came(supply, 0, 3, batch_code="b", damaged=1)]
    for actor, allowed in ((supply.picker, False), (supply.picker, True), (supply.manager, False)):
        [reason] = await refused(supply.receive(ordered, over, actor, over_allowed=allowed))
        assert isinstance(reason, OverReceipt)
        assert (reason.ordered, reason.arrived, reason.most) == (6, 9, 7)
        assert reason.path == ["input", "lines", "1", "quantity"]
    await supply.receive(ordered, over, supply.manager, over_allowed=True)
    assert (await supply.fresh(ordered)).status is Status.RECEIVED
    assert (await supply.shelf()).incoming == 0
    assert await supply.unexplained() == {}


BAD: list[tuple[dict[str, Any], type, list[str]]] = [
    ({"quantity": -1}, InvalidInput, ["lines", "0", "quantity"]),
    ({"quantity": 1, "damaged": -1}, InvalidInput, ["lines", "0", "damaged"]),
    ({"quantity": 0}, InvalidInput, ["lines", "0", "quantity"]),
    ({"quantity": 10**9}, InvalidInput, ["lines", "0", "quantity"]),
    ({"quantity": 1, "batch_code": "a\0"}, InvalidInput, ["lines", "0", "batchCode"]),
    ({"quantity": 1, "batch_code": ""}, InvalidInput, ["lines", "0", "batchCode"]),
    (
        {"quantity": 1, "batch_code": "b", "expires_on": date(2020, 1, 1)},
        InvalidInput,
        ["lines", "0", "expiresOn"],
    ),
    ({"quantity": 1, "product_id": uuid7()}, NotFound, ["lines", "0", "productId"]),
]


@pytest.mark.parametrize(("line", "kind", "path"), BAD)
async def test_a_delivery_that_can_not_be_right_is_refused_whole(
    supply: Supply, line: dict[str, Any], kind: type, path: list[str]
) -> None:
    ordered = await supply.ordered(2, 1)
    bad = Arrived(**({"product_id": supply.product(0)} | line))
    [reason, *_] = await refused(supply.receive(ordered, [bad, came(supply, 1, 1)]))
    assert (type(reason), reason.path) == (kind, ["input", *path])
    assert (await supply.shelf(1)).on_hand == 50
    assert (await supply.fresh(ordered)).status is Status.APPROVED


async def test_receipts_can_not_be_rewritten(supply: Supply) -> None:
    ordered = await supply.ordered(1)
    await supply.receive(ordered, [came(supply, 0, 1)])
    for table, change in (("goods_receipt", "note = 'x'"), ("goods_receipt_line", "quantity = 9")):
        for statement in (f"update {table} set {change}", f"delete from {table}"):  # noqa: S608 - names of our own
            with pytest.raises(DBAPIError, match="permission denied"):
                async with supply.database.write(PLATFORM, ORIGIN) as session:
                    await session.execute(text(statement))
